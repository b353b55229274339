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
if [ "$npm" = true ]; then
	ensure_installed npm
	[ "$before" = "$after" ] && [ -d /opt/app/node_modules ] || (cd /opt/app && npm ci --omit=dev --no-audit --no-fund)
fi
if ! systemctl is-active -q app || [ "$before" != "$after" ]; then
	systemctl restart app
fi
