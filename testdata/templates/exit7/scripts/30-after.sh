#!/bin/sh
echo "this must not run"
touch /root/ran-after-failure
