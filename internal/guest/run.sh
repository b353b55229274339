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

ih_end() { # status: atomically, and nothing after it
	echo "$1" >"$ih_d/rc.new" && mv "$ih_d/rc.new" "$ih_d/rc"
	exit 0
}
ih_missing() {
	echo "infrahaus: cannot run $ih_name: its interpreter $1 is missing$2" >>"$ih_d/err"
	ih_end 127
}

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

unset LC_ALL LC_CTYPE LC_MESSAGES LC_COLLATE LC_NUMERIC LC_TIME
export LANG=C.UTF-8 INFRAHAUS_ATTEMPT="$ih_d"
[ -z "$ih_h" ] || export INFRAHAUS_HELPERS="$ih_h"
umask 022
cd /root 2>/dev/null || cd /
[ ! -f "$ih_d/env" ] || . "$ih_d/env"

# `> /dev/stderr` opens what stderr is once more and would cut a file short: a
# script that does so gets pipes instead.
if grep -q '/dev/std\|/dev/fd/\|/proc/self/fd' "$ih_f" 2>/dev/null && mkfifo "$ih_d/o" "$ih_d/e" 2>/dev/null; then
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
