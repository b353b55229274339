#!/bin/sh
# The last step of a sync: it checks the files that were written, and restarts what depends
# on a change. What is due was recorded before each file was written (see note in
# records.sh), so that a sync that was killed goes on with it. Calls follow this text:
#   check NUMBER COMMAND TARGET…    runs a check, if one of its files was written
#   bad TARGET NUMBER DO NAME…      for each file: its check (0: none), what depends on it
#   file TARGET NUMBER DO NAME…     the same, once all checks have run
#   package SPEC DO NAME…           a package that was installed
#   variable NAME DO NAME…          a variable that has changed
#   act                             does what is due, each once
#   start UNIT, enable UNIT         of a declared service
#   finish                          exits: 0 done, 3 a check failed, 1 something else failed
# DO is restart or reload, NAME a unit. A script that runs again is not named here: it ran.
R=${CONFIG_MANAGER_PREFIX-}
S=$R/var/lib/config-manager
N=$S/notify
NL='
'
CHECKS=$NL FILES= BAD=$NL TODO= LATE=$NL ALWAYS=$NL BACK= status=0 refused= units=
DUE=$NL
[ ! -s "$N/due" ] || DUE=$NL$(cat "$N/due")$NL

say() { printf '%s\n' "$*"; }
fail() {
	printf '%s\n' "$*" >&2
	status=1
}

# due sets number and was to the line of a file that was written, and fails if it was not.
due() { # target
	case $DUE in *"  $R$1$NL"*) ;; *) return 1 ;; esac
	was=${DUE%%"  $R$1$NL"*}
	was=${was##*"$NL"}
	number=${was%% *} was=${was#* }
}

# check runs a check, if a file that was written has it.
check() { # number command target…
	n=$1 command=$2
	shift 2
	for t in "$@"; do
		due "$t" || continue
		say "Checking $t: $command"
		if command -v timeout >/dev/null 2>&1; then
			timeout 60 sh -c "$command" 2>&1
		else
			sh -c "$command" 2>&1
		fi
		st=$?
		[ "$st" = 0 ] || CHECKS="$CHECKS$n $st$NL"
		return 0
	done
}

# failed sets st if a file's check has failed.
failed() { # number
	case $CHECKS in *"$NL$1 "*) ;; *) return 1 ;; esac
	st=${CHECKS#*"$NL$1 "}
	st=${st%%"$NL"*}
}

# bad collects what depends on a file whose check failed: nothing of that is done.
bad() { # target number do name…
	if due "$1" && failed "$2"; then
		shift 2
		while [ $# -gt 1 ]; do
			BAD="$BAD$2$NL"
			shift 2
		done
	fi
}

# file puts a file back if its check failed, or the check of a file with the same notify.
# Otherwise its dependents go to the list of things to restart.
file() { # target number do name…
	due "$1" || return 0
	target=$1 why=
	case $target in */systemd/*) units=1 ;; esac
	! failed "$2" || why="its check failed with exit status $st"
	shift 2
	list=
	while [ $# -gt 1 ]; do
		case $BAD in *"$NL$2$NL"*) why=${why:-"the check of a file for $2 failed"} ;; esac
		list="$list$1 $2$NL"
		shift 2
	done
	if [ -n "$why" ]; then put_back; else TODO=$TODO$list; fi
}

# put_back also restores the record of what was deployed, so that the next sync finds the
# file changed. At boot, the files that were shipped last are not applied any more. It tells
# so on stdout, as the check does: between two streams no order is kept.
put_back() {
	refused=1
	rm -f "$S/current/manifest"
	if [ -e "$N/was.$number" ] || [ -L "$N/was.$number" ]; then
		tmp=$R${target%/*}/.${target##*/}.infrahaus-$$
		cp -pP "$N/was.$number" "$tmp" && mv -f "$tmp" "$R$target" || {
			rm -f "$tmp"
			fail "cannot put back $target"
			return
		}
		how='is as it was before'
	else
		rm -f "$R$target" || fail "cannot remove $target"
		how='is removed again'
	fi
	{
		while IFS= read -r l; do
			[ "${l#*  }" = "$R$target" ] || printf '%s\n' "$l"
		done <"$S/state/checksums"
		[ "$was" = - ] || printf '%s  %s\n' "$was" "$R$target"
	} >"$S/state/checksums.back" && mv -f "$S/state/checksums.back" "$S/state/checksums" ||
		fail "cannot write the record of what was deployed"
	BACK="$BACK$number $was  $R$target$NL"
	say "$target $how: $why"
}

package() { # spec do name…
	shift
	other LATE "$@"
}

variable() { # name do name…
	shift
	other ALWAYS "$@"
}

other() { # list do name…
	what=$1
	shift
	while [ $# -gt 1 ]; do
		case $BAD in
		*"$NL$2$NL"*) ;;
		*)
			TODO="$TODO$1 $2$NL"
			if [ "$what" = LATE ]; then LATE=$LATE$2$NL; else ALWAYS=$ALWAYS$2$NL; fi
			;;
		esac
		shift 2
	done
}

systemd() { [ -d /run/systemd/system ] && [ -z "$R" ]; }

# act restarts units first and reloads others then, in the order of the template.
act() {
	if [ -n "$units" ] && systemd; then systemctl daemon-reload || fail "cannot reload the units of systemd"; fi
	seen=$NL
	for do in restart reload; do
		while IFS=' ' read -r d name; do
			[ "$d" = "$do" ] || continue
			case $seen in *"$NL$name$NL"*) continue ;; esac
			seen=$seen$name$NL
			one "$do" "$name"
		done <<-END
			$TODO
		END
	done
}

one() { # do unit
	if [ -f "$N/done" ] && grep -qxF "$1 $2" "$N/done"; then return; fi
	if fresh "$2"; then
		say "$2 was started after the change"
	elif systemd; then
		if [ "$1" = reload ]; then v=reload-or-restart; else v=$1; fi
		systemctl "$v" "$2" </dev/null || { fail "cannot $1 $2: see its log"; return; }
		say "$2: ${1}ed"
	elif command -v rc-service >/dev/null 2>&1; then
		{ [ "$1" = reload ] && rc-service "$2" reload </dev/null 2>/dev/null; } || rc-service "$2" restart </dev/null ||
			{ fail "cannot $1 $2"; return; }
		say "$2: ${1}ed"
	else
		fail "cannot $1 $2: there is neither systemd nor OpenRC here"
		return
	fi
	[ -d "$N" ] || mkdir -m 0700 "$N"
	printf '%s %s\n' "$1" "$2" >>"$N/done"
}

# fresh succeeds if the main process of a unit was started after the last change on which
# the unit depends: a package or a script has started it with the new files.
fresh() { # unit
	systemd || return 1
	at=files
	case $ALWAYS in *"$NL$1$NL"*) return 1 ;; esac
	case $LATE in *"$NL$1$NL"*) at=packages ;; esac
	pid=$(systemctl show -p MainPID --value "$1" 2>/dev/null)
	case $pid in '' | 0 | *[!0-9]*) return 1 ;; esac
	{ IFS= read -r l <"/proc/$pid/stat" && read -r since <"$N/$at"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086
	set -- ${l##*) } && shift 19
	[ "$1" -gt "$since" ]
}

# start does not fail: discovery judges whether the service answers, and shows its log.
start() { # unit
	if systemd; then
		! systemctl is-active -q "$1" || return 0
		systemctl start "$1" </dev/null || { say "$1 does not start"; return; }
	else
		! rc-service "$1" status >/dev/null 2>&1 || return 0
		rc-service "$1" start </dev/null || { say "$1 does not start"; return; }
	fi
	say "$1: started"
}

enable() { # unit
	if systemd; then
		systemctl enable -q "$1" </dev/null || { fail "cannot enable $1"; return; }
	else
		rc-update -q add "$1" default </dev/null || { fail "cannot enable $1"; return; }
	fi
	say "$1: enabled"
}

# finish forgets what was due, and keeps it for the next attempt if an action failed.
finish() {
	if [ "$status" = 0 ]; then
		rm -rf "$N"
	elif [ -n "$BACK" ]; then
		while IFS= read -r l; do
			case $NL$BACK in *"$NL$l$NL"*) ;; *) printf '%s\n' "$l" ;; esac
		done <"$N/due" >"$N/due.new" && mv -f "$N/due.new" "$N/due"
	fi
	[ -z "$refused" ] || exit 3
	exit "$status"
}

