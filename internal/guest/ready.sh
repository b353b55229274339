# ih_ready SECONDS NETWORK NAME: waits until the guest is ready and prints what
# it is, a "key value" a line; the last line is "ready" or "late WHAT".

ih_now() {
	ih_u=
	{ read -r ih_u ih_v </proc/uptime; } 2>/dev/null || ih_u=$(date +%s)
	ih_u=${ih_u%%.*}
}

# ih_initkind: systemd, openrc or other, from what runs as process 1.
ih_initkind() {
	ih_1=
	{ read -r ih_1 </proc/1/comm; } 2>/dev/null || :
	ih_init=other
	if [ -d /run/systemd/system ] || [ "$ih_1" = systemd ]; then ih_init=systemd
	elif [ -d /run/openrc ] || [ -x /sbin/openrc ]; then ih_init=openrc
	else
		# Before init has named itself, its file tells.
		case $ih_1,$(readlink /sbin/init 2>/dev/null) in
		,*systemd* | init,*systemd* | lxc-*,*systemd*) ih_init=systemd ;;
		esac
	fi
	if [ $ih_init = systemd ]; then command -v systemctl >/dev/null 2>&1 || ih_init=other; fi
}

# ih_booting: true while init has not finished; its state in ih_state.
ih_booting() {
	case $ih_init in
	systemd)
		ih_state=$(systemctl is-system-running 2>/dev/null)
		case $ih_state in running | degraded) return 1 ;; esac
		;;
	openrc)
		ih_state=
		{ read -r ih_state </run/openrc/softlevel; } 2>/dev/null || ih_state=$(rc-status -r 2>/dev/null)
		[ "$ih_state" != default ] || [ -e /run/openrc/rc.starting ] || return 1
		;;
	*)
		ih_state=up
		return 1
		;;
	esac
}

ih_routed() {
	while read -r ih_if ih_to ih_v; do
		[ "$ih_to" != 00000000 ] || return 0
	done 2>/dev/null </proc/net/route
	while read -r ih_to ih_len ih_v; do
		case "$ih_to $ih_len $ih_v" in
		*" lo") ;;
		"00000000000000000000000000000000 00 "*) return 0 ;;
		esac
	done 2>/dev/null </proc/net/ipv6_route
	[ -n "$(ip route show default 2>/dev/null)" ]
}

ih_resolves() {
	if command -v getent >/dev/null 2>&1; then
		getent hosts "$1" >/dev/null 2>&1
	elif command -v nslookup >/dev/null 2>&1; then
		nslookup "$1" >/dev/null 2>&1
	else
		grep -q '^nameserver' /etc/resolv.conf 2>/dev/null
	fi
}

ih_facts() {
	while IFS= read -r ih_v || [ -n "$ih_v" ]; do printf 'release %s\n' "$ih_v"; done 2>/dev/null </etc/os-release
	echo "init $ih_init"
	echo "state $ih_state"
	echo "boot $ih_b"
	echo "arch $(uname -m)"
	ih_v=
	{ read -r ih_v </proc/sys/kernel/hostname; } 2>/dev/null || ih_v=$(hostname 2>/dev/null)
	echo "hostname $ih_v"
	for ih_v in sh dash ash bash; do
		if command -v $ih_v >/dev/null 2>&1; then echo "shell $ih_v"; fi
	done
	for ih_v in apt-get apk dnf yum zypper pacman; do
		if command -v $ih_v >/dev/null 2>&1; then echo "packages $ih_v"; break; fi
	done
	if ih_routed; then echo "route yes"; fi
}

ih_ready() {
	ih_now
	ih_end=$((ih_u + $1))
	ih_w=0.05
	while :; do
		ih_late=
		ih_initkind
		if ih_booting; then ih_late="init is $ih_state"
		elif [ "$2" = 1 ] && ! ih_routed; then ih_late="there is no default route"
		elif [ -n "$3" ] && ! ih_resolves "$3"; then ih_late="the name $3 does not resolve"
		fi
		[ -n "$ih_late" ] || break
		ih_now
		[ "$ih_u" -lt "$ih_end" ] || break
		ih_nap $ih_w
	done
	ih_facts
	if [ -z "$ih_late" ]; then
		if [ -n "$3" ]; then echo "resolves yes"; fi
		echo ready
		return 0
	fi
	case $ih_init,$ih_late in systemd,init*)
		ih_v=$(systemctl list-jobs --no-legend --no-pager 2>/dev/null | head -n 3 | tr -s ' \n' '  ')
		[ -z "$ih_v" ] || ih_late="$ih_late, waiting for:$ih_v"
		;;
	esac
	echo "late $ih_late"
}
