#!/bin/sh
set -eu

nginx -t
wget -qO- http://127.0.0.1/ | cmp - /var/www/html/index.html
