# shellcheck shell=sh
# Prints what runs here, in sections that only the nonce in N begins. Nothing in
# it writes; what is missing is left out.
LC_ALL=C
SYSTEMD_COLORS=0
SYSTEMD_PAGER=
export LC_ALL SYSTEMD_COLORS SYSTEMD_PAGER
have() { command -v "$1" >/dev/null 2>&1; }
bounded() { if have timeout; then timeout 10 "$@"; else "$@"; fi; }

sec addresses
if have ip; then
	ip -o addr show
else
	cat /proc/net/fib_trie
	sec if_inet6
	cat /proc/net/if_inet6
fi 2>/dev/null

if [ -d /run/systemd/system ] && have systemctl; then
	sec units
	bounded systemctl show '*.service' '*.socket' --no-pager \
		--property=Id,Names,Description,Type,LoadState,ActiveState,SubState,Result,MainPID,ControlGroup,FragmentPath,UnitFileState,Listen
fi 2>/dev/null

if [ -d /run/openrc ]; then
	sec openrc
	for s in started failed inactive; do
		for f in /run/openrc/"$s"/*; do
			[ -e "$f" ] || [ -L "$f" ] && printf '%s %s\n' "$s" "${f##*/}"
		done
	done
	for f in /etc/runlevels/*/*; do
		[ -e "$f" ] && printf 'enabled %s\n' "${f##*/}"
	done
	sec daemons
	grep -H -E '^(pidfile|exec)=' /run/openrc/daemons/*/* /dev/null
	sec pidfiles
	grep -H -E '^ *[0-9]+ *$' /run/*.pid /run/*/*.pid /dev/null
fi 2>/dev/null

# The process table before the sockets, and again nothing after: a process that
# ends in between costs its own line alone.
sec procs
cat /proc/[0-9]*/stat 2>/dev/null
sec cgroups
grep -H -E '^(0::|[0-9]+:name=(systemd|openrc):)/.' /proc/[0-9]*/cgroup /dev/null 2>/dev/null

SS=
if have ss; then
	sec ss
	{ ss -tulnpH || ss -tulnp; } 2>/dev/null && SS=1
fi
if [ -z "$SS" ]; then
	for f in tcp tcp6 udp udp6; do
		[ -r "/proc/net/$f" ] || continue
		sec proc "$f"
		cat "/proc/net/$f"
	done
	sec fds
	# shellcheck disable=SC2010
	ls -l /proc/[0-9]*/fd 2>/dev/null | grep -E '^/proc/|socket:'
fi

for e in docker podman; do
	have "$e" || continue
	sec docker "$e"
	bounded "$e" ps -a --no-trunc --format '{{.ID}}	{{.Names}}	{{.Image}}	{{.Status}}	{{.Ports}}' 2>/dev/null </dev/null
done

D=/etc/infrahaus/credentials
n=0
for f in "$D" "$D"/*; do
	if [ -L "$f" ] || [ ! -f "$f" ] || [ ! -r "$f" ]; then continue; fi
	b=${f##*/}
	case $b in *[!A-Za-z0-9._@-]* | .*) sec refused name; continue ;; esac
	n=$((n + 1))
	[ "$n" -le 200 ] || { sec refused many; break; }
	size=$(wc -c <"$f")
	if [ "$size" -gt 65536 ]; then
		sec refused size "$b"
		continue
	fi
	sec cred "$b"
	head -c 65536 "$f"
done 2>/dev/null
sec end
exit 0
