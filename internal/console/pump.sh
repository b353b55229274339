# The pump runs on a guest's console and carries the channels of mux.go. The bootstrap (see
# bootstrap.go) has made the terminal raw, has read this text, and has set ih_tag to the
# tag and ih_program to the program of each channel. POSIX sh; runs in dash, busybox ash
# and bash.
#
# The input is lines "~TAG WORDS LENGTH .", the output is words "~TAG WORDS;" and blocks:
# "~TAG d ID STREAM SEQ FORM SUM;", base64 or plain lines, "~TAG e ID STREAM SEQ;".
# Everything else, in either direction, is noise. A block is kept until it is acknowledged,
# and sent again on request. A message whose checksum, or length if it is plain text, does
# not match is refused. The terminal's timer ends each read after 3 s, so that half a
# message does not block the pump. After a minute without a word the pump ends.

set -f
LC_ALL=C # one byte is one character
ih_chars=$(printf ' -~\t\036')
ih_here=$$ ih_ids= ih_buf= ih_more= ih_idle=0 ih_t=

ih_say() { printf '~%s %s;\n' "$ih_tag" "$*"; }
ih_nap() { sleep "$1" 2>/dev/null || sleep 1; }
ih_has() { command -v "$1" >/dev/null 2>&1; }

# ih_tools sets the programs of this guest for base64, gzip and checksums, and makes the
# pump's folder, ih_dir.
ih_tools() {
	ih_gz= ih_sum= ih_enc= ih_dec= ih_full=0
	# bash reads ahead on a terminal, so dd would miss bytes there.
	if [ -z "${BASH_VERSION:-}" ] && dd if=/dev/null bs=1 count=0 iflag=fullblock >/dev/null 2>&1; then ih_full=1; fi
	if ih_has gzip; then ih_gz=1; fi
	if ih_has sha256sum; then ih_sum=sha256sum; elif ih_has md5sum; then ih_sum=md5sum; fi
	if ih_has base64; then ih_enc=base64 ih_dec='base64 -d'
	elif ih_has openssl; then ih_enc='openssl base64 -A' ih_dec='openssl base64 -d -A'
	elif ih_has busybox && busybox base64 </dev/null >/dev/null 2>&1; then ih_enc='busybox base64' ih_dec='busybox base64 -d'
	fi
	# A terminal handles output line by line: one long line costs a tenth of many short ones.
	case $ih_enc in *base64) if $ih_enc -w0 </dev/null >/dev/null 2>&1; then ih_enc="$ih_enc -w0"; fi ;; esac
	ih_dir=
	for ih_d in /run /dev/shm /tmp /var/tmp; do
		if (umask 077 && mkdir "$ih_d/infrahaus-$ih_tag" && mkfifo "$ih_d/infrahaus-$ih_tag/f" &&
			echo $$ >"$ih_d/infrahaus-$ih_tag/pid") 2>/dev/null; then
			ih_dir=$ih_d/infrahaus-$ih_tag
			return
		fi
		rm -rf "$ih_d/infrahaus-$ih_tag"
	done
}

# ih_scoped starts the program $1, whose files are named $0.…, in a systemd scope of its
# own. A login on the console runs in the getty's control group, unless pam_systemd gives it
# a session, and systemd kills that group when the login ends; but scripts that the program
# starts must survive that.
# shellcheck disable=SC2016 # another shell expands it
ih_scoped='echo $$ >"$0.pid"
systemd-run -q --scope /bin/sh -c "$1" "$0" || [ -f "$0.ran" ] || exec /bin/sh -c "$1" "$0"'

# ih_choose sets ih_begin, the text that starts a program here.
ih_choose() {
	ih_begin=$ih_program
	ih_has systemd-run || return 0
	case $(cat /proc/self/cgroup 2>/dev/null) in *getty*) ih_begin=$ih_scoped ;; esac
}

# ih_first FILE sets ih_v to its first line. bash's read would return what it has read ahead
# on the terminal instead, so there cat reads.
ih_first() {
	ih_v=
	if [ -n "${BASH_VERSION:-}" ]; then
		ih_v=$(cat "$1" 2>/dev/null)
	else
		{ IFS= read -r ih_v <"$1"; } 2>/dev/null || :
	fi
}
# ih_num FILE sets ih_v to the number in it, 0 without one.
ih_num() {
	ih_first "$1"
	ih_v=${ih_v:-0}
}

# ih_print prints the blocks named on its stdin, one at a time over all streams.
ih_print() {
	while read -r ih_i ih_s ih_q; do
		[ -f "$ih_dir/$ih_i.$ih_s.$ih_q.h" ] || continue
		ih_first "$ih_dir/$ih_i.$ih_s.$ih_q.h"
		printf '~%s d %s;\n' "$ih_tag" "$ih_v"
		case $ih_v in
		*" t "*) # short: a loop is faster than a process
			while IFS= read -r ih_v; do printf '%s\n' "$ih_v"; done <"$ih_dir/$ih_i.$ih_s.$ih_q"
			;;
		*" z "*) $ih_enc <"$ih_dir/$ih_i.$ih_s.$ih_q.c" ;; # gzip packs the next one meanwhile
		*" b "*) $ih_enc <"$ih_dir/$ih_i.$ih_s.$ih_q" ;;
		esac
		printf '~%s e %s %s %s;\n' "$ih_tag" "$ih_i" "$ih_s" "$ih_q"
		ih_num "$ih_dir/$ih_i.$ih_s.n" # a block that is printed again is not the last
		[ "$ih_q" -le "$ih_v" ] || echo "$ih_q" >"$ih_dir/$ih_i.$ih_s.n"
	done
}

# ih_plain FILE DD is true for whole lines of printable ASCII, not many, which are sent as
# they are. It sets ih_n to the length, which dd has printed to DD. Not in bash, whose read
# cannot read a file here.
ih_plain() {
	ih_n=0 ih_k=0
	[ -z "${BASH_VERSION:-}" ] || return 1
	while IFS= read -r ih_v; do
		case $ih_v in [0-9]*" byte"*) ih_n=${ih_v%% *} ;; esac
	done <"$2"
	if [ "$ih_n" = 0 ] || [ "$ih_n" -gt 2048 ]; then return 1; fi
	while IFS= read -r ih_v; do
		case $ih_v in *[!$ih_chars]*) return 1 ;; esac
		ih_k=$((ih_k + ${#ih_v} + 1))
	done <"$1"
	[ "$ih_k" = "$ih_n" ]
}

# ih_noroom ends the pump if there is no room for a block, so that no output is lost in
# silence. The next pump finds no folder to write in, and says so.
ih_noroom() {
	kill -s USR1 "$ih_here"
	cat >/dev/null
	exit
}

# ih_stream ID STREAM sends its stdin, block by block, to the end. At most 16 blocks wait
# for an acknowledgement.
ih_stream() {
	ih_f=$ih_dir/$1.$2 ih_q=0 ih_r=0 ih_form=
	while [ "$ih_form" != x ]; do
		ih_q=$((ih_q + 1))
		ih_b=$ih_f.$ih_q
		dd bs=65536 count=1 >"$ih_b" 2>"$ih_f.dd" || ih_noroom
		if [ ! -s "$ih_b" ]; then
			ih_form=x ih_v=0
		elif ih_plain "$ih_b" "$ih_f.dd"; then
			ih_form=t ih_v=$ih_n
		elif [ -n "$ih_gz" ]; then
			ih_form=z ih_v=- # gzip has a sum of its own
			gzip -1c <"$ih_b" >"$ih_b.c" || ih_noroom
		else
			ih_form=b
			ih_v=$($ih_enc <"$ih_b" | $ih_sum)
		fi
		printf '%s %s %s %s %s\n' "$1" "$2" "$ih_q" "$ih_form" "${ih_v%% *}" >"$ih_b.h" || ih_noroom
		if [ -f "$ih_dir/$1.off" ]; then cat >/dev/null; return; fi
		echo "$1 $2 $ih_q" >&9
		while :; do
			ih_num "$ih_f.a"
			if [ $((ih_v - ih_r)) -ge 8 ]; then # eight at once: each rm is a process
				set -- "$1" "$2"
				while [ "$ih_r" -lt "$ih_v" ]; do
					ih_r=$((ih_r + 1))
					set -- "$@" "$ih_f.$ih_r" "$ih_f.$ih_r.h" "$ih_f.$ih_r.c"
				done
				ih_a=$1 ih_b=$2
				shift 2
				rm -f "$@"
				set -- "$ih_a" "$ih_b"
			fi
			[ $((ih_q - ih_r)) -ge 16 ] || break
			if [ -f "$ih_dir/$1.off" ]; then cat >/dev/null; return; fi
			kill -0 "$ih_here" 2>/dev/null || return
			ih_nap 0.02
		done
	done
}

# ih_hold FD FIFO opens it for writing. In busybox a child that ends interrupts that; without
# `command` the failure would end the shell.
ih_hold() {
	until eval "command exec $1>\"\$2\""; do ih_nap 0.01; done
}

# ih_sweep removes the folders of pumps that were killed; their programs have ended, since
# their input did. Only in /run, where nobody but root writes.
ih_sweep() {
	set +f
	for ih_f in /run/infrahaus-*; do
		ih_num "$ih_f/pid"
		[ "$ih_v" = 0 ] || kill -0 "$ih_v" 2>/dev/null || rm -rf "$ih_f"
	done
	set -f
}

# ih_open ID SLOT [1] starts a program; with 1, signals reach it that we ignore. The slot is a file descriptor that holds its stdin open:
# when the pump is gone, the program reads the end of its input.
ih_open() {
	eval "ih_v=\${ih_slot_$1:-}"
	if [ -n "$ih_v" ]; then ih_say o "$1"; return; fi
	ih_f=$ih_dir/$1
	mkfifo "$ih_f.in" "$ih_f.o" "$ih_f.e" || return 0
	ih_stream "$1" o <"$ih_f.o" 2>/dev/null 5>&- 6>&- 7>&- 8>&- &
	ih_stream "$1" e <"$ih_f.e" 2>/dev/null 5>&- 6>&- 7>&- 8>&- &
	if [ -n "${3:-}" ]; then
		# Only job control starts something in the background that does not ignore SIGINT.
		{ set -m; } 2>/dev/null || :
		(
			trap - INT QUIT TSTP HUP USR1
			exec /bin/sh -c "$ih_begin" "$ih_f" "$ih_program" 5>&- 6>&- 7>&- 8>&- 9>&-
		) <"$ih_f.in" >"$ih_f.o" 2>"$ih_f.e" &
		{ set +m; } 2>/dev/null || :
	elif ih_has setsid; then
		setsid /bin/sh -c "$ih_begin" "$ih_f" "$ih_program" <"$ih_f.in" >"$ih_f.o" 2>"$ih_f.e" 5>&- 6>&- 7>&- 8>&- 9>&- &
	else
		{ set -m; } 2>/dev/null || :
		/bin/sh -c "$ih_begin" "$ih_f" "$ih_program" <"$ih_f.in" >"$ih_f.o" 2>"$ih_f.e" 5>&- 6>&- 7>&- 8>&- 9>&- &
		{ set +m; } 2>/dev/null || :
	fi
	ih_hold "$2" "$ih_f.in"
	eval "ih_slot_$1=$2 ih_got_$1=0"
	ih_ids="$ih_ids $1"
	ih_say o "$1"
}

# ih_eof ID ends the program's stdin. What was sent has been handed over.
ih_eof() {
	eval "ih_v=\${ih_slot_$1:-}"
	case $ih_v in [0-9]) eval "exec $ih_v>&-; ih_slot_$1=-" ;; esac
	ih_say x "$1"
}

# ih_terminal FILE lends the terminal to a program: FILE runs on it, with the settings from
# before the bootstrap ($s), once the other side has seen that it begins.
ih_terminal() {
	ih_say t
	ih_i=0
	while :; do
		if IFS= read -r l; then
			case $l in "~$ih_tag g "*) break ;; esac
		fi
		ih_i=$((ih_i + 1))
		if [ $ih_i -gt 10 ]; then ih_say u; return; fi
	done
	stty "$s"
	(
		trap - INT QUIT TSTP HUP USR1
		exec /bin/sh "$1" 5>&- 6>&- 7>&- 8>&- 9>&-
	)
	stty raw -echo min 0 time 30
	ih_say u
}

# ih_shut ID sends SIGTERM to the program and its children.
ih_shut() {
	eval "ih_v=\${ih_slot_$1:-}"
	[ -n "$ih_v" ] || return 0
	: >"$ih_dir/$1.off"
	[ "$ih_v" = - ] || eval "exec $ih_v>&-"
	eval "ih_slot_$1="
	ih_num "$ih_dir/$1.pid"
	if [ "$ih_v" != 0 ]; then
		kill -s TERM -- "-$ih_v" 2>/dev/null || kill -s TERM "$ih_v" 2>/dev/null || :
	fi
	ih_was=$ih_ids ih_ids=
	for ih_v in $ih_was; do [ "$ih_v" = "$1" ] || ih_ids="$ih_ids $ih_v"; done
}
ih_shutall() { for ih_w in $ih_ids; do ih_shut "$ih_w"; done; }

# ih_take ID SEQ FORM SUM BYTES handles a message, the program's next input. A short one was
# gathered line by line. Of a long one so many bytes follow, which dd reads faster than any
# shell. A child hands it over, because the program may be slow to read it.
ih_take() {
	if [ "$3" = t ]; then
		ih_text "$@"
		return
	fi
	if [ "$5" -gt 0 ]; then
		dd bs="$5" count=1 iflag=fullblock >"$ih_dir/m" 2>/dev/null
	else
		printf %s "$ih_buf" >"$ih_dir/m"
	fi
	ih_buf=
	eval "ih_slot=\${ih_slot_$1:-} ih_g=\${ih_got_$1:-0}"
	if [ -z "$ih_slot" ] || [ "$ih_g" = "$2" ]; then ih_state "$1" "$2"; return; fi
	ih_g=$($ih_sum <"$ih_dir/m")
	if [ "${ih_g%% *}" != "$4" ]; then ih_say n "$1" "$2"; return; fi
	eval "ih_got_$1=$2"
	mv "$ih_dir/m" "$ih_dir/$1.m"
	{
		if [ "$3" = z ]; then
			eval "$ih_dec <\"\$ih_dir/\$1.m\" | gzip -dc >&$ih_slot"
		else
			eval "$ih_dec <\"\$ih_dir/\$1.m\" >&$ih_slot"
		fi
		echo "$2" >"$ih_dir/$1.done"
		ih_say a "$1" "$2"
	} </dev/null 2>/dev/null &
}

# ih_text ID SEQ t LENGTH does the same for plain text, which was gathered line by line. It
# needs no process but the one that hands it over.
ih_text() {
	eval "ih_slot=\${ih_slot_$1:-} ih_g=\${ih_got_$1:-0}"
	if [ -z "$ih_slot" ] || [ "$ih_g" = "$2" ]; then
		ih_state "$1" "$2"
	elif [ "${#ih_buf}" != "$4" ]; then
		ih_say n "$1" "$2"
	else
		eval "ih_got_$1=$2"
		{
			eval "printf %s \"\$ih_buf\" >&$ih_slot"
			echo "$2" >"$ih_dir/$1.done"
			ih_say a "$1" "$2"
		} </dev/null 2>/dev/null &
	fi
	ih_buf=
}

# ih_state ID SEQ says how far that message is: handed over (a), here (k), or not (n).
ih_state() {
	ih_num "$ih_dir/$1.done"
	eval "ih_g=\${ih_got_$1:-0}"
	if [ "$ih_v" = "$2" ]; then ih_say a "$1" "$2"
	elif [ "$ih_g" = "$2" ]; then ih_say k "$1" "$2"
	else ih_say n "$1" "$2"
	fi
}

# ih_stray handles a line that is noise. It is false if nothing else has come for a minute:
# somebody who wants to log in presses Enter again and again, and would keep a left-over
# pump alive.
ih_stray() {
	ih_v=$(date +%s 2>/dev/null)
	[ -n "$ih_v" ] || return 0
	[ -n "$ih_t" ] || ih_t=$ih_v
	[ $((ih_v - ih_t)) -lt 60 ]
}

# ih_alive N answers a ping, with the number of blocks that each stream has printed.
ih_alive() {
	for ih_w in $ih_ids; do
		ih_num "$ih_dir/$ih_w.o.n"
		ih_say s "$ih_w" o "$ih_v"
		ih_num "$ih_dir/$ih_w.e.n"
		ih_say s "$ih_w" e "$ih_v"
	done
	ih_say p "$1"
}

# ih_forget removes our line from the history: busybox keeps every line typed at its prompt.
ih_forget() {
	for ih_f in "${HISTFILE:-}" "${HOME:-/root}/.ash_history"; do
		[ -f "$ih_f" ] || continue
		case $(tail -n 1 "$ih_f" 2>/dev/null) in *"$ih_tag"*) sed -i '$d' "$ih_f" ;; esac
	done
}

# ih_rest ends the rest of the pump. A stream that a daemon holds open would never end by
# itself.
ih_rest() {
	exec 9>&-
	ih_first "/proc/$$/stat"
	# shellcheck disable=SC2086 # words are what is wanted
	set -- ${ih_v##*) }
	[ "${3:-}" = "$$" ] || return 0 # not in a process group of our own
	trap '' TERM
	kill -s TERM 0
	trap - TERM
}

ih_tools
ih_forget
if [ -z "$ih_dir" ] || [ -z "$ih_sum" ] || [ -z "$ih_enc" ]; then
	ih_say f "${ih_dir:+dir}" "${ih_sum:+sum}" "${ih_enc:+base64}"
else
	trap '' INT QUIT TSTP HUP
	stty time 30
	ih_choose
	ih_sweep
	ih_print <"$ih_dir/f" 2>/dev/null &
	ih_hold 9 "$ih_dir/f"
	ih_uid=$(id -u)
	[ -z "${SSH_CONNECTION:-}" ] || ih_uid=ssh # somebody logged in from here, perhaps to another machine
	ih_say h "$ih_sum" "${ih_gz:-0}" "$ih_full" "$ih_uid"
	ih_broke=
	trap 'ih_broke=1' USR1
	while [ -z "$ih_broke" ]; do
		if IFS= read -r l; then
			l=$ih_more$l ih_more= ih_idle=0
		else
			ih_more=$ih_more$l
			ih_idle=$((ih_idle + 1))
			[ $ih_idle -lt 20 ] || break
			continue
		fi
		case $l in
		"~$ih_tag "*" .") l=${l#"~$ih_tag "} ;;
		*"~$ih_tag "*" .") ih_say n; l=${l##*"~$ih_tag "} ;;
		'' | ? | ??) ih_say y; ih_stray || break; continue ;; # Enter, perhaps after keys that clear a line
		*) ih_say n; ih_stray || break; continue ;;
		esac
		ih_t=
		# Keys that somebody pressed could change a number, so the line gives its own length.
		l=${l% .}
		ih_v=${l##* } l=${l% *}
		if [ "${#l}" != "$ih_v" ]; then ih_say n; continue; fi
		case $l in "= "*) ih_buf=$ih_buf${l#= }$n; continue ;; esac
		# shellcheck disable=SC2086 # words are what is wanted
		set -- $l
		case $#$1 in
		2+) ih_buf=$ih_buf$2 ;;
		6m) ih_take "$2" "$3" "$4" "$5" "$6" ;;
		4a) echo "$4" >"$ih_dir/$2.$3.a" ;;
		4r) echo "$2 $3 $4" >&9 ;;
		3\?) ih_state "$2" "$3" ;;
		3c) ih_open "$2" "$3" ;;
		4c) ih_open "$2" "$3" 1 ;;
		2k) ih_shut "$2" ;;
		2x) ih_eof "$2" ;;
		2t) ih_terminal "$2" ;;
		2p) ih_alive "$2" ;;
		1h) ih_say h "$ih_sum" "${ih_gz:-0}" "$ih_full" "$ih_uid" ;;
		1z) ih_shutall; ih_buf=; ih_say z ;;
		1q) ih_say q; break ;;
		*) ih_say n ;;
		esac
	done
	ih_shutall
	ih_rest
	# systemd gives up a getty that starts five times within ten seconds, as it does where
	# short commands follow each other. Nobody could log in there any more.
	if ih_has systemctl; then systemctl reset-failed 'container-getty@*.service' 'getty@*.service' console-getty.service; fi >/dev/null 2>&1 </dev/null
	for ih_v in 1 2 3 4 5 6 7 8; do # a stream may be writing its last block
		rm -rf "$ih_dir" 2>/dev/null
		[ -d "$ih_dir" ] || break
		ih_nap 0.05
	done
	# Drop what came meanwhile: a getty or a shell reads here next. Nothing comes from us after q.
	stty time 0
	dd bs=4096 count=1 >/dev/null 2>&1
fi
