#!/bin/sh
set -eu

. /etc/infrahaus/credentials/mariadb
sql() { mariadb --protocol=tcp --host=127.0.0.1 --port="$port" -N -e "$2" -u "$1" "$db_name"; }
MYSQL_PWD=$PASSWORD sql "$db_user" 'CREATE TEMPORARY TABLE t (n INT); INSERT INTO t VALUES (42); SELECT n FROM t' | grep -x 42
if MYSQL_PWD=wrong sql "$db_user" 'SELECT 1'; then
	echo "a wrong password is accepted"
	exit 1
fi
if sql root 'SELECT 1'; then
	echo "root logs in over the network without a password"
	exit 1
fi
