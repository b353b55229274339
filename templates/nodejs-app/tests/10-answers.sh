#!/bin/sh
set -eu

wget -qO- "http://127.0.0.1:$port/" | grep -F Node.js
[ "$(ps -o user= -p "$(systemctl show -P MainPID app)")" = app ]
