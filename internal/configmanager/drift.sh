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
