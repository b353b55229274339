# shellcheck shell=sh
# Runs on the node. It takes a tar of files named 0, 1, … from stdin and puts each into a
# container with `pct push`, which ends with status 0 even if it fails. So the file is pulled
# back and compared. For each file one line says what became of it: "INDEX STATE MESSAGE".
umask 077
d=$(mktemp -d) || exit 9
trap 'rm -rf "$d"' 0
trap 'exit 9' 1 2 15
tar -xf - -C "$d" || exit 9

# now pulls a file from the container. There is none if pct cannot open it; pct makes the
# empty target before it looks.
now() { # path
	rm -f "$d/now"
	: >"$d/said"
	$P pull "$C" "$1" "$d/now" --perms 0600 >/dev/null 2>"$d/said" </dev/null
	! grep -q "failed to open $1: No such file" "$d/said" 2>/dev/null && [ -f "$d/now" ]
}

push() { # index path mode user group
	: >"$d/said"
	set -- "$P" push "$C" "$d/$1" "$2" --perms "$3" ${4:+--user "$4"} ${5:+--group "$5"}
	x=$1
	shift
	# shellcheck disable=SC2086
	$x "$@" >/dev/null 2>"$d/said" </dev/null
}

# one puts one file there. policy is replace, default or backup.
one() { # index policy mode user group path
	if now "$6"; then
		if cmp -s "$d/$1" "$d/now"; then
			echo "$1 same"
			return
		fi
		case $2 in
		default) echo "$1 kept"; return ;;
		backup)
			mv "$d/now" "$d/old"
			push old "$6.backup-$S" 0600 '' ''
			now "$6.backup-$S" && cmp -s "$d/old" "$d/now" || { echo "$1 failed $(tail -n 1 "$d/said")"; return; } ;;
		esac
	fi
	push "$1" "$6" "$3" "$4" "$5"
	if grep -q 'failed to create file' "$d/said"; then
		# The folder may be missing. An image without a shell may still have mkdir.
		$P exec "$C" -- mkdir -p "${6%/*}" >/dev/null 2>&1 </dev/null
		push "$1" "$6" "$3" "$4" "$5"
	fi
	why=$(tail -n 1 "$d/said")
	if now "$6" && cmp -s "$d/$1" "$d/now"; then
		echo "$1 written"
	else
		echo "$1 failed ${why:-it is not in the container afterwards}"
	fi
}
