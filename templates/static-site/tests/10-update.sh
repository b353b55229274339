#!/bin/sh
set -eu

work=$(mktemp -d /var/tmp/site-XXXXXX)
trap 'rm -rf "$work"; rm -rf /run/systemd/system/site-update.service.d; systemctl daemon-reload; systemctl start site-update' EXIT
wget -qO- "http://127.0.0.1:$port/" >/dev/null

# Another repository, for this test alone.
chmod 0755 "$work"
git init -q -b main "$work/site"
cd "$work/site"
git config user.name test
git config user.email test@localhost
page() { mkdir -p pages; echo "$1" >pages/index.html; git add .; git commit -q -m "$1"; }
page first
chown -R www-data: "$work/site"
mkdir -p /run/systemd/system/site-update.service.d
printf '[Service]\nEnvironmentFile=\nEnvironment=REPO=file://%s/site BRANCH=main FOLDER=pages\nPrivateTmp=no\n' "$work" >/run/systemd/system/site-update.service.d/test.conf
systemctl daemon-reload
systemctl start site-update || { journalctl -u site-update -o cat; exit 1; }
[ "$(wget -qO- "http://127.0.0.1:$port/")" = first ]
git config --global --add safe.directory "$work/site"
page second
chown -R www-data: "$work/site"
systemctl start site-update
[ "$(wget -qO- "http://127.0.0.1:$port/")" = second ]
if wget -qO- "http://127.0.0.1:$port/.git/config"; then
	echo "files whose names begin with a dot are served"
	exit 1
fi
git config --global --unset-all safe.directory
