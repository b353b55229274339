#!/bin/sh
set -eu

# Pass the password on standard input: every user can read the arguments of a process.
quoted=$(printf '%s' "$db_password" | sed 's/\\/\\\\/g; s/'"'"'/\\&/g')
mariadb <<SQL
SET sql_mode = '';
CREATE DATABASE IF NOT EXISTS \`$db_name\`;
CREATE USER IF NOT EXISTS \`$db_user\`@\`$allow\`;
ALTER USER \`$db_user\`@\`$allow\` IDENTIFIED BY '$quoted';
GRANT ALL ON \`$db_name\`.* TO \`$db_user\`@\`$allow\`;
SQL
log_info "The database $db_name belongs to $db_user, from $allow"

save_credential mariadb USER "$db_user"
save_credential mariadb PASSWORD "$db_password"
save_credential mariadb DATABASE "$db_name"
save_credential mariadb PORT "$port"
