#!/bin/sh
set -eu

for d in /etc/postgresql/*/main; do
	mkdir -p "$d/conf.d"
	printf "listen_addresses = '*'\npassword_encryption = 'scram-sha-256'\n" >"$d/conf.d/infrahaus.conf"
	chown -R postgres:postgres "$d/conf.d"
	line="host all all $allow scram-sha-256"
	grep -qxF "$line" "$d/pg_hba.conf" || printf '%s\n' "$line" >>"$d/pg_hba.conf"
	log_info "$d: listens everywhere, lets in $allow"
done
systemctl enable postgresql
systemctl restart postgresql
