#!/bin/sh
set -eu
echo "begin 2 $INFRAHAUS_ATTEMPT" >>/root/effects
echo "update.sh line 1 of ${INFRAHAUS_ATTEMPT##*/}"
echo "update.sh line 2 of ${INFRAHAUS_ATTEMPT##*/}"
echo "end 2 $INFRAHAUS_ATTEMPT" >>/root/effects
touch /root/updated
