#!/bin/sh
source /etc/os-release
[ "$1" == x ] || exit 0
[[ -f /x ]] && declare -r y=1
