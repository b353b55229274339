# The agent: what runs at the other end of a link, as root in the guest. The
# one-line boot.sh reads it from stdin, after the session's nonce, so that no
# argument list holds it. POSIX sh; runs in dash, busybox ash and bash.
#
# A command is a line with the length of its text, the text, then the lines "<nonce>" and
# "<blocks> <rest>": so many blocks of 65536 bytes and so many bytes more follow as its
# stdin (0 0: none, /dev/null). A shell reads its stdin with a system call for each byte, so
# dd reads the text; the length 0 says that it is too short for that. The command runs in a
# subshell. Its end is "<nonce> <status>\n" on stdout and on stderr; the nonce begins with a
# byte that output seldom ends with, so that nothing is held back.

cd /root 2>/dev/null || cd /
umask 022
unset ENV BASH_ENV CDPATH IFS LANGUAGE MAIL SSH_CLIENT SSH_CONNECTION SSH_TTY
unset XDG_SESSION_ID XDG_SESSION_TYPE XDG_SESSION_CLASS XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root USER=root LOGNAME=root TERM=dumb LANG=C.UTF-8 LC_ALL=C
export PATH HOME USER LOGNAME TERM LANG LC_ALL

ih_payload() { # blocks rest
	if [ -n "$ih_full" ]; then
		[ "$1" = 0 ] || dd bs=65536 count="$1" iflag=fullblock 2>/dev/null
		[ "$2" = 0 ] || dd bs="$2" count=1 iflag=fullblock 2>/dev/null
	else
		dd bs=1 count="$(($1 * 65536 + $2))" 2>/dev/null
	fi
}

# ih_start: when process $1 started, in ih_s; "" if it is gone or not known.
ih_start() {
	ih_s=
	{ IFS= read -r ih_s <"/proc/$1/stat"; } 2>/dev/null || return 0
	set -- ${ih_s##*) }
	ih_s=
	case $1 in Z | X) return 0 ;; esac
	[ $# -lt 20 ] || { shift 19; ih_s=$1; }
}

# ih_booted: what changes with every boot of this container, in ih_b. The boot
# id alone is the node's; the start time of our own init is not.
ih_booted() {
	ih_b=
	{ IFS= read -r ih_b </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
	ih_start 1
	ih_b=$ih_b:$ih_s
}

ih_nap() { sleep "$1" 2>/dev/null || sleep 1; }

# ih_claim DIR: true for the one caller that may start the attempt.
ih_claim() {
	mkdir "$1/claim" 2>/dev/null || return 1
	printf '%s\n' "$ih_b" >"$1/claim/boot"
	: >"$1/out"
	: >"$1/err"
}

# ih_launch DIR SCRIPT HELPERS NAME ARG…: starts DIR/run, cut loose from this link.
ih_launch() {
	if command -v setsid >/dev/null 2>&1; then
		setsid /bin/sh "$1/run" "$@" </dev/null >/dev/null 2>&1 &
	else
		{ set -m; } 2>/dev/null || : # a process group of its own, where the shell can
		nohup /bin/sh "$1/run" "$@" </dev/null >/dev/null 2>&1 &
		{ set +m; } 2>/dev/null || :
	fi
}

# ih_look: in ih_is, the state of the attempt in the current folder: run, end
# (ih_rc is its status), dead, or none (claimed, its runner not seen yet).
ih_look() {
	ih_is=none
	if IFS= read -r ih_rc 2>/dev/null <rc; then ih_is=end; return; fi
	if read -r ih_p ih_ps ih_pb 2>/dev/null <pid; then
		ih_is=run
		ih_start "$ih_p"
		[ "$ih_pb" = "$ih_b" ] || ih_is=dead
		[ "$ih_ps" = "${ih_s:--}" ] || ih_is=dead
		if [ "$ih_ps" = - ]; then kill -0 "$ih_p" 2>/dev/null || ih_is=dead; fi
	elif IFS= read -r ih_pb 2>/dev/null <claim/boot; then
		[ "$ih_pb" = "$ih_b" ] || ih_is=dead
	fi
	if [ $ih_is = dead ] && IFS= read -r ih_rc 2>/dev/null <rc; then ih_is=end; fi
}

# ih_cut KIND FILE FROM TO: a frame "KIND SKIP BYTES" and the bytes, the first
# SKIP of which were asked for only to start at a whole block.
ih_cut() {
	ih_k=$(($3 / 4096)) ih_m=$(($3 % 4096))
	ih_m2=$(($4 - $3 + ih_m))
	printf '%s %s %s\n' "$1" "$ih_m" "$ih_m2"
	if [ $ih_k = 0 ]; then
		head -c "$ih_m2" "$2"
	else
		dd if="$2" bs=4096 skip=$ih_k 2>/dev/null | head -c "$ih_m2"
	fi
}

# ih_sizes: sizes of err, out and secrets, looked at in this order, so that a
# secret saved before a byte of output is always seen with it.
ih_sizes() {
	# shellcheck disable=SC2046 # words are what is wanted
	set -- $(ls -ln err out secrets 2>/dev/null)
	ih_es=${5:-0} ih_os=0 ih_ss=0
	[ $# -lt 18 ] || { shift 9; ih_os=$5; }
	[ $# -lt 18 ] || { shift 9; ih_ss=$5; }
}

# ih_upto FROM SIZE: in ih_to, how far the next frame goes: a MiB at most.
ih_upto() {
	ih_to=$2
	[ $(($2 - $1)) -le 1048576 ] || ih_to=$(($1 + 1048576))
}

# ih_follow DIR OUT ERR SECRETS: frames from these offsets to the end: "x STATUS",
# or "d" when the runner is gone without one. "t" says that a file was cut
# short by the script, "." that nothing happened for a while.
ih_follow() {
	cd "$1" || return 1
	ih_o=$2 ih_e=$3 ih_c=$4 ih_w=0 ih_i=0 ih_n0=0 ih_none=0
	while :; do
		ih_look
		ih_sizes
		ih_more=
		if [ "$ih_ss" -gt "$ih_c" ]; then
			ih_cut s secrets "$ih_c" "$ih_ss"
			ih_c=$ih_ss
		fi
		if [ "$ih_os" -lt "$ih_o" ]; then ih_o=0; echo t o; fi
		if [ "$ih_es" -lt "$ih_e" ]; then ih_e=0; echo t e; fi
		if [ "$ih_os" -gt "$ih_o" ]; then
			ih_upto "$ih_o" "$ih_os"
			ih_cut o out "$ih_o" "$ih_to"
			ih_o=$ih_to ih_more=1
		fi
		if [ "$ih_es" -gt "$ih_e" ]; then
			ih_upto "$ih_e" "$ih_es"
			ih_cut e err "$ih_e" "$ih_to"
			ih_e=$ih_to ih_more=1
		fi
		if [ "$ih_os" -gt "$ih_o" ] || [ "$ih_es" -gt "$ih_e" ]; then continue; fi
		case $ih_is in
		end) echo "x $ih_rc"; return 0 ;;
		dead) echo d; return 0 ;;
		none) ih_none=$((ih_none + 1)); if [ $ih_none -gt 60 ]; then echo d; return 0; fi ;;
		esac
		# A short script is watched closely; one that goes on, and talks, calmly.
		ih_n0=$((ih_n0 + 1))
		if [ -n "$ih_more" ]; then ih_w=$((ih_n0 < 40 ? 0 : 8)); fi
		ih_w=$((ih_w + 1)) ih_i=$((ih_i + 1))
		if [ $ih_w -le 8 ]; then
			ih_nap 0.005
		elif [ $ih_w -le 12 ]; then
			ih_nap 0.03
		elif [ $ih_w -le 15 ]; then
			ih_nap 0.1
		else
			ih_nap 0.2
		fi
		if [ $ih_i -ge 25 ]; then ih_i=0; echo .; fi
	done
}

# ih_rest SIGNAL PID: for everything in the runner's session, or begun by it, but
# not the runner, which then writes down how the script ended.
ih_rest() {
	for ih_d in /proc/[0-9]*; do
		ih_s=
		{ IFS= read -r ih_s <"$ih_d/stat"; } 2>/dev/null || continue
		ih_q=${ih_d#/proc/}
		[ "$ih_q" != "$2" ] || continue
		if ih_under "$2" ${ih_s##*) }; then kill -s "$1" "$ih_q" 2>/dev/null; fi
	done
}
ih_under() { [ "$3" = "$1" ] || [ "$5" = "$1" ]; } # of state ppid pgrp session …

# ih_packages PID: true while a package manager works for the runner, or in its
# session.
ih_packages() {
	for ih_d in /proc/[0-9]*; do
		ih_s=
		{ IFS= read -r ih_s <"$ih_d/stat"; } 2>/dev/null || continue
		ih_q=${ih_s#*(}
		case ${ih_q%)*} in
		dpkg | dpkg-* | apt | apt-get | aptitude | apk | rpm | dnf | dnf5 | yum | zypper | pacman)
			# shellcheck disable=SC2086 # words are what is wanted
			if ih_under "$1" ${ih_s##*) }; then return 0; fi
			;;
		esac
	done
	return 1
}

# ih_kill DIR TENTHS: SIGTERM, and SIGKILL after so many tenths of a second. What
# was not claimed yet is claimed and ended here, so that it never starts. What
# installs packages is left alone, and "spared" is said.
ih_kill() {
	mkdir -p "$1" && cd "$1" || return 1
	if ih_claim .; then echo 143 >rc; return 0; fi
	ih_i=0 ih_hit=
	while :; do
		ih_look
		case $ih_is in end | dead) return 0 ;; esac
		if [ $ih_is = run ] && [ -z "$ih_hit" ]; then
			if ih_packages "$ih_p"; then echo spared; return 0; fi
			ih_hit=1 ih_i=0
			kill -s TERM -- "-$ih_p" 2>/dev/null || ih_rest TERM "$ih_p"
		fi
		ih_i=$((ih_i + 1))
		if [ $ih_i -gt "$2" ] && [ -n "$ih_hit" ]; then ih_rest KILL "$ih_p"; fi
		if [ $ih_i -gt $(($2 + 20)) ]; then
			[ -z "$ih_hit" ] || kill -s KILL -- "-$ih_p" 2>/dev/null || kill -9 "$ih_p" 2>/dev/null
			return 0
		fi
		ih_nap 0.1
	done
}

ih_full=
if dd if=/dev/null bs=1 count=0 iflag=fullblock >/dev/null 2>&1; then ih_full=1; fi
ih_booted
printf '%s 0\n' "$ih_n"
printf '%s 0\n' "$ih_n" >&2
while :; do
	IFS= read -r l || exit 0
	ih_t=
	if [ "$l" != 0 ] && [ -n "$ih_full" ]; then ih_t=$(dd bs="$l" count=1 iflag=fullblock 2>/dev/null)$n; fi
	while :; do
		IFS= read -r l || exit 0
		[ "x$l" != "x$ih_n" ] || break
		ih_t=$ih_t$l$n
	done
	IFS= read -r l || exit 0
	if [ "$l" = "0 0" ]; then
		(eval "$ih_t") </dev/null
		ih_rc=$?
	else
		ih_payload "${l% *}" "${l#* }" | (
			(eval "$ih_t")
			ih_rc=$?
			cat >/dev/null
			exit "$ih_rc"
		)
		ih_rc=$?
	fi
	printf '%s %s\n' "$ih_n" "$ih_rc"
	printf '%s %s\n' "$ih_n" "$ih_rc" >&2
done
