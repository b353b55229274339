#!/bin/sh
set -eu

wget -qO- "http://127.0.0.1:$ready_port/" | cmp - /var/www/html/index.html
wget -qS -O /dev/null "http://127.0.0.1:$ready_port/" 2>&1 | grep -i '^ *server:' && { echo "it names itself"; exit 1; }
[ "$(wget -qO- http://127.0.0.1:2019/config/ | head -c 1)" = "{" ]
