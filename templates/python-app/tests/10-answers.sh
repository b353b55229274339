#!/bin/sh
set -eu

wget -qO- "http://127.0.0.1:$port/" | grep -F Python
pid=$(systemctl show -P MainPID app)
[ "$(ps -o user= -p "$pid")" = app ]
tr '\0' '\n' <"/proc/$pid/environ" | grep -q '^SECRET_KEY=................'
