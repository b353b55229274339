#!/bin/sh
set -eu

ss -tln | grep -q ':5432 '
grep -q '^DB_PASSWORD=\|^PASSWORD=' /etc/infrahaus/credentials/*
