#!/bin/sh
# A package whose installation must not be cut short: it leaves a line where it
# begins and where it ends, as the scripts do.
echo "begin 1 package" >>/root/effects
if [ "${hold}" = package ]; then
	echo "holding package"
	until [ -e /root/go-on ]; do sleep 0.05; done
fi
echo done >/root/slow.done
echo "end 1 package" >>/root/effects
