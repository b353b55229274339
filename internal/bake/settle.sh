#!/bin/sh
# For a container from a baked image, before its first sync: it waits until the first start has
# made what is each container's own.
state=${1-}/var/lib/infrahaus
[ -f "$state/services" ] || exit 0
n=0
while [ -e "$state/first-boot" ] && [ "$n" -lt 1200 ]; do
	n=$((n + 1))
	sleep 0.1 2>/dev/null || sleep 1
done
if [ -f "$state/failed" ] || [ -e "$state/first-boot" ]; then
	echo "the first start of the baked image has not ended well:" >&2
	cat "$state/failed" "$state/log" >&2 2>/dev/null
	exit 1
fi
