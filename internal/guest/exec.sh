# Runs one program for Exec. boot.sh reads it: ih_n is the session's nonce, the
# program's words are the arguments. ih_in is 1 where the session's stdin is the program's,
# ih_tty where it has a terminal, whose settings before boot are ih_s. POSIX sh.
#
# "<nonce> <pid>\n" on stdout (and on stderr, without a terminal) goes before the program's
# output, "<nonce> <status>\n" after it.

trap : HUP INT TERM QUIT # the program gets them; its status must still be told
cd /root 2>/dev/null || cd /
umask 022
unset ENV BASH_ENV CDPATH IFS LANGUAGE MAIL SSH_CLIENT SSH_CONNECTION SSH_TTY LC_ALL LC_CTYPE LC_MESSAGES LC_COLLATE
unset XDG_SESSION_ID XDG_SESSION_TYPE XDG_SESSION_CLASS XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS INVOCATION_ID
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root USER=root LOGNAME=root SHELL=/bin/sh LANG=C.UTF-8 TERM=${ih_term:-dumb}
export PATH HOME USER LOGNAME SHELL LANG TERM

# The child tells its pid before it becomes the program. A name that begins with a dash is
# no option of exec.
ih_c='printf "%s %s\n" "$1" "$$"; [ -n "$2" ] || printf "%s %s\n" "$1" "$$" >&2
shift 2; unset ih_term; case $1 in -*) exec -- "$@" ;; *) exec "$@" ;; esac'

# ih_signal NAME signals the program: our child that is not ih_me. It is a process group,
# or on a terminal perhaps has another one in front.
ih_signal() {
	for ih_d in /proc/[0-9]*; do
		{ IFS= read -r ih_l <"$ih_d/stat"; } 2>/dev/null || continue
		ih_d=${ih_d#/proc/}
		[ "$ih_d" != "$ih_me" ] || continue
		# shellcheck disable=SC2086 # state ppid pgrp session tty tpgid
		set -- "$1" ${ih_l##*) }
		[ "$3" = $$ ] || continue
		if [ "$7" != "$4" ] && [ "$7" -gt 0 ]; then kill -s "$1" -- "-$7"; fi
		case $ih_tty,$1 in
		1,HUP) kill -s HUP -- "-$4" ;; # what is not the program ignores it: we, and the pump
		1,*) kill -s "$1" "$ih_d" ;;
		*) kill -s "$1" -- "-$ih_d" 2>/dev/null || kill -s "$1" "$ih_d" ;;
		esac
	done
}

if [ -n "$ih_tty" ]; then
	[ -z "$ih_s" ] || stty "$ih_s"
	[ -z "$ih_size" ] || stty rows "${ih_size% *}" cols "${ih_size#* }" 2>/dev/null
	if [ -n "$ih_hangup" ]; then # see Terminal in the console room
		(
			trap '' HUP INT TERM QUIT TSTP TTIN TTOU
			ih_me=$(exec /bin/sh -c 'echo "$PPID"') ih_k=HUP
			while sleep 1; do
				[ "$(stty size </dev/tty 2>/dev/null)" = "$ih_hangup" ] || continue
				ih_signal $ih_k
				ih_k=KILL
			done
		) </dev/null >/dev/null 2>&1 &
		ih_w=$!
	fi
	/bin/sh -c "$ih_c" sh "$ih_n" 1 "$@"
	ih_rc=$?
	[ -z "${ih_w:-}" ] || kill -s KILL "$ih_w" 2>/dev/null
	printf '%s %s\n' "$ih_n" "$ih_rc"
else
	# A process group of its own can be signalled as a whole.
	ih_own=
	if command -v setsid >/dev/null 2>&1; then ih_own=setsid; fi
	ih_w=
	if [ -n "$ih_in" ]; then
		$ih_own /bin/sh -c "$ih_c" sh "$ih_n" '' "$@"
	else
		# The session's stdin carries the names of signals. Its end is the end of the link:
		# nothing is left running.
		exec 3<&0
		(
			trap '' HUP INT TERM QUIT
			ih_me=$(exec /bin/sh -c 'echo "$PPID"' 3<&-)
			while IFS= read -r ih_k; do ih_signal "$ih_k"; done
			ih_signal HUP
		) <&3 3<&- >/dev/null 2>&1 &
		ih_w=$!
		$ih_own /bin/sh -c "$ih_c" sh "$ih_n" '' "$@" </dev/null 3<&-
	fi
	ih_rc=$?
	[ -z "$ih_w" ] || kill -s KILL "$ih_w" 2>/dev/null
	printf '%s %s\n' "$ih_n" "$ih_rc"
	printf '%s %s\n' "$ih_n" "$ih_rc" >&2
fi
exit 0
