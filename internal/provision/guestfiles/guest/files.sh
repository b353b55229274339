# Files by policy, for config-sync.sh. A manifest is a sh program of calls
#   group FOLDER OWNER  POLICY SHA256 NAME  POLICY SHA256 NAME …
# whose contents lie in STAGE/root/FOLDER/NAME. What is absent is moved into
# place a folder at a time; what is there already is looked at one by one.
# shellcheck shell=sh

apply_files() { # stage
	STAGE=$1
	processed=0 deployed=0 unchanged=0 skipped=0 backups=0 errors=0 conflicts=0
	LATE=
	OLD=
	if [ -r "$S/state/checksums" ]; then OLD=$NL$(cat "$S/state/checksums")$NL; fi
	exec 4>"$S/state/checksums.new"
	. "$STAGE/manifest"
	exec 4>&-
	mv -f "$S/state/checksums.new" "$S/state/checksums"
	if [ "$processed" -gt 0 ]; then
		log_info "Files: $processed processed, $deployed deployed, $unchanged unchanged, $skipped skipped, $backups backed up, $errors errors"
	fi
	[ "$conflicts" = 0 ] || return 5
	[ "$errors" = 0 ]
}

fail_file() { # text
	log_error "$1" >&2
	errors=$((errors + 1))
}

group() { # folder owner (policy sha256 name)…
	dir=$R$1 from=$STAGE/root$1 owner=$2
	shift 2
	if [ ! -d "$dir" ]; then
		if ! mkdir -p "$dir"; then
			fail_file "cannot make the folder $dir"
			processed=$((processed + $# / 3))
			errors=$((errors + $# / 3 - 1))
			return
		fi
		made=1
	else
		made=
	fi
	inherit_owner
	left=$(($# / 3))
	processed=$((processed + left))
	# "$@" turns round: what is read goes from the front, the sources that can
	# simply be moved come at the end.
	while [ "$left" -gt 0 ]; do
		left=$((left - 1))
		t=$dir/$3
		if [ -e "$t" ] || [ -L "$t" ]; then
			existing "$1" "$2" "$from/$3" "$t"
			shift 3
		elif [ -f "$from/$3" ]; then
			printf '%s  %s\n' "$2" "$t" >&4
			set -- "$@" "$from/$3"
			shift 3
		else
			fail_file "cannot deploy $t: its content was not shipped"
			shift 3
		fi
	done
	[ $# -gt 0 ] || return 0
	own "$@"
	if [ -n "$KEEP" ]; then
		cp -p -- "$@" "$dir/"
	else
		mv -f -- "$@" "$dir/"
	fi
	if [ $? = 0 ]; then
		deployed=$((deployed + $#))
	else
		fail_file "cannot write into $dir"
	fi
	[ -z "$pending" ] || for t in "$@"; do
		LATE="$LATE$NL$owner $dir/${t##*/}"
	done
}

# inherit_owner: without an owner of its own a file belongs to its folder's, as
# in the original. A folder that was just made is root's.
inherit_owner() {
	pending=
	[ -z "$owner" ] || return 0
	[ -z "$made" ] || return 0
	owner=$(stat -c '%u:%g' "$dir" 2>/dev/null)
	[ "$owner" != 0:0 ] || owner=
}

# own FILE…: an owner that is not there yet may come with the packages.
own() {
	[ -n "$owner" ] || return 0
	chown -h -- "$owner" "$@" 2>/dev/null || pending=1
}

late_owners() {
	[ -n "${LATE-}" ] || return 0
	rc_late=0
	while read -r o t; do
		[ -n "$o" ] || continue
		chown -h -- "$o" "$t" || rc_late=1
	done <<-END
		$LATE
	END
	return "$rc_late"
}

existing() { # policy sha256 source target
	if [ -d "$4" ]; then
		fail_file "cannot deploy $4: a folder is there"
		conflicts=1
		return
	fi
	if [ ! -f "$3" ]; then
		# Moved into place by a try before this one.
		if [ "$(sum_of "$4")" = "$2" ]; then
			unchanged=$((unchanged + 1))
			printf '%s  %s\n' "$2" "$4" >&4
		else
			fail_file "cannot deploy $4: its content was not shipped"
		fi
		return
	fi
	if [ -f "$4" ] && cmp -s "$3" "$4"; then
		unchanged=$((unchanged + 1))
		printf '%s  %s\n' "$2" "$4" >&4
		return
	fi
	case $1 in
	default)
		skipped=$((skipped + 1))
		remember "$4"
		return
		;;
	backup) keep_copy "$4" || return ;;
	*)
		# Replaced without a copy, unless somebody edited what we put there.
		if edited "$4"; then
			if [ -n "$FROM_REPO" ]; then
				edited_twice "$2" "$4"
				return
			fi
			keep_copy "$4" || return
		fi
		;;
	esac
	if put "$3" "$4"; then
		deployed=$((deployed + 1))
		printf '%s  %s\n' "$2" "$4" >&4
	else
		fail_file "cannot write $4"
		remember "$4"
	fi
}

# edited_twice: in the guest and, unless the repository has what was deployed
# last, there too. Either way the guest's file stays.
edited_twice() { # sha256 target
	remember "$2"
	if [ "$was" = "$1" ]; then
		skipped=$((skipped + 1))
		return
	fi
	fail_file "$2 was edited here and changed in the repository: left as it is"
	conflicts=1
}

sum_of() { # file
	x=$(sha256sum "$1" 2>/dev/null) || return 1
	x=${x#\\}
	printf '%s' "${x%% *}"
}

# recorded puts into was what we deployed at a target, by our own record.
recorded() { # target
	was=
	case $OLD in
	*"  $1$NL"*)
		was=${OLD%%"  $1$NL"*}
		was=${was##*"$NL"}
		;;
	esac
	[ -n "$was" ]
}

# edited: what we deployed there is not what is there now.
edited() { recorded "$1" && [ "$(sum_of "$1")" != "$was" ]; }

# remember carries a record over for a file that stays as it is.
remember() {
	if recorded "$1"; then printf '%s  %s\n' "$was" "$1" >&4; fi
}

# keep_copy: a hard link to the old file, or to the link that it is, so that the
# target is never missing.
keep_copy() { # target
	first=$1.backup-$(date +%Y%m%d-%H%M%S)
	b=$first n=1
	while [ -e "$b" ] || [ -L "$b" ]; do
		n=$((n + 1))
		b=$first-$n
	done
	if ln "$1" "$b" 2>/dev/null || cp -pP "$1" "$b"; then
		backups=$((backups + 1))
		log_info "Kept $1 as ${b##*/}"
		return 0
	fi
	fail_file "cannot keep a copy of $1"
	remember "$1"
	return 1
}

# put writes aside, in the target's folder, and renames: a link that is there is
# replaced, never written through.
put() { # source target
	tmp=${2%/*}/.${2##*/}.infrahaus-$$
	rm -f "$tmp"
	cp -p "$1" "$tmp" || { rm -f "$tmp"; return 1; }
	pending=
	own "$tmp"
	[ -z "$pending" ] || LATE="$LATE$NL$owner $2"
	mv -f "$tmp" "$2" || { rm -f "$tmp"; return 1; }
}
