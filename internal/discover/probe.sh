# shellcheck shell=sh
# Prints what runs in this guest, in sections. Only we know the nonce N that begins a
# section. The script writes no files, and leaves out what the guest does not have.

# Credentials come first, so that other output cannot use up the space for them. Only
# files that root alone can have written are read: no link, because it may lead to
# /etc/shadow; no file of another owner; no file in a folder that others may write. A file
# is opened only after the check that it is a regular one, because reading a pipe would
# block.
no() { # reason name: reports a refused file; only the first twenty are named
	r=$((r + 1))
	[ "$r" -le 20 ] || return 0
	sec refused "$1" "$(printf %s "$2" | tr -c 'A-Za-z0-9._@-' '?' | head -c 64)"
}
own() { # succeeds if the file is root's, and others cannot write it
	[ -O "$1" ] && case $(ls -ldn "$1") in ?????-??-*) ;; *) false ;; esac
}
credential() { # file
	b=${1##*/}
	if [ -L "$1" ]; then no link "$b"; return; fi
	[ -e "$1" ] || return 0
	[ -f "$1" ] || { no kind "$b"; return; }
	[ -O "$1" ] || { no owner "$b"; return; }
	[ -r "$1" ] || { no mode "$b"; return; }
	case $b in *[!A-Za-z0-9._@-]* | .*) no name "$b"; return ;; esac
	size=$(head -c $((FILE + 1)) "$1" | wc -c)
	[ "$size" -le "$FILE" ] || { no size "$b"; return; }
	n=$((n + 1)) t=$((t + size))
	if [ "$n" -gt "$FILES" ] || [ "$t" -gt "$ALL" ]; then return; fi
	sec cred "$b"
	head -c "$FILE" "$1"
}
D=/etc/infrahaus/credentials
n=0 r=0 t=0
if [ -L "${D%/*}" ] || [ -L "$D" ]; then
	no folder-link ''
elif [ -e "$D" ] && ! { own "${D%/*}" && own "$D"; }; then
	no folder-open ''
elif [ -d "$D" ]; then
	for f in "$D"/*; do
		credential "$f"
		if [ "$n" -gt "$FILES" ] || [ "$t" -gt "$ALL" ] || [ "$r" -gt 1000 ]; then
			sec refused many
			break
		fi
	done
else
	credential "$D"
fi 2>/dev/null
[ "$r" -le 20 ] || sec refused more "$((r - 20))"

sec addresses
if have ip; then
	ip -o addr show | part
else
	part </proc/net/fib_trie
	sec if_inet6
	part </proc/net/if_inet6
fi 2>/dev/null

if [ -d /run/systemd/system ] && have systemctl; then
	sec units
	bounded systemctl show '*.service' '*.socket' --no-pager \
		--property=Id,Names,Type,LoadState,ActiveState,SubState,Result,MainPID,ControlGroup,FragmentPath,SourcePath,UnitFileState,Triggers,Listen | part
fi 2>/dev/null

if [ -d /run/openrc ]; then
	sec openrc
	{
		for s in started failed inactive; do
			for f in /run/openrc/"$s"/*; do
				[ -e "$f" ] || [ -L "$f" ] && printf '%s %s\n' "$s" "${f##*/}"
			done
		done
		for f in /etc/runlevels/*/*; do
			[ -e "$f" ] || continue
			l=${f%/*}
			printf 'enabled %s %s\n' "${f##*/}" "${l##*/}"
		done
	} | part
	sec daemons
	grep -H -E '^(pidfile|exec)=' /run/openrc/daemons/*/* /dev/null | part
	sec pidfiles
	grep -H -E '^ *[0-9]+ *$' /run/*.pid /run/*/*.pid /dev/null | part
fi 2>/dev/null

# Read the process table once, before the sockets. If a process ends in between, only its
# own line is lost.
sec procs
cat /proc/[0-9]*/stat 2>/dev/null | part
# A thread may have its own name, and long names are cut off. The path of the program has
# the full name.
sec exes
# shellcheck disable=SC2010
ls -l /proc/[0-9]*/exe 2>/dev/null | grep -F ' /proc/' | part
sec cgroups
grep -H -E '^(0::|[0-9]+:name=(systemd|openrc):)/.' /proc/[0-9]*/cgroup /dev/null 2>/dev/null | part

SS=
if have ss; then
	SS=$({ ss -tulnpH || ss -tulnp; } 2>/dev/null | part)
	case $SS in
	*tcp* | *udp*)
		sec ss
		printf '%s\n' "$SS"
		;;
	*) SS= ;;
	esac
fi
if [ -z "$SS" ]; then
	for f in tcp tcp6 udp udp6; do
		[ -r "/proc/net/$f" ] || continue
		sec proc "$f"
		part <"/proc/net/$f"
	done
	sec fds
	# shellcheck disable=SC2010
	ls -l /proc/[0-9]*/fd 2>/dev/null | grep -E '^/proc/|socket:' | part
fi

# No process holds a port of the kernel (WireGuard). The tool that set it up reports it.
if have wg; then
	sec wireguard
	bounded wg show all listen-port 2>/dev/null </dev/null | part
fi

for e in docker podman; do
	have "$e" || continue
	case $e in
	docker)
		# The package podman-docker has a docker command that would list podman's
		# containers again.
		head -c 1000 "$(command -v docker)" 2>/dev/null | grep -q 'exec .*podman' && continue
		l='{{.Label "com.docker.compose.project"}}	{{.Label "com.docker.compose.service"}}		'
		;;
	podman) # podman 4.3 has no .Label, and docker's .Labels is not a map
		l='{{index .Labels "com.docker.compose.project"}}	{{index .Labels "com.docker.compose.service"}}	{{index .Labels "PODMAN_SYSTEMD_UNIT"}}	{{.PodName}}'
		;;
	esac
	sec docker "$e"
	{
		bounded "$e" ps -a --no-trunc --format "{{.ID}}	{{.Names}}	{{.Image}}	{{.Status}}	{{.Ports}}	$l" 2>/dev/null </dev/null ||
			sec silent "$e"
	} | part
done

# Podman reads quadlets from 4.4 on, through a generator of units. 4.3 ignores them without a
# message.
if have podman && [ -d /run/systemd/system ]; then
	for f in /usr/lib/systemd/system-generators/podman-system-generator /lib/systemd/system-generators/podman-system-generator \
		/usr/local/lib/systemd/system-generators/podman-system-generator /etc/systemd/system-generators/podman-system-generator; do
		[ ! -e "$f" ] || break
		f=
	done
	[ -n "$f" ] || for f in /etc/containers/systemd/*.* /usr/share/containers/systemd/*.*; do
		case $f in
		*'*'*) ;;
		*.container | *.pod | *.kube)
			sec quadlets "$(bounded podman --version 2>/dev/null </dev/null | head -c 100)"
			printf '%s\n' /etc/containers/systemd/*.* /usr/share/containers/systemd/*.* | part
			break
			;;
		esac
	done
fi

sec end
exit 0
