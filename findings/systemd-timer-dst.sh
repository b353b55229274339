#!/bin/sh
# systemd 252.39 (Debian 12): a timer with OnCalendar does not run on nights in which the clock is
# changed. In spring that is a time that does not exist; in autumn it is a whole hour, which every
# timer misses that runs hourly or more often. systemd-analyze, which has the same code, shows it
# to who asks for that night, and does not warn.
#
#   OnCalendar, the zone is the timer's or the machine's    runs
#   *-*-* 02:30 Europe/Berlin, 28 to 30 March 2026           not on the 29th
#   daily Africa/Cairo, 23 to 25 April 2026                  not on the 24th: it begins at 1:00
#   hourly Europe/Berlin, 24 October 2026, 23:30 UTC on      0:00, then 2:00 UTC
#   minutely Europe/Berlin, the same                         0:59, then 2:00 UTC
#   hourly UTC, the same                                     0:00, then 1:00 UTC
#
# A timer that watches something, or saves something each night, needs a zone without summer time,
# such as "*-*-* 01:30 UTC".
#
# Needs Debian 12 (apt-get, dpkg) with tzdata. Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
apt-get download systemd libsystemd-shared >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu/systemd" TZ=UTC
analyze=$dir/root/usr/bin/systemd-analyze
[ -x "$analyze" ] || analyze=$dir/root/bin/systemd-analyze
"$analyze" --version | head -n 1
wrong=
runs() { # expression, from when, the next times that are wanted
	expression=$1 from=$2
	shift 2
	got=$("$analyze" calendar "$expression" --base-time="$from UTC" --iterations=$# |
		sed -n 's/.*\(Next elapse\|Iter[^:]*\): [A-Z][a-z]* [0-9]*-\(.*\):00 UTC/\2/p' | tr '\n' ',')
	echo "$expression: $got"
	[ "$got" = "$(printf '%s,' "$@")" ] || wrong="$wrong $expression"
}
runs '*-*-* 02:30 Europe/Berlin' '2026-03-27 12:00' '03-28 01:30' '03-30 00:30' '03-31 00:30'
runs '*-*-* 03:30 Europe/Berlin' '2026-03-27 12:00' '03-28 02:30' '03-29 01:30' '03-30 01:30'
runs 'daily Africa/Cairo' '2026-04-22 12:00' '04-22 22:00' '04-24 21:00'
runs 'hourly Europe/Berlin' '2026-10-24 23:30' '10-25 00:00' '10-25 02:00' '10-25 03:00'
runs 'minutely Europe/Berlin' '2026-10-25 00:57' '10-25 00:58' '10-25 00:59' '10-25 02:00'
runs 'hourly UTC' '2026-10-24 23:30' '10-25 00:00' '10-25 01:00' '10-25 02:00'
# The zone of the machine, as TZ or /etc/localtime has it, makes no difference.
export TZ=Europe/Berlin
local=$("$analyze" calendar hourly --base-time='2026-10-25 01:30' --iterations=3 | sed -n 's/.*(in UTC): //p' | tr '\n' ',')
echo "hourly on a machine in Berlin: $local"
[ "$local" = 'Sun 2026-10-25 00:00:00 UTC,Sun 2026-10-25 02:00:00 UTC,Sun 2026-10-25 03:00:00 UTC,' ] || wrong="$wrong local"
[ -z "$wrong" ] || { echo "not as stated:$wrong"; exit 1; }
