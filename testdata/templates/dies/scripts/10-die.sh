#!/bin/sh
echo "about to die"
touch /tmp/die
sleep 60
