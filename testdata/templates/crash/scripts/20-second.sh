#!/bin/sh
set -eu
echo "begin 1 $INFRAHAUS_ATTEMPT" >>/root/effects
echo "20-second.sh line 1 of ${INFRAHAUS_ATTEMPT##*/}"
pw=$(generate_password 20)
printf '%s' "$pw" >/root/secret.saved
save_credential crash-app USER admin
save_credential crash-app PASSWORD "$pw"
echo "saved $pw"
if [ "$hold" = 20-second.sh ]; then
	echo "holding 20-second.sh"
	until [ -e /root/go-on ]; do sleep 0.05; done
fi
echo "20-second.sh line 2 of ${INFRAHAUS_ATTEMPT##*/}"
echo "end 1 $INFRAHAUS_ATTEMPT" >>/root/effects
