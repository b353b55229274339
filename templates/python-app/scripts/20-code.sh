#!/bin/sh
set -eu

before=$(git -C /opt/app rev-parse HEAD 2>/dev/null) || before=
if [ -z "$repo" ]; then
	[ -d /opt/app ] || cp -R /opt/sample /opt/app
elif [ -d /opt/app/.git ]; then
	git -C /opt/app remote set-url origin "$repo"
	git -C /opt/app fetch -q origin "$branch"
	git -C /opt/app reset -q --hard FETCH_HEAD
else
	rm -rf /opt/app
	git clone -q --branch "$branch" "$repo" /opt/app
fi
after=$(git -C /opt/app rev-parse HEAD 2>/dev/null) || after=

# Debian's gunicorn is seen in it, too.
[ -x /opt/venv/bin/python ] || python3 -m venv --system-site-packages --without-pip /opt/venv
list=/opt/app/requirements.txt
if [ -s "$list" ] && ! cmp -s "$list" /opt/venv/requirements.txt; then
	python3 -m venv --system-site-packages /opt/venv
	/opt/venv/bin/pip install -q -r "$list"
	cp "$list" /opt/venv/requirements.txt
fi
if ! systemctl is-active -q app || [ "$before" != "$after" ]; then
	systemctl restart app
fi
