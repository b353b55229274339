#!/bin/sh
set -eu

. /etc/infrahaus/credentials/rabbitmq
api="http://127.0.0.1:$web_port/api"
curl -fsS -u "$USER:$PASSWORD" "$api/overview" | grep -q '"rabbitmq_version"'
curl -fsS -u "$USER:$PASSWORD" "$api/users" | grep -v '"name":"guest"' | grep "\"name\":\"$user\""
status=$(curl -s -o /dev/null -w '%{http_code}' -u guest:guest "$api/overview")
[ "$status" = 401 ] || { echo "guest gets $status"; exit 1; }
