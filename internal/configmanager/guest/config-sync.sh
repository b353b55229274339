#!/bin/sh
# The config-manager. With a request (made by the tool when it has shipped
# something) it applies files, then packages, and says how that went in the
# request's own files. Without one, at boot, it records drift, or pulls and
# applies where the settings say so.
# Exit: 0 done, 1 failed, 2 another sync runs, 3 bad settings, 4 no repository,
# 5 an edited file or a folder is in the way.

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
ATTEMPT= STAGE= FROM_REPO= DROPPED=

[ -d "$S/state" ] || mkdir -p "$S/state"
[ -d "${LOG%/*}" ] || mkdir -p "${LOG%/*}"
[ -e "$LOG" ] || (umask 077 && : >>"$LOG") # scripts may print secrets
[ -d "${LOCK%/*}" ] || mkdir -p "${LOCK%/*}"

# take_request claims the request by renaming it: one sync has it, at most. It
# stays, under this process's name, for as long as this works on it. One whose
# asker was killed is dropped: what was shipped for it waits for nobody.
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

# staged: STAGE is a folder as the tool makes it, directly below ours, no link,
# root's alone, and what was shipped is in it.
staged() {
	case $STAGE in "$S"/staged.*) ;; *) return 1 ;; esac
	case ${STAGE#"$S"/staged.} in '' | *[!A-Za-z0-9]*) return 1 ;; esac
	[ ! -L "$STAGE" ] && [ -d "$STAGE" ] && [ ! -L "$STAGE/manifest" ] && [ -f "$STAGE/manifest" ] || return 1
	u=0
	[ -z "$R" ] || u=$(id -u)
	[ "$(stat -c '%u %a' "$STAGE" 2>/dev/null)" = "$u 700" ]
}

# sweep removes what syncs that never came to their end have left: requests of
# dead processes, and staging folders older than this one's that no request names.
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
newer() { [ "$1" -nt "$STAGE" ]; } # folder; every shell that is a guest's sh has -nt

named() { # folder
	for f in "$REQUEST" "$REQUEST".*; do
		[ -e "$f" ] || continue
		while read -r l; do
			[ "$l" != "stage=$1" ] || return 0
		done <"$f"
	done
	return 1
}

# leave writes the status where the attempt looks for it, last of all.
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

# lock: a link whose text is the holder's process id, made or not made at once.
# It lives in /run, since after a power cut its process id means somebody else.
# One left behind by a dead process is moved away by whoever finds it; one that
# names this process is not this one's, which has not made it yet.
lock() {
	n=0
	until ln -s "$$" "$LOCK" 2>/dev/null; do
		p=$(readlink "$LOCK" 2>/dev/null)
		if [ -n "$p" ] && { [ "$p" = "$$" ] || ! kill -0 "$p" 2>/dev/null; }; then
			mv "$LOCK" "$LOCK.$$" 2>/dev/null && rm -f "$LOCK.$$"
			continue
		fi
		# Tenths of a second: closely at first, for a minute at most.
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
if take_request; then
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

# apply is the work of a request: files first, packages after, and the status of
# the worst of the two. Where a file is in conflict nothing at all is done.
apply() {
	. "$LIB/files.sh" || return 1
	check_files "$STAGE" || return $?
	apply_files "$STAGE"
	rc=$?
	if [ -s "$STAGE/packages" ]; then
		. "$LIB/packages.sh" || return 1
		apply_packages "$STAGE/packages" || { [ "$rc" != 0 ] || rc=1; }
	fi
	late_owners || { [ "$rc" != 0 ] || rc=1; }
	return "$rc"
}

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
