#!/bin/sh
set -eu

. /etc/infrahaus/credentials/prometheus
api="http://127.0.0.1:$port/api/v1/query?query=up%7Bjob%3D%22node%22%7D"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$api")" = 401 ]
n=0
until curl -fsS -u "admin:$PASSWORD" "$api" | grep -q '"1"\]'; do
	n=$((n + 1))
	[ $n -lt 60 ] || { echo "no figures of the node exporter"; exit 1; }
	sleep 1
done
