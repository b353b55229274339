# The runner of one attempt, in a session of its own: writes down who it is,
# runs the script under its shebang, writes down how it ended.
#	run DIR SCRIPT HELPERS NAME ARG…
# Its own names begin with ih_, for the script's variables are loaded beside them.
trap : HUP INT TERM
ih_d=$1 ih_f=$2 ih_h=$3 ih_name=$4
shift 4
ih_s= ih_b=
ih_twentieth() { ih_s= && [ $# -ge 20 ] && shift 19 && ih_s=$1; }
{ IFS= read -r ih_s <"/proc/$$/stat"; } 2>/dev/null && ih_twentieth ${ih_s##*) }
{ IFS= read -r ih_b <"$ih_d/claim/boot"; } 2>/dev/null
printf '%s %s %s\n' "$$" "${ih_s:--}" "$ih_b" >"$ih_d/pid"

ih_limit= ih_grace=5 ih_user= ih_w= ih_x=
[ ! -f "$ih_d/how" ] || . "$ih_d/how"

ih_end() { # status: atomically, and nothing after it
	ih_l=$1
	if [ -f "$ih_d/late" ]; then
		wait "$ih_w" # it ends what is left
		ih_l="124 timeout"
	elif [ -n "$ih_w" ]; then
		kill -s KILL "$ih_w" 2>/dev/null
	fi
	[ -z "$ih_x" ] || rm -rf "$ih_x"
	echo "$ih_l" >"$ih_d/rc.new" && mv "$ih_d/rc.new" "$ih_d/rc"
	exit 0
}
ih_missing() {
	echo "infrahaus: cannot run $ih_name: its interpreter $1 is missing$2" >>"$ih_d/err"
	ih_end 127
}

# ih_all SIGNAL: for everything in our session, or begun by us, but not us and not ih_me.
# It sets ih_left if there is anything.
ih_all() {
	for ih_p in /proc/[0-9]*; do
		ih_s=
		{ IFS= read -r ih_s <"$ih_p/stat"; } 2>/dev/null || continue
		ih_p=${ih_p#/proc/}
		case $ih_p in "$$" | "$ih_me") continue ;; esac
		if ih_ours ${ih_s##*) } && kill -s "$1" "$ih_p" 2>/dev/null; then ih_left=1; fi
	done
}
ih_ours() { # state ppid pgrp session …
	case $1 in Z | X) return 1 ;; esac
	[ "$2" = $$ ] || [ "$4" = $$ ]
}

# ih_clock sets ih_t to the seconds since boot; "" if nothing tells.
ih_clock() {
	ih_t=
	{ IFS=. read -r ih_t _ </proc/uptime; } 2>/dev/null
}

# ih_watch ends what runs after ih_limit seconds: SIGTERM, and SIGKILL ih_grace seconds later.
# A busy machine takes long for each look at /proc, so looks alone are no measure of time.
ih_watch() {
	trap '' HUP INT TERM
	ih_me=$(exec /bin/sh -c 'echo "$PPID"') ih_l=0
	while [ "$ih_l" -lt "$ih_limit" ]; do
		sleep 1
		ih_l=$((ih_l + 1))
	done
	: >"$ih_d/late"
	ih_all TERM
	ih_clock
	ih_l=0 ih_from=$ih_t
	while [ "$ih_l" -lt $((10 * ih_grace)) ]; do
		sleep 0.1 || sleep 1
		ih_l=$((ih_l + 1)) ih_left=
		ih_all 0
		[ -n "$ih_left" ] || return 0
		ih_clock
		if [ -n "$ih_t" ] && [ $((ih_t - ih_from)) -gt "$ih_grace" ]; then break; fi
	done
	# A process that is forked while we look is not in that look.
	ih_l=0 ih_left=1
	while [ -n "$ih_left" ] && [ "$ih_l" -lt 100 ]; do
		ih_l=$((ih_l + 1)) ih_left=
		ih_all KILL
	done
}

# ih_become: in the environment, the user ih_user; the script is copied to a folder that
# this user can read.
ih_become() {
	ih_passwd || {
		echo "infrahaus: cannot run $ih_name as $ih_user: the container has no such user" >>"$ih_d/err"
		ih_end 126
	}
	IFS=: read -r _ _ ih_uid ih_gid _ HOME SHELL <<-END
		$ih_l
	END
	USER=$ih_user LOGNAME=$ih_user SHELL=${SHELL:-/bin/sh}
	export HOME USER LOGNAME SHELL
	ih_x=/run/infrahaus.$$
	rm -rf "$ih_x"
	mkdir -m 0711 "$ih_x" && cp "$ih_f" "$ih_x/$ih_name" &&
		chown "$ih_uid:$ih_gid" "$ih_x/$ih_name" && chmod 0500 "$ih_x/$ih_name" || {
		echo "infrahaus: cannot run $ih_name as $ih_user: /run cannot be written" >>"$ih_d/err"
		ih_end 126
	}
	ih_f=$ih_x/$ih_name
}
ih_passwd() { # in ih_l, the line of passwd
	while IFS= read -r ih_l; do
		case $ih_l in "$ih_user":*) return 0 ;; esac
	done </etc/passwd
	ih_l=$(getent passwd "$ih_user" 2>/dev/null) && [ -n "$ih_l" ]
}
[ -z "$ih_user" ] || ih_become

# What to run: ih_i with the one argument ih_a; ih_k is the shell it amounts to.
ih_l= ih_i=sh ih_a= ih_k=sh
IFS= read -r ih_l <"$ih_f" || :
case $ih_l in
'#!'*)
	ih_l=${ih_l#??}
	while :; do
		case $ih_l in
		[" 	"]*) ih_l=${ih_l#?} ;;
		*[" 	"]) ih_l=${ih_l%?} ;;
		*) break ;;
		esac
	done
	case $ih_l in *[[:cntrl:]]) ih_missing "${ih_l%?}" ", for the script has DOS line ends" ;; esac
	ih_i=${ih_l%%[" 	"]*}
	ih_a=${ih_l#"$ih_i"}
	while :; do case $ih_a in [" 	"]*) ih_a=${ih_a#?} ;; *) break ;; esac; done
	ih_k=${ih_i##*/}
	command -v "$ih_i" >/dev/null 2>&1 || ih_missing "$ih_i"
	case $ih_k in
	env | busybox)
		ih_l=${ih_a#-S }
		ih_l=${ih_l%%[" 	"]*}
		case $ih_k,$ih_l in
		env,-* | env,*=*) ;;
		env,*) command -v "$ih_l" >/dev/null 2>&1 || ih_missing "$ih_l" ;;
		esac
		ih_k=${ih_l##*/}
		;;
	esac
	;;
esac

# sh and its kin load the helpers; "$0" stays the script's own path.
set -- "$ih_f" "$@"
case $ih_k in
sh | dash | ash | bash) [ -z "$ih_h" ] || set -- -c '. "$INFRAHAUS_HELPERS"; . "$0"' "$@" ;;
esac
# The kernel passes what follows the interpreter as one argument; env -S splits.
case ${ih_i##*/},$ih_a in
*,) set -- "$ih_i" "$@" ;;
env,"-S "* | busybox,*) set -- "$ih_i" ${ih_a#-S } "$@" ;;
*) set -- "$ih_i" "$ih_a" "$@" ;;
esac

# Both keep the environment. util-linux has a setpriv that needs no PAM and starts no session.
if [ -z "$ih_user" ]; then
	:
elif setpriv --help 2>/dev/null | grep -q init-groups; then
	set -- setpriv --reuid "$ih_uid" --regid "$ih_gid" --init-groups -- "$@"
else
	set -- su -p -s /bin/sh -c 'exec "$@"' -- "$ih_user" sh "$@"
fi

unset LC_ALL LC_CTYPE LC_MESSAGES LC_COLLATE LC_NUMERIC LC_TIME
export LANG=C.UTF-8 INFRAHAUS_ATTEMPT="$ih_d"
[ -z "$ih_h" ] || export INFRAHAUS_HELPERS="$ih_h"
umask 022
ih_l=/root
[ -z "$ih_user" ] || ih_l=$HOME
cd "$ih_l" 2>/dev/null || cd /
[ ! -f "$ih_d/env" ] || . "$ih_d/env"
if [ -n "$ih_limit" ]; then
	ih_watch </dev/null >/dev/null 2>&1 &
	ih_w=$!
fi

# `> /dev/stderr` opens what stderr is once more and would cut a file short: a
# script that does so gets pipes instead.
if grep -q '/dev/std\|/dev/fd/\|/proc/self/fd' "$ih_f" 2>/dev/null && mkfifo "$ih_d/o" "$ih_d/e" 2>/dev/null; then
	[ -z "$ih_user" ] || chown "$ih_uid" "$ih_d/o" "$ih_d/e"
	(trap '' HUP INT TERM; cat <"$ih_d/o" >>"$ih_d/out"; : >"$ih_d/o.end") &
	(trap '' HUP INT TERM; cat <"$ih_d/e" >>"$ih_d/err"; : >"$ih_d/e.end") &
	"$@" </dev/null >"$ih_d/o" 2>"$ih_d/e"
	ih_rc=$? ih_l=0
	# A daemon that the script left may hold a pipe for ever: it is not waited for.
	until [ -f "$ih_d/o.end" ] && [ -f "$ih_d/e.end" ] || [ $ih_l -ge 50 ]; do
		sleep 0.02 || sleep 1
		ih_l=$((ih_l + 1))
	done
	ih_end $ih_rc
fi
"$@" </dev/null >>"$ih_d/out" 2>>"$ih_d/err"
ih_end $?
