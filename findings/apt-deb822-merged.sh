#!/bin/sh
# apt 2.6.1 (Debian 12): two stanzas of a *.sources file are one to apt if the line between them
# has a blank, a tab or a comment and is not wholly empty. The later value of each field counts, so
# that the first repository is gone: no message, status 0. The two other readers of this format
# that Debian has (Dpkg::Control of libdpkg-perl 1.21, grep-dctrl 2.24) do something else.
#
#   between the stanzas    apt    Dpkg::Control      grep-dctrl
#   nothing                a b    a b                a b
#   a blank                b      a b                an error
#   "# comment"            b      an error           a b
#
# apt is as silent about a field that is written twice, has a wrong name or a wrong value:
#
#   Suites: stable, then Suites: testing    only testing is asked for
#   Enabled: disabled                       enabled (no, false, without, off, disable and 0 are not)
#   SignedBy:, Architecture:                ignored, as any name that does not exist
#
# Needs Debian 12 (apt-get, dpkg, perl). Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
apt-get download libdpkg-perl dctrl-tools >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
mkdir -p parts lists/partial
apt-get --version | head -n 1
case $(apt-get --version) in 'apt 2.6.1 '*) ;; *) echo "this is another apt"; exit 1 ;; esac
wrong=
# apt says which files of which repositories it would fetch; only the suites are of interest.
apt() {
	apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$dir/parts" \
		-o Dir::State::Lists="$dir/lists" update --print-uris 2>&1 | grep -v '^.http' && return 0
	apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$dir/parts" \
		-o Dir::State::Lists="$dir/lists" update --print-uris |
		sed -n "s|^'http://\(.*\)/dists/\(.*\)/InRelease'.*|\1/\2|p" | sort | tr '\n' ' '
}
# shellcheck disable=SC2016 # a program of perl
by_dpkg() {
	perl -I root/usr/share/perl5 -MDpkg::Control -e 'open my $f, "<", "parts/x.sources";
		while (($c = Dpkg::Control->new(type => CTRL_UNKNOWN))->parse($f, "f")) { print "$c->{URIs}/$c->{Suites} " }' 2>&1 |
		sed 's/.*error:.*/error/; s|http://||g' | tr -d '\n'
}
by_dctrl() {
	if said=$(root/usr/bin/grep-dctrl -n -s URIs -F Types deb parts/x.sources 2>/dev/null); then
		echo "$said" | sed 's|http://||' | tr '\n' ' '
	else
		echo error
	fi
}
is() { # what, got, wanted
	printf '  %-14s %s\n' "$1" "$2"
	[ "$2" = "$3" ] || wrong="$wrong, $1 has '$2' and not '$3'"
}
a='Types: deb\nURIs: http://a\nSuites: stable\nComponents: main\n'
b='Types: deb\nURIs: http://b\nSuites: stable\nComponents: main\n'
between() { # what, the text between the stanzas, wanted of apt, Dpkg::Control and grep-dctrl
	printf '%b' "$a$2\n$b" >parts/x.sources
	echo "between: $1"
	is apt "$(apt)" "$3"
	is Dpkg::Control "$(by_dpkg)" "$4"
	is grep-dctrl "$(by_dctrl)" "$5"
}
between nothing '' 'a/stable b/stable ' 'a/stable b/stable ' 'a b '
between 'a blank' ' ' 'b/stable ' 'a/stable b/stable ' error
between 'a tab' '\t' 'b/stable ' 'a/stable b/stable ' error
between 'a comment' '# comment' 'b/stable ' error 'a b '
while IFS='|' read -r field wanted; do
	printf '%b' "$a$field\n" >parts/x.sources
	is "$field" "$(apt)" "$wanted"
done <<'T'
Suites: testing|a/testing 
Enabled: disabled|a/stable 
Enabled: disable|
SignedBy: /no/such/key|a/stable 
Architecture: none|a/stable 
T
[ -z "$wrong" ] || { echo "not as stated$wrong"; exit 1; }
