#!/bin/sh
set -eu

log_info "Setting the password of admin"
save_credential hello USER admin
save_credential hello PASSWORD "$password"
umask 027
mkdir -p /etc/hello
printf 'Basic %s\n' "$(printf 'admin:%s' "$password" | base64 | tr -d '\n')" >/etc/hello/authorization
chgrp www-data /etc/hello /etc/hello/authorization

log_info "Starting the page on port $port"
systemctl enable --now hello.socket
