#!/bin/sh
[ ! -e /root/updated ] || exit 10
echo "2 is there"
