#!/bin/sh
# The config-manager. The tool makes a request after it has shipped files. With a request,
# this script applies files, then packages, and writes its result where the request says.
# Without one, at boot, it records drift, and applies files if the settings say so. With
# the argument settle, it only puts files into place that waited for their user. Exit
# status: 0 done, 1 failed, 2 another sync is running, 3 bad settings, 4 no repository, 5
# an edited file or a folder is in the way.

R=${CONFIG_MANAGER_PREFIX-}
S=$R/var/lib/config-manager
LIB=$R/usr/local/lib/config-manager
LOG=$R/var/log/config-manager/sync.log
LOCK=$R/run/config-manager.lock
REQUEST=$R/run/config-manager.request
HOME=${HOME:-/root}
PATH=${CONFIG_MANAGER_PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export HOME PATH
umask 022
NL='
'
ATTEMPT= STAGE= FROM_REPO= DROPPED= SETTLES=

[ -d "$S/state" ] || mkdir -p "$S/state"
[ -d "${LOG%/*}" ] || mkdir -p "${LOG%/*}"
[ -e "$LOG" ] || (umask 077 && : >>"$LOG") # scripts may print secrets
[ -d "${LOCK%/*}" ] || mkdir -p "${LOCK%/*}"

# take_request claims the request by renaming it, so that only one sync gets it. The
# renamed file, with this process id in its name, stays as long as the work lasts. If the
# process that made the request is dead, the request is dropped, because nobody waits for
# its result.
take_request() {
	[ -e "$REQUEST" ] && mv "$REQUEST" "$REQUEST.$$" 2>/dev/null || return 1
	asker=
	while IFS='=' read -r k v; do
		case $k in
		asker) asker=$v ;;
		attempt) ATTEMPT=$v ;;
		stage) STAGE=$v ;;
		esac
	done <"$REQUEST.$$"
	if [ -n "$asker" ] && kill -0 "$asker" 2>/dev/null; then return 0; fi
	rm -f "$REQUEST.$$"
	ATTEMPT= STAGE= DROPPED=1
	return 1
}

# staged succeeds if STAGE is a folder as the tool makes it: directly below our own, not a
# link, accessible to root only, and with a manifest in it. Other folders could contain
# files of another user.
staged() {
	case $STAGE in "$S"/staged.*) ;; *) return 1 ;; esac
	case ${STAGE#"$S"/staged.} in '' | *[!A-Za-z0-9]*) return 1 ;; esac
	[ ! -L "$STAGE" ] && [ -d "$STAGE" ] && [ ! -L "$STAGE/manifest" ] && [ -f "$STAGE/manifest" ] || return 1
	u=0
	[ -z "$R" ] || u=$(id -u)
	[ "$(stat -c '%u %a' "$STAGE" 2>/dev/null)" = "$u 700" ]
}

# sweep removes what interrupted syncs left behind: requests of dead processes, and
# staging folders that are older than this one and named by no request.
sweep() {
	for f in "$REQUEST".*; do
		[ -e "$f" ] || continue
		kill -0 "${f##*.}" 2>/dev/null || rm -f "$f"
	done
	for d in "$S"/staged*; do
		if [ -L "$d" ]; then
			rm -f "$d"
		elif [ -d "$d" ] && [ "$d" != "$STAGE" ] && ! newer "$d" && ! named "$d"; then
			rm -rf "$d"
		fi
	done
}

# shellcheck disable=SC3013
newer() { [ "$1" -nt "$STAGE" ]; } # folder; -nt is not POSIX, but every sh of a guest has it

named() { # folder
	for f in "$REQUEST" "$REQUEST".*; do
		[ -e "$f" ] || continue
		while read -r l; do
			[ "$l" != "stage=$1" ] || return 0
		done <"$f"
	done
	return 1
}

# leave writes the exit status for the attempt, as its last step: by then the lock, the
# request and the output are dealt with.
leave() {
	rc=$1
	trap - EXIT HUP INT TERM
	[ -z "$LOCKED" ] || rm -f "$LOCK"
	rm -f "$REQUEST.$$"
	if [ -n "$ATTEMPT" ]; then
		cat "$ATTEMPT/out" "$ATTEMPT/err" >>"$LOG" 2>/dev/null
		printf '%s\n' "$rc" >"$ATTEMPT/sync.rc.new" && mv -f "$ATTEMPT/sync.rc.new" "$ATTEMPT/sync.rc"
	fi
	exit "$rc"
}

# lock makes a link whose text is the process id of its holder, because a link is made in
# one step or not at all. It lies in /run, because after a power cut another process may
# have that id. A lock of a dead process is removed. So is one with the id of this
# process: an earlier process with the same id must have made it.
lock() {
	n=0
	until ln -s "$$" "$LOCK" 2>/dev/null; do
		p=$(readlink "$LOCK" 2>/dev/null)
		if [ -n "$p" ] && { [ "$p" = "$$" ] || ! kill -0 "$p" 2>/dev/null; }; then
			mv "$LOCK" "$LOCK.$$" 2>/dev/null && rm -f "$LOCK.$$"
			continue
		fi
		# n counts tenths of a second. The lock is tried often at first, and for at most a
		# minute.
		if [ "$n" -gt 600 ]; then
			log_error "another sync runs (process $p)"
			return 1
		elif [ "$n" -lt 20 ]; then
			n=$((n + 1))
			sleep 0.1 2>/dev/null || sleep 1
		else
			n=$((n + 10))
			sleep 1
		fi
	done
	LOCKED=1
}

LOCKED=
if [ "${1-}" = settle ]; then
	exec 2>&1
elif take_request; then
	if [ -d "$ATTEMPT" ] && [ ! -L "$ATTEMPT" ]; then
		exec >>"$ATTEMPT/out" 2>>"$ATTEMPT/err"
	else
		ATTEMPT=
		exec 2>>"$LOG"
	fi
	if [ -z "$ATTEMPT" ] || ! staged; then
		echo 'config-sync: the request names folders that are not there, or not as the tool makes them' >&2
		leave 3
	fi
else
	exec >>"$LOG" 2>&1
fi
exec </dev/null
trap 'leave 1' EXIT
trap 'leave 143' HUP INT TERM

. "$LIB/helpers.sh" || leave 1
if [ -r "$R/etc/config-manager/config.env" ]; then
	. "$R/etc/config-manager/config.env" || leave 3
else
	log_error "cannot read /etc/config-manager/config.env"
	leave 3
fi
lock || leave 2

# apply does the work of a request: first the files, then the packages. It returns the
# status of the files, or else that of the packages. If a file is in conflict, it changes
# nothing. A package may have made the owner of a file. In a container from a baked image, what
# its packages would start now is held back until then.
apply() {
	. "$LIB/files.sh" || return 1
	check_files "$STAGE" || return $?
	apply_files "$STAGE"
	rc=$?
	[ ! -f "$R/var/lib/infrahaus/release" ] || sh "$R/var/lib/infrahaus/release" || { [ "$rc" != 0 ] || rc=1; }
	if [ -s "$STAGE/packages" ]; then
		. "$LIB/packages.sh" || return 1
		apply_packages "$STAGE/packages" || { [ "$rc" != 0 ] || rc=1; }
	fi
	settle_waiting || { [ "$rc" != 0 ] || rc=1; }
	stamp "$S/notify/packages"
	return "$rc"
}

if [ "${1-}" = settle ]; then
	. "$LIB/files.sh" || leave 1
	KEEP= SETTLES=1
	said=$(settle_waiting)
	rc=$?
	printf '%s\n' "$said" | tee -a "$LOG"
	tell_waiting
	leave "$rc"
fi

if [ -n "$ATTEMPT" ]; then
	sweep
	KEEP=
	[ "${SYNC_ON_BOOT-}" != true ] || KEEP=1
	apply
	rc=$?
	if [ "$rc" = 0 ]; then
		if [ -n "$KEEP" ]; then
			rm -rf "$S/current" && mv "$STAGE" "$S/current"
		else
			rm -rf "$STAGE"
		fi
		: >"$R/var/log/config-manager/.first-run-complete"
	fi
	leave "$rc"
fi

[ -z "$DROPPED" ] || log_warn "A request is dropped, for whoever made it is gone: resume or sync the container to go on"
. "$LIB/boot.sh" || leave 1
at_boot
leave $?
