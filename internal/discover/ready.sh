# shellcheck shell=sh
# Waits until declared services listen and answer, for at most SECONDS each; all waits
# begin at the same time. A wait ends earlier if systemd, OpenRC or the container engine
# has given up the service. With LOOK, a number of seconds, it asks each service once.
# ready_one INDEX KIND PORT HEX PATH NAME SECONDS prints one section. If the service does
# not answer, it prints another one with the cause. Reading /proc needs only builtins of
# the shell. A request uses the first of curl, wget, bash and nc that is installed.
T0=$(date +%s)
ASK=5
[ -z "$LOOK" ] || ASK=2

# listens succeeds if something listens on a port. It sets A to the address to ask, from
# the local address in /proc/net/{tcp,udp}.
listens() { # proto port hex
	A=
	case $1 in udp) want=07 ;; *) want=0A ;; esac
	hex=$3
	seen=
	for f in "/proc/net/$1" "/proc/net/${1}6"; do
		[ -r "$f" ] || continue
		seen=1
		while read -r _ l _ st _; do
			[ "$st" = "$want" ] || continue
			case $l in *":$hex") ;; *) continue ;; esac
			a=${l%:*}
			a=${a#0000000000000000FFFF0000} # an IPv4 address in the form that IPv6 gives it
			case $a in
			00000000 | 00000000000000000000000000000000) A=127.0.0.1 ;;
			00000000000000000000000001000000) A=${A:-'[::1]'} ;;
			????????)
				d=${a#??????} c=${a#????} b=${a#??}
				A=${A:-$((0x$d)).$((0x${c%??})).$((0x${b%????})).$((0x${a%??????}))} ;;
			*) A=${A:-?} ;;
			esac
		done <"$f"
	done
	[ -z "$A" ] || return 0
	[ -z "$seen" ] || return 1
	command -v ss >/dev/null 2>&1 || return 1
	case $1 in udp) o=-Huln ;; *) o=-Htln ;; esac
	# shellcheck disable=SC2046
	for w in $(ss $o 2>/dev/null); do
		case $w in
		"0.0.0.0:$2" | "*:$2" | "[::]:$2") A=127.0.0.1 ;;
		*":$2") A=${A:-${w%:*}} ;;
		esac
	done
	[ -n "$A" ]
}

# ask_http sets HOW to the result of a request. It returns 0 for a good answer, 1 for none
# or a bad one, and 2 if the guest has no program that can ask.
ask_http() { # scheme port path
	u=$1://$A:$2$3
	if command -v curl >/dev/null 2>&1; then
		code=$(curl -gks -o /dev/null -m $ASK -w '%{http_code}' "$u" 2>/dev/null)
	elif command -v wget >/dev/null 2>&1; then
		nc=
		[ "$1" = http ] || nc=--no-check-certificate
		limit= # busybox may be built without -T
		case $(wget --help 2>&1) in *[[:space:]]-T[[:space:],]*) limit="-T $ASK" ;; esac
		# shellcheck disable=SC2086
		code=$(bounded wget -S $limit $nc -O /dev/null "$u" 2>&1 | awk '/HTTP\/[0-9.]+ [0-9]/ {
			for (i = 1; i < NF; i++) if ($i ~ /HTTP\//) c = $(i + 1) } END { print c }')
		[ -n "$code" ] || code=000
	elif [ "$1" = http ] && command -v bash >/dev/null 2>&1; then
		# shellcheck disable=SC2016
		code=$(bash -c 'h=${1#[}; exec 3<>"/dev/tcp/${h%]}/$2" || exit
			printf "GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n" "$3" >&3
			read -r -t $4 _ c _ <&3; printf %s "$c"' bash "$A" "$2" "$3" "$ASK" 2>/dev/null)
	elif [ "$1" = http ] && command -v nc >/dev/null 2>&1; then
		code=$(printf 'GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$3" |
			nc -w $ASK "$A" "$2" 2>/dev/null | { read -r _ c _; printf %s "$c"; })
	else
		return 2
	fi
	case $code in
	[1234][0-9][0-9]) HOW="http $code"; return 0 ;;
	5[0-9][0-9]) HOW="http $code"; return 1 ;;
	*) HOW='no answer'; return 1 ;;
	esac
}

ask_tcp() { # port
	if command -v bash >/dev/null 2>&1; then
		# shellcheck disable=SC2016
		bash -c 'h=${1#[}; : <"/dev/tcp/${h%]}/$2"' bash "$A" "$1" 2>/dev/null
	elif command -v nc >/dev/null 2>&1; then
		nc -w 2 "$A" "$1" </dev/null >/dev/null 2>&1
	else
		return 2
	fi && HOW=tcp
}

ready_try() { # kind port hex path
	case $1 in udp) p=udp ;; *) p=tcp ;; esac
	HOW='not listening'
	listens "$p" "$2" "$3" || return 1
	HOW='no answer'
	# If a look has no time left for a request, listening is enough.
	if [ -n "$LOOK" ] && [ "$(date +%s)" -ge "$DEADLINE" ]; then
		HOW=listening
		return 0
	fi
	case "$1 $A" in
	udp\ * | *\ \?) HOW=listening; return 0 ;;
	tcp\ *) ask_tcp "$2" ;;
	*) ask_http "$1" "$2" "$4" ;;
	esac
	case $? in
	0) return 0 ;;
	2) HOW=listening; return 0 ;;
	esac
	return 1
}

# ready_all also asks for the other ports in ALSO (each as "PORT HEX"), and runs RUN.
ready_all() { # kind port hex path
	HOW='command'
	[ "$1" = command ] || ready_try "$@" || return 1
	case $1 in udp) p=udp ;; *) p=tcp ;; esac
	good=$HOW
	# shellcheck disable=SC2086
	also $p $ALSO || return 1
	if [ -n "$RUN" ] && ! bounded sh -c "$RUN" >/dev/null 2>&1 </dev/null; then
		HOW='its command fails'
		return 1
	fi
	HOW=$good
}

also() { # proto (port hex)…
	p=$1
	shift
	while [ $# -gt 1 ]; do
		HOW="not listening on $1"
		listens "$p" "$1" "$2" || return 1
		shift 2
	done
}

ready_one() { # index kind port hex path name seconds
	BY='?' G=0 last=
	DEADLINE=$((T0 + ${LOOK:-$7}))
	while :; do
		if ready_all "$2" "$3" "$4" "$5"; then
			sec ready "$1" ok "$HOW"
			return 0
		fi
		now=$(date +%s)
		if [ -n "$LOOK" ] || [ "$now" -ge "$DEADLINE" ]; then break; fi
		if [ "$now" != "$last" ]; then
			last=$now
			case $BY in '?' | '') runner "$6" "$3" ;; esac
			! given_up || break
		fi
		sleep 0.1 2>/dev/null || sleep 1
	done
	sec ready "$1" no "$HOW"
	[ "$BY" != '?' ] || runner "$6" "$3"
	why "$1"
}
