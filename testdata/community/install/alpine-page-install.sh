#!/usr/bin/env bash

source /dev/stdin <<<"$FUNCTIONS_FILE_PATH"
color
verb_ip6
catch_errors
setting_up_container
update_os

$STD apk add nginx
rc-update add nginx default
rc-service nginx start

motd_ssh
customize
