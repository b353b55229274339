#!/bin/sh
# OpenSSH 9.2p1 (Debian 12): a program cannot use the output of "ssh -G" to connect in the
# same way as ssh, because some of the settings are lost. If ssh reads its own output as
# a config file, it gets other settings, too.
#
#   in the file                       printed                          lost
#   UserKnownHostsFile a b "c d"      userknownhostsfile a b c d       three files look like four
#   GlobalKnownHostsFile "/x y/kh"    globalknownhostsfile /x y/kh     one looks like two
#   IdentityFile %d/k                 identityfile %d/k                %d is not expanded
#   ControlPath %d/c                  controlpath /root/c              nothing: %d is expanded
#   no User at all                    user NAME-OF-THE-CALLER          looks like a User line
#
# If the output is the file of -F, the first line names four files. Needs Debian 12
# (apt-get, dpkg). Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download openssh-client >/dev/null 2>&1
dpkg -x openssh-client_*9.2p1*.deb root
ssh=$dir/root/usr/bin/ssh
cat >config <<'C'
Host h
	UserKnownHostsFile a b "c d"
	GlobalKnownHostsFile "/x y/kh"
	IdentityFile %d/k
	ControlPath %d/c
C
"$ssh" -G -F config h >dump 2>/dev/null
"$ssh" -V 2>&1 | cut -d ' ' -f 1
home=$(getent passwd "$(id -u)" | cut -d : -f 6)
wrong=0
line() { # KEY VALUE
	is=$(sed -n "s|^$1 ||p" dump)
	echo "$1 $is"
	[ "$is" = "$2" ] || { echo "not: $2"; wrong=1; }
}
line userknownhostsfile 'a b c d'
line globalknownhostsfile '/x y/kh'
line identityfile '%d/k'
line controlpath "$home/c"
line user "$(id -un)"
exit $wrong
