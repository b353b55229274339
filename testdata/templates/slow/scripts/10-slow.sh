#!/bin/sh
# A line each tenth of a second until /root/go-on appears.
echo "started"
trap 'echo "terminated"; exit 143' TERM
i=0
while [ ! -e /root/go-on ] && [ "$i" -lt 600 ]; do
	i=$((i + 1))
	echo "tick $i"
	sleep 0.1
done
echo "finished after $i ticks"
