#!/bin/sh
set -eu

cd / # psql complains about a folder that postgres cannot enter, such as /root
sql() { runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

n=0
until sql -c 'select 1' >/dev/null 2>&1; do
	n=$((n + 1))
	if [ "$n" -gt 300 ]; then
		log_error "PostgreSQL does not answer"
		exit 1
	fi
	sleep 0.1
done

# Pass the password on standard input: every user can read the arguments of a process.
quoted=$(printf '%s' "$db_password" | sed "s/'/''/g")
verb=CREATE
[ -z "$(sql -c "select 1 from pg_roles where rolname = '$db_user'")" ] || verb=ALTER
printf "SET standard_conforming_strings = on;\n%s ROLE %s LOGIN PASSWORD '%s';\n" "$verb" "$db_user" "$quoted" | sql
if [ -z "$(sql -c "select 1 from pg_database where datname = '$db_name'")" ]; then
	sql -c "CREATE DATABASE $db_name OWNER $db_user TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
fi
log_info "The database $db_name belongs to $db_user"

save_credential postgresql USER "$db_user"
save_credential postgresql PASSWORD "$db_password"
save_credential postgresql DATABASE "$db_name"
save_credential postgresql PORT 5432
