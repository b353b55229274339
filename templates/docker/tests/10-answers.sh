#!/bin/sh
set -eu

wget -qO- "http://127.0.0.1:$port/" | cmp - /opt/hello/www/index.html
docker inspect hello >/dev/null
