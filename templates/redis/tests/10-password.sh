#!/bin/sh
set -eu

. /etc/infrahaus/credentials/redis
export REDISCLI_AUTH="$PASSWORD"
redis-cli -p "$port" set infrahaus works | grep -x OK
redis-cli -p "$port" get infrahaus | grep -x works
unset REDISCLI_AUTH
redis-cli -p "$port" get infrahaus | grep NOAUTH
