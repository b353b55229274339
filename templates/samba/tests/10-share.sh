#!/bin/sh
set -eu

. /etc/infrahaus/credentials/samba
login=$(mktemp)
trap 'rm -f "$login" "$login.back"' EXIT
printf 'username = %s\npassword = %s\n' "$USER" "$PASSWORD" >"$login"
smbclient "//127.0.0.1/$SHARE" -A "$login" -c "put /etc/hostname hostname; get hostname $login.back; rm hostname"
cmp /etc/hostname "$login.back"
if smbclient "//127.0.0.1/$SHARE" -N -c ls; then
	echo "a guest is let in"
	exit 1
fi
