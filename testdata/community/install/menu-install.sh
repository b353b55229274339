#!/usr/bin/env bash

source /dev/stdin <<<"$FUNCTIONS_FILE_PATH"
color
verb_ip6
catch_errors
setting_up_container
if ! KIND=$(whiptail --title "Menu" --menu "Choose" 10 40 2 "1" "one" "2" "two" 3>&1 1>&2 2>&3); then
  exit 1
fi
select size in small large; do
  break
done
passwd root
echo "root:secret" | chpasswd
printf 'a\na\n' | passwd app
stty -echo </dev/tty
adduser app
adduser --system --group daemon
nano /etc/menu.conf
