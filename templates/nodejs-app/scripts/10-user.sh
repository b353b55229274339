#!/bin/sh
set -eu

id app >/dev/null 2>&1 || useradd --system --no-create-home --home-dir /var/lib/app --shell /usr/sbin/nologin app
systemctl daemon-reload
