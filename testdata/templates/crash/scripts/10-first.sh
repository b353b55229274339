#!/bin/sh
set -eu
echo "begin 1 $INFRAHAUS_ATTEMPT" >>/root/effects
printf '%s' "$made" >/root/secret.made
echo "10-first.sh line 1 of ${INFRAHAUS_ATTEMPT##*/}"
if [ "$hold" = 10-first.sh ]; then
	echo "holding 10-first.sh"
	until [ -e /root/go-on ]; do sleep 0.05; done
fi
echo "the token is $token, the password $made" >&2
echo "10-first.sh line 2 of ${INFRAHAUS_ATTEMPT##*/}"
echo "end 1 $INFRAHAUS_ATTEMPT" >>/root/effects
