#!/bin/sh
echo "line on stdout"
echo "E: the disk is on fire" >&2
exit 7
