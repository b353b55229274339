#!/bin/sh
# Runs in the container with:  infrahaus template test ./NAME
# It passes with exit status 0. create never ships it.
set -eu

page=$(wget -qO- "http://127.0.0.1:$port/")
case $page in
*"$title"*) ;;
*)
	echo "the page lacks its title, $title: $page"
	exit 1
	;;
esac
