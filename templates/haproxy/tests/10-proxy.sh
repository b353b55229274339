#!/bin/sh
set -eu

. /etc/infrahaus/credentials/haproxy
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
[ "$(status "http://127.0.0.1:$port/haproxy-ready")" = 200 ]
[ -n "$backends" ] || [ "$(status "http://127.0.0.1:$port/")" = 503 ]
[ "$(status "http://$stats/")" = 401 ]
[ "$(status -u "admin:$PASSWORD" "http://$stats/")" = 200 ]
