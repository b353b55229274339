#!/usr/bin/env bash
read -r answer
echo "extra: $answer" >/srv/extra
