#!/bin/sh
set -eu
echo "begin 1 $INFRAHAUS_ATTEMPT" >>/root/effects
echo "30-third.sh line 1 of ${INFRAHAUS_ATTEMPT##*/}"
# What an earlier script has saved is as secret here, whoever follows this one.
cat /etc/infrahaus/credentials/crash-app
echo "30-third.sh line 2 of ${INFRAHAUS_ATTEMPT##*/}"
echo "end 1 $INFRAHAUS_ATTEMPT" >>/root/effects
