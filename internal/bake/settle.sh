#!/bin/sh
# For a container from a baked image, before its first sync: it waits until the first start has
# made what is each container's own.
state=${1-}/var/lib/infrahaus
[ -f "$state/services" ] || exit 0
# n counts tenths of a second. systemd ends the first start's script after 300 s.
n=0
while [ -e "$state/first-boot" ] && [ "$n" -lt 3100 ]; do
	if sleep 0.1 2>/dev/null; then
		n=$((n + 1))
	else
		sleep 1
		n=$((n + 10))
	fi
done
if [ -f "$state/failed" ] || [ -e "$state/first-boot" ]; then
	echo "the first start of the baked image has not ended well:" >&2
	cat "$state/failed" "$state/log" >&2 2>/dev/null
	exit 1
fi
