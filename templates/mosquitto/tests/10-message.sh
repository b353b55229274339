#!/bin/sh
set -eu

. /etc/infrahaus/credentials/mosquitto
mosquitto_pub -p "$port" -u "$USER" -P "$PASSWORD" -t infrahaus/test -r -m works
mosquitto_sub -p "$port" -u "$USER" -P "$PASSWORD" -t infrahaus/test -C 1 -W 10 | grep -x works
mosquitto_pub -p "$port" -u "$USER" -P "$PASSWORD" -t infrahaus/test -r -n
if mosquitto_pub -p "$port" -t infrahaus/test -m anonymous; then
	echo "a client without a password is let in"
	exit 1
fi
