#!/bin/sh
# BusyBox 1.35.0 (Debian 12, busybox-static) accepts some things that it does not do, with
# status 0 and without a message. A script that was tried with GNU's tools goes on with the wrong
# text:
#
#   sed -n l              prints nothing; POSIX has the command since 1992
#   sed '0,/a/d'          deletes nothing; the address is GNU's, and busybox does not refuse it
#   sed s/a/b/2g          replaces all, and not all from the second on
#   date -d 2026-02-30    is March 2; GNU's date refuses it
#
# Needs Debian 12 (apt-get, dpkg). Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download busybox-static sed coreutils >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
./root/bin/busybox 2>&1 | head -n 1 | cut -d ' ' -f 1-2
wrong=
row() { # wanted of busybox, wanted of GNU, input, program, arguments
	busybox=$1 gnu=$2 input=$3 program=$4
	shift 4
	b=$(printf '%b' "$input" | ./root/bin/busybox "$program" "$@" 2>&1 | tr '\n' ' ')
	g=$(printf '%b' "$input" | ./root/bin/"$program" "$@" 2>/dev/null | tr '\n' ' ')
	printf '%-28s busybox: %-12s GNU: %s\n' "$program $*" "$b" "$g"
	[ "$b" = "$busybox" ] && [ "$g" = "$gnu" ] || wrong="$wrong $program"
	printf '%b' "$input" | ./root/bin/busybox "$program" "$@" >/dev/null 2>&1 || wrong="$wrong $program:status"
}
row '' 'a\tb$ ' 'a\tb\n' sed -n l
row 'a b ' 'b ' 'a\nb\n' sed '0,/a/d'
row 'bbb ' 'abb ' 'aaa\n' sed s/a/b/2g
row '2026-03-02 ' '' '' date -u -d 2026-02-30 +%F
[ -z "$wrong" ] || { echo "not as stated:$wrong"; exit 1; }
