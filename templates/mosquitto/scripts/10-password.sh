#!/bin/sh
set -eu

# A hash has another salt each time: it is made anew only if the password is another one.
saved=$(. /etc/infrahaus/credentials/mosquitto 2>/dev/null && printf '%s:%s' "$USER" "$PASSWORD") || saved=
file=/etc/mosquitto/passwords
if [ "$saved" != "$user:$password" ] || [ ! -s "$file" ]; then
	log_info "Setting the password of $user"
	(umask 077 && printf '%s:%s\n' "$user" "$password" >"$file.new")
	mosquitto_passwd -U "$file.new"
	chown mosquitto: "$file.new"
	mv "$file.new" "$file"
	systemctl restart mosquitto
fi
save_credential mosquitto USER "$user"
save_credential mosquitto PASSWORD "$password"
save_credential mosquitto PORT "$port"
