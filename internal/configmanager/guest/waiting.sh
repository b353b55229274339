# Files whose owner does not exist yet, for files.sh. A file for /home/USER waits in
# WAITING until that user exists: with its folder there, useradd would copy no skeleton, and
# root would own the home. Any other file is put into place at once, and only its owner
# waits. WAITING has a manifest and contents as STAGE has, and owners: lines "OWNER TARGET".
# shellcheck shell=sh

WAITING=$S/waiting

# user_there succeeds for a user that exists, and for a number.
user_there() { # user
	there "$1" passwd
}

there() { # name-or-number file
	case $1 in *[!0-9]*) ;; *) return 0 ;; esac
	while IFS=: read -r n _; do
		[ "$n" != "$1" ] || return 0
	done <"$R/etc/$2"
	[ -z "$R" ] && have_entry "$1" "$2"
}

# have_entry asks for users and groups that another service than the files knows.
have_entry() { # name file
	case $2 in
	passwd) id -u "$1" >/dev/null 2>&1 ;;
	*) command -v getent >/dev/null 2>&1 && getent group "$1" >/dev/null 2>&1 ;;
	esac
}

# must_wait succeeds if a group's folder lies in a home whose user does not exist, and sets
# who to that user. Where owner names a user, that user decides.
must_wait() { # folder, without the prefix
	case $1/ in /home/?*/*) ;; *) return 1 ;; esac
	who=${1#/home/}
	who=${who%%/*}
	[ ! -e "$R/home/$who" ] && [ ! -L "$R/home/$who" ] || return 1
	[ -z "${owner%%:*}" ] || who=${owner%%:*}
	! user_there "$who"
}

# defer keeps the files of a group in WAITING.
# shellcheck disable=SC2154 # from, dir, verdict and _ih_quoted are set in files.sh and records.sh
defer() { # folder (policy sha256 name)…
	f=$1 head=
	shift
	[ -d "$WAITING/root$f" ] || mkdir -p "$WAITING/root$f" || { fail_file "cannot keep files for $f"; return; }
	while [ $# -gt 0 ]; do
		judge "$1" "$2" "$from/$3" "$dir/$3"
		if [ "$verdict" != new ]; then
			settle "$2" "$from/$3" "$dir/$3"
		elif keep_waiting "$from/$3" "$WAITING/root$f/$3"; then
			[ -n "$head" ] || { _ih_quote "$f"; head="group $_ih_quoted"; _ih_quote "$owner"; head="$head $_ih_quoted"; }
			_ih_quote "$3"
			head="$head $1 $2 $_ih_quoted"
			waiting=$((waiting + 1))
		else
			fail_file "cannot keep the file for $dir/$3"
		fi
		shift 3
	done
	[ -n "$head" ] || return 0
	_ih_quote "$NOTED"
	[ -s "$WAITING/manifest.new" ] || printf 'LATER=%s\nNOTED=%s\n' "$LATER" "$_ih_quoted" >"$WAITING/manifest.new"
	printf '%s\n' "$head" >>"$WAITING/manifest.new" || fail_file "cannot keep files for $f"
	case " $waited " in *" $who "*) ;; *) waited="$waited $who" ;; esac
}

# defer_folder keeps a directory in WAITING, before the files that lie in it.
defer_folder() { # target owner mode
	[ -d "$WAITING" ] || mkdir -p "$WAITING" || { fail_file "cannot keep the directory $1"; return; }
	_ih_quote "$NOTED"
	[ -s "$WAITING/manifest.new" ] || printf 'LATER=%s\nNOTED=%s\n' "$LATER" "$_ih_quoted" >"$WAITING/manifest.new"
	_ih_quote "$1"
	head="folder $_ih_quoted"
	_ih_quote "$2"
	printf '%s %s %s\n' "$head" "$_ih_quoted" "${3:-\"\"}" >>"$WAITING/manifest.new" || fail_file "cannot keep the directory $1"
	case " $waited " in *" $who "*) ;; *) waited="$waited $who" ;; esac
}

keep_waiting() { # source target
	[ "$1" != "$2" ] || return 0
	if [ -n "$KEEP" ]; then cp -p "$1" "$2"; else mv -f "$1" "$2"; fi
}

# commit_waiting makes the list of what still waits valid.
commit_waiting() {
	if [ -s "$WAITING/manifest.new" ]; then
		mv -f "$WAITING/manifest.new" "$WAITING/manifest"
	else
		rm -rf "$WAITING/manifest" "$WAITING/root"
		rmdir "$WAITING" 2>/dev/null || :
	fi
}

# drop_waiting forgets what an earlier sync has left: a new one ships all of it again. Only
# the files that lack their owner are in place already, so OWNERS remembers them.
drop_waiting() {
	OWNERS=$NL
	[ -d "$WAITING" ] || return 0
	[ ! -f "$WAITING/owners" ] || OWNERS=$NL$(cat "$WAITING/owners")$NL
	rm -rf "$WAITING"
}

# own_at_last sets the owner of a file that lacked it, and has the right content.
own_at_last() { # target
	case ${OWNERS-} in *" $1$NL"*) ;; *) return 0 ;; esac
	pending=
	own "$1"
	[ -z "$pending" ] || LATE="$LATE$NL$owner $1"
}

# late_owners sets the owners that were missing when their files were put into place.
late_owners() {
	rc_late=0 left=
	while read -r o t; do
		[ -n "$o" ] && ! chown -h -- "$o" "$t" 2>/dev/null || continue
		if owner_lacks "$o"; then
			left=$left"$o $t"$NL
		elif [ -e "$t" ] || [ -L "$t" ]; then
			chown -h -- "$o" "$t" || rc_late=1
		fi
	done <<-END
		${LATE-}
	END
	LATE=
	if [ -n "$left" ]; then
		mkdir -p "$WAITING" && printf %s "$left" >"$WAITING/owners" || rc_late=1
	elif [ -e "$WAITING/owners" ]; then
		rm -f "$WAITING/owners"
		rmdir "$WAITING" 2>/dev/null || :
	fi
	return "$rc_late"
}

# owner_lacks succeeds if the user or the group of an owner does not exist, and sets lacks
# to its kind and name.
owner_lacks() { # user[:group]
	lacks="user ${1%%:*}"
	user_there "${1%%:*}" || return 0
	case $1 in *:*) ;; *) return 1 ;; esac
	lacks="group ${1#*:}"
	! there "${1#*:}" group
}

# settle_waiting puts what waits into place, as far as its owner exists by now.
settle_waiting() {
	[ -d "$WAITING" ] || [ -n "${LATE-}" ] || return 0
	rc_waiting=0
	if [ -f "$WAITING/owners" ]; then LATE=${LATE-}$NL$(cat "$WAITING/owners"); fi
	if [ -f "$WAITING/manifest" ] && somebody_came; then
		late=${LATE-} keep=$KEEP stage=$STAGE
		KEEP=
		apply_files "$WAITING" || rc_waiting=$?
		KEEP=$keep STAGE=$stage LATE=$late$NL$LATE
	fi
	late_owners || rc_waiting=1
	return "$rc_waiting"
}

# somebody_came runs the manifest with a group that only looks. It succeeds if a group need
# not wait any more.
somebody_came() {
	came=
	LOOK=1
	. "$WAITING/manifest"
	LOOK=
	[ -n "$came" ]
}

# tell_waiting prints a line for each file that still waits: waits KIND NAME TARGET.
tell_waiting() {
	if [ -f "$WAITING/manifest" ]; then
		LOOK=tell
		. "$WAITING/manifest"
		LOOK=
	fi
	[ -f "$WAITING/owners" ] || return 0
	while read -r o t; do
		! owner_lacks "$o" || printf 'waits %s %s\n' "$lacks" "$t"
	done <"$WAITING/owners"
}

look_waiting() { # folder owner (policy sha256 name)…
	f=$1 owner=$2
	shift 2
	if ! must_wait "$f"; then
		came=1
		return
	fi
	[ "$LOOK" = tell ] || return 0
	[ $# -gt 0 ] || printf 'waits user %s %s\n' "$who" "$f" # a directory
	while [ $# -gt 0 ]; do
		printf 'waits user %s %s\n' "$who" "$f/$3"
		shift 3
	done
}

# make_folder makes a group's folder. Within a home, the folders on the way belong to whom
# the home belongs; elsewhere they belong to root.
make_folder() { # folder, without the prefix
	top=$1
	until [ -z "${top%/*}" ] || [ -e "$R${top%/*}" ]; do top=${top%/*}; done
	mkdir -p "$R$1" || return 1
	home_owner "$1" "$top"
	[ -n "$ho" ] || return 0
	f=$1
	until [ "$f" = /home ] || [ "${#f}" -lt "${#top}" ]; do
		chown -h -- "$ho" "$R$f" 2>/dev/null
		f=${f%/*}
	done
	return 0
}

# home_owner sets ho to the owner that a new folder gets from the home around it: of a home
# that was there, its owner; of one that is new, its user.
home_owner() { # folder topmost-new-folder
	ho= home=
	while IFS=: read -r _ _ u g _ h _; do
		h=${h%/}
		case $u in '' | 0 | *[!0-9]*) continue ;; esac
		case $1/ in "${h:-//}"/*) ;; *) continue ;; esac
		[ "${#h}" -gt "${#home}" ] || continue
		case $2,$h in
		"$h"/?*,*) # the home was there; daemons' homes, such as /usr/sbin, are not theirs
			[ "$(stat -c %u "$R$h" 2>/dev/null)" = "$u" ] || continue
			ho=$(stat -c %u:%g "$R$h") home=$h
			;;
		*,/home/*) ho=$u:$g home=$h ;;
		esac
	done <"$R/etc/passwd"
}
