# shellcheck shell=sh
# Prints the state of a guest for ParseDrift, with one command and without any change:
# what is at the targets on stdin (one a line) and at those of our records, the records
# themselves, and the packages that are installed, by the checks of packages.sh.
R=${CONFIG_MANAGER_PREFIX-}
S=$R/var/lib/config-manager
NL='
'
LC_ALL=C
export LC_ALL

# look prints the sum of every regular file, with few calls of sha256sum. For other
# targets it prints a line with a letter: M for missing, D for a folder (with its mode and
# owner), S for a device or the like, L for a link to nowhere.
look() {
	set --
	while IFS= read -r t; do
		if [ -f "$t" ]; then
			set -- "$@" "$t"
			[ $# -lt 100 ] || { sha256sum "$@"; set --; }
		elif [ -d "$t" ]; then stat -L -c 'D %a %u %g %U %G %n' "$t"
		elif [ -e "$t" ]; then printf 'S %s\n' "$t"
		elif [ -L "$t" ]; then printf 'L %s\n' "$t"
		else printf 'M %s\n' "$t"; fi
	done
	[ $# = 0 ] || sha256sum "$@"
}

show() { # section file
	echo "== $1"
	[ ! -f "$2" ] || cat "$2"
	echo
}

# units prints a line "U NUMBER KEY=VALUE…" for each unit that exists, with systemd's keys.
units() { # unit…
	n=0
	for u in "$@"; do
		if [ -d /run/systemd/system ] && [ -z "$R" ]; then
			# shellcheck disable=SC2046 # the lines become words of one line
			echo "U $n" $(systemctl show -p LoadState -p ActiveState -p UnitFileState "$u" 2>/dev/null)
		elif rc-service -e "$u" 2>/dev/null; then
			a=inactive e=disabled
			! rc-service "$u" status >/dev/null 2>&1 || a=active
			for l in "$R/etc/runlevels"/*/"$u"; do [ ! -e "$l" ] || e=enabled; done
			echo "U $n LoadState=loaded ActiveState=$a UnitFileState=$e"
		fi
		n=$((n + 1))
	done
}

echo '== files'
{
	cat
	sed -n 's/^[0-9a-f]\{64\}  //p' "$S/state/checksums" "$S/state/pending" 2>/dev/null
} | sort -u | grep '^/' | look 2>/dev/null
show recorded "$S/state/checksums"
show pending "$S/state/pending"
show kept "$S/state/kept"
echo '== packages'
CHECK=1 count=0
