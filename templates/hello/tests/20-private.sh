#!/bin/sh
set -eu

if wget -qO- "http://127.0.0.1:$port/private"; then
	echo "/private answers without a password"
	exit 1
fi
