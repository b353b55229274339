#!/bin/sh
set -eu
echo "$domain" >"$target"
echo "$INFRAHAUS_VAR_WORKERS"
