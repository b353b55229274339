# Writes files by their policies, for config-sync.sh. A manifest is a sh program of calls
#   folder FOLDER OWNER MODE
#   group FOLDER OWNER  POLICY SHA256 NAME  POLICY SHA256 NAME …
# The contents lie in STAGE/root/FOLDER/NAME, unless they were not shipped. The manifest
# runs twice. The first run judges every file and stops if there is a conflict. The second
# run moves missing files into place, a folder at a time, and handles the existing ones
# one by one. A manifest may also set LATER=1: this is not the first sync, although there
# is no record of one. It sets NOTED to the files on which something depends.
# shellcheck shell=sh

. "$LIB/records.sh" || return 1
. "$LIB/waiting.sh" || return 1

check_files() { # stage
	begin_files "$1" 1
	. "$STAGE/manifest"
	CHECK=
	[ "$errors" != 0 ] || return 0
	tell_files
	log_error "Nothing was changed" >&2
	[ "$conflicts" = 0 ] || return 5
	return 1
}

apply_files() { # stage
	begin_files "$1" ''
	LATE= NEWKEPT= unwritten=
	[ "$STAGE" = "$WAITING" ] || drop_waiting
	exec 4>"$S/state/checksums.new" 5>>"$S/state/pending"
	. "$STAGE/manifest"
	carry
	exec 4>&- 5>&-
	commit
	commit_waiting
	stamp "$S/notify/files"
	tell_files
	[ "$conflicts" = 0 ] || return 5
	[ "$errors" = 0 ]
}

begin_files() { # stage check
	STAGE=$1 CHECK=$2 LATER= LOOK= NOTED= DUE=
	[ ! -f "$S/state/checksums" ] || LATER=1
	processed=0 deployed=0 unchanged=0 skipped=0 backups=0 errors=0 conflicts=0 waiting=0 waited=
	OLD=$NL KEPT=$NL HALF=$NL
	if [ -s "$S/state/checksums" ]; then OLD=$NL$(cat "$S/state/checksums")$NL; fi
	if [ -s "$S/state/kept" ]; then KEPT=$NL$(cat "$S/state/kept")$NL; fi
	[ ! -s "$S/state/pending" ] || repair
}

tell_files() {
	[ "$processed" -gt 0 ] || return 0
	log_info "Files: $processed processed, $deployed deployed, $unchanged unchanged, $skipped skipped, $backups backed up, $errors errors${waited:+, $waiting waiting for$waited}"
}

fail_file() { # text
	log_error "$1" >&2
	errors=$((errors + 1))
}

# folder makes a directory of the template. An existing one keeps the mode and owner that
# the template does not name.
folder() { # target owner mode
	t=$R$1
	if [ -n "$CHECK" ]; then
		until [ -z "$t" ] || [ -e "$t" ] || [ -L "$t" ]; do t=${t%/*}; done
		[ -z "$t" ] || [ -d "$t" ] || {
			fail_file "cannot make the directory $1: $t is no directory"
			conflicts=1
		}
		return
	fi
	owner=$2
	if [ -n "$LOOK" ]; then
		look_waiting "$1" "$2"
		return
	elif must_wait "$1"; then
		defer_folder "$@"
		return
	fi
	if [ ! -d "$t" ]; then
		make_folder "$1" && chmod "${3:-0755}" "$t"
	elif [ -n "$3" ]; then
		chmod "$3" "$t"
	fi || fail_file "cannot make the directory $t"
	[ -z "$2" ] || chown "$2" "$t" 2>/dev/null || LATE="$LATE$NL$2 $t"
}

group() { # folder owner (policy sha256 name)…
	if [ -n "$LOOK" ]; then
		look_waiting "$@"
		return
	fi
	folder=$1 dir=$R$1 from=$STAGE/root$1 owner=$2
	shift 2
	processed=$((processed + $# / 3))
	look "$@"
	if [ -n "$CHECK" ]; then check_group "$@"; else apply_group "$@"; fi
}

# look puts the sums of a group's existing files into HERE, with one call of sha256sum.
look() { # (policy sha256 name)…
	left=$(($# / 3))
	while [ "$left" -gt 0 ]; do
		left=$((left - 1))
		t=$dir/$3
		shift 3
		[ ! -f "$t" ] || set -- "$@" "$t"
	done
	HERE=$NL
	[ $# = 0 ] || HERE=$NL$(sha256sum "$@" 2>/dev/null)$NL
}

check_group() { # (policy sha256 name)…
	t=$dir
	until [ -z "$t" ] || [ -e "$t" ] || [ -L "$t" ]; do t=${t%/*}; done
	if [ -n "$t" ] && [ ! -d "$t" ]; then
		log_error "cannot deploy into $dir: $t is no folder" >&2
		errors=$((errors + $# / 3)) conflicts=1
		return
	fi
	while [ $# -gt 0 ]; do
		judge "$1" "$2" "$from/$3" "$dir/$3"
		refuse "$dir/$3"
		shift 3
	done
}

# refuse reports why a file must not be written. It fails if there is no reason.
refuse() { # target
	case $verdict in
	folder) fail_file "cannot deploy $1: a folder is there" ;;
	special) fail_file "cannot deploy $1: something that is no file is there" ;;
	conflict) fail_file "cannot deploy $1: it was edited here and has changed in the ${FROM_REPO:-template}" ;;
	late) fail_file "cannot deploy $1: it was edited after it had been compared; sync again" ;;
	unshipped)
		fail_file "cannot deploy $1: its content was not shipped"
		return 0
		;;
	*) return 1 ;;
	esac
	conflicts=1
}

apply_group() { # (policy sha256 name)…
	if must_wait "$folder"; then
		defer "$folder" "$@"
		return
	fi
	made=
	if [ ! -d "$dir" ]; then
		if ! make_folder "$folder"; then
			fail_file "cannot make the folder $dir"
			errors=$((errors + $# / 3 - 1))
			return
		fi
		made=1
	fi
	inherit_owner
	left=$(($# / 3))
	# The loop takes each file from the front of "$@". It appends the sources that need
	# only be moved, so that at the end "$@" holds just those.
	while [ "$left" -gt 0 ]; do
		left=$((left - 1))
		t=$dir/$3
		judge "$1" "$2" "$from/$3" "$t"
		if [ "$verdict" = new ]; then
			note "$t"
			printf '%s  %s\n' "$2" "$t" >&5 || unwritten=1
			record "$2" "$t"
			set -- "$@" "$from/$3"
		else
			settle "$2" "$from/$3" "$t"
		fi
		shift 3
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

# inherit_owner: a file without an owner of its own gets the owner of its folder, as in
# the original. ho is the owner of a folder that was just made, or empty for root.
inherit_owner() {
	pending=
	[ -z "$owner" ] || return 0
	if [ -n "$made" ]; then
		# shellcheck disable=SC2154 # set in waiting.sh
		owner=$ho
		return 0
	fi
	owner=$(stat -c '%u:%g' "$dir" 2>/dev/null)
	[ "$owner" != 0:0 ] || owner=
}

# own FILE… sets the owner. A missing owner may be created by a package or a script, so it
# is tried again later.
own() {
	[ -n "$owner" ] || return 0
	chown -h -- "$owner" "$@" 2>/dev/null || pending=1
}

# judge decides about one file, and puts the decision into verdict:
#   new        the file is missing: move it into place
#   same       the file is already the template's version
#   write      replace the file
#   copy       keep a copy of the file, then replace it; why holds the reason
#   skip       leave the file: policy default, or edited while the repository did not change
#   kept       leave the file: the user kept the guest's version
# The other verdicts refuse the file: folder, special, conflict, late, unshipped.
judge() { # policy sha256 source target
	verdict= why= was= kg=
	at "$4"
	case $kind in
	'')
		verdict=new
		if [ "$1" = keep ]; then
			verdict=skip
		elif [ ! -f "$3" ]; then
			verdict=unshipped
		fi
		return
		;;
	folder | special)
		verdict=$kind
		return
		;;
	esac
	if [ "$is" = "$2" ]; then
		verdict=same
		return
	fi
	case $1,$HALF in
	keep,*) verdict=kept ;;
	take,*) verdict=copy why='the template is taken' ;;
	*"$NL$4$NL"*) verdict=copy why='a sync was interrupted while it wrote it' ;;
	default,*) verdict=skip ;;
	*) judge_edit "$1" "$2" "$4" ;;
	esac
	case $verdict in
	write | copy)
		if [ -f "$3" ]; then return; fi
		verdict=unshipped
		! recorded "$4" || verdict=late
		;;
	esac
}

# judge_edit finds out whether the guest's version, the template's or both have changed.
judge_edit() { # policy sha256 target
	verdict=write
	[ "$1" != backup ] || verdict=copy
	if kept_before "$3"; then
		verdict=conflict
		if [ "$kt" = "$2" ] && [ "$kg" = "${is:--}" ]; then verdict=kept; fi
	elif ! recorded "$3"; then
		# The file may be the user's. Files that the first sync finds belong to the OS.
		[ -z "$LATER" ] || verdict=copy why='it was not deployed from here'
	elif [ "$was" = "$is" ]; then
		:
	elif [ "$was" != "$2" ]; then
		verdict=conflict
	elif [ -n "$FROM_REPO" ]; then
		verdict=skip
	else
		verdict=copy why='it was edited here'
	fi
}

# at sets kind to what is at a target: file, link (to nowhere), folder, special, or "" for
# nothing. It sets is to the sum of a file's content.
at() { # target
	is= kind=
	if [ -f "$1" ]; then
		kind=file
		case $HERE in *"  $1$NL"*)
			is=${HERE%%"  $1$NL"*}
			is=${is##*"$NL"}
			;;
		esac
		# sha256sum escapes some names, so they are not found in HERE.
		[ ${#is} = 64 ] || is=$(sum_of "$1")
	elif [ -d "$1" ]; then
		kind=folder
	elif [ -e "$1" ]; then
		kind=special
	elif [ -L "$1" ]; then
		kind=link
	fi
}

settle() { # sha256 source target
	if kept_before "$3"; then KEPT=${KEPT%%"$NL$kt $kg  $3$NL"*}$NL${KEPT#*"$NL$kt $kg  $3$NL"}; else kt=; fi
	if refuse "$3"; then
		# The reason to refuse arose after all files were judged.
		remember "$3"
		[ -z "$kt" ] || NEWKEPT="$NEWKEPT$kt $kg  $3$NL"
		return
	fi
	case $verdict in
	same)
		unchanged=$((unchanged + 1))
		record "$1" "$3"
		own_at_last "$3"
		return
		;;
	skip | kept)
		skipped=$((skipped + 1))
		remember "$3"
		[ "$verdict" = skip ] || NEWKEPT="$NEWKEPT$1 ${is:--}  $3$NL"
		return
		;;
	copy) keep_copy "$3" || return ;;
	esac
	note "$3"
	printf '%s  %s\n' "$1" "$3" >&5 || unwritten=1
	if put "$2" "$3"; then
		deployed=$((deployed + 1))
		record "$1" "$3"
	else
		fail_file "cannot write $3"
		remember "$3"
	fi
}

sum_of() { # file
	x=$(sha256sum "$1" 2>/dev/null) || return 1
	x=${x#\\}
	printf '%s' "${x%% *}"
}

# keep_copy makes a hard link to the old file (or old symbolic link), so that the target
# is never missing.
keep_copy() { # target
	first=$1.backup-$(date +%Y%m%d-%H%M%S)
	b=$first n=1
	while [ -e "$b" ] || [ -L "$b" ]; do
		n=$((n + 1))
		b=$first-$n
	done
	if ln "$1" "$b" 2>/dev/null || cp -pP "$1" "$b"; then
		backups=$((backups + 1))
		log_info "Kept $1 as ${b##*/}${why:+ ($why)}"
		return 0
	fi
	fail_file "cannot keep a copy of $1"
	remember "$1"
	return 1
}

# put writes a temporary file in the target's folder and renames it. A link at the target
# is replaced: writing through it could overwrite any file of the guest.
put() { # source target
	tmp=${2%/*}/.${2##*/}.infrahaus-
	rm -f "$tmp"*
	tmp=$tmp$$
	cp -p "$1" "$tmp" || { rm -f "$tmp"; return 1; }
	pending=
	own "$tmp"
	[ -z "$pending" ] || LATE="$LATE$NL$owner $2"
	mv -f "$tmp" "$2" || { rm -f "$tmp"; return 1; }
}
