#!/bin/sh
# BusyBox 1.35.0 (Debian 12, busybox-static): its awk gives other results than mawk and the awk of
# The AWK Programming Language for input that looks harmless. In a guest where busybox is awk,
# a script that was written elsewhere goes wrong without a message:
#
#   "010" in the input is octal (8), but "08" is 8. So "0010" is less than "0009", which a sort by
#     number, a time of day or a padded counter meets
#   printf "%d" has 32 bits: a size of 3000000000 bytes becomes -2147483648
#   gsub(/a*/, "X") replaces the empty text behind a match once more
#   RS="" with FS="\n": the last record of the file has an empty last field
#   close(name), where a file is open for reading and for writing, closes one of the two
#   Debian's build has no ^ operator, no exp, log, sqrt, sin, cos, atan2
#
# Needs Debian 12 (apt-get, dpkg). Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download busybox-static mawk original-awk >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
./root/bin/busybox 2>&1 | head -n 1 | cut -d " " -f 1-2
wrong=
row() { # what, wanted of busybox, wanted of the two others, input, program
	b=$(printf '%b' "$4" | ./root/bin/busybox awk "$5" 2>&1) || b="fails: $b"
	m=$(printf '%b' "$4" | ./root/usr/bin/mawk "$5")
	o=$(printf '%b' "$4" | ./root/usr/bin/original-awk "$5")
	printf '%-26s busybox: %-42s others: %s\n' "$1" "$b" "$m"
	[ "$b" = "$2" ] && [ "$m" = "$3" ] && [ "$o" = "$3" ] || wrong="$wrong $1"
}
# shellcheck disable=SC2016 # the programs of awk
row octal '9 9 0' '11 9 1' '010 08 0010 0009' '{ print $1 + 1, $2 + 1, ($3 > $4) }'
row gsub 'XbXXcX' 'XbXcX' 'baaac' '{ gsub(/a*/, "X"); print }'
row paragraphs '2 2' '2 1' 'a\nb\n\nc\n' 'BEGIN { RS = ""; FS = "\n"; ORS = " " } { n = n sep NF; sep = " " } END { printf "%s", n }'
row close 2 3 '' 'BEGIN {
	f = "f"; print "a" >f; print "b" >f; close(f)
	while ((getline x <f) > 0) ;
	print "c" >>f; close(f)
	while ((getline x <f) > 0) n++
	print n }'
row power 'fails: awk: cmd. line:1: Math support is not compiled in' 8 '' 'BEGIN { print 2 ^ 3 }'
# mawk of Debian 12 has 32 bits here as well; it stops at the greatest number.
size='BEGIN { printf "%d", 3000000000 }'
printf '%-26s busybox: %-42s others: %s, mawk %s\n' 32-bits "$(./root/bin/busybox awk "$size")" "$(./root/usr/bin/original-awk "$size")" "$(./root/usr/bin/mawk "$size")"
[ "$(./root/bin/busybox awk "$size")" = -2147483648 ] || wrong="$wrong size"
[ "$(./root/usr/bin/mawk "$size")" = 2147483647 ] || wrong="$wrong mawk"
[ -z "$wrong" ] || { echo "not as stated:$wrong"; exit 1; }
