# shellcheck shell=sh
# Finds how a declared service is run (by systemd, OpenRC or a container engine), its state and
# the last lines of its log. systemd comes first, because its unit may run a container.

# runner NAME PORT sets BY to systemd, openrc, docker, podman or nothing, and U to the name of
# the service there.
runner() {
	BY= U=$1
	[ -n "$1" ] || return 0
	if [ -d /run/systemd/system ] && have systemctl &&
		[ "$(bounded systemctl show --property=LoadState "$1.service" 2>/dev/null)" = LoadState=loaded ]; then
		BY=systemd U=$1.service
		return 0
	fi
	if [ -d /run/openrc ] && [ -e "/etc/init.d/$1" ]; then
		BY=openrc
		return 0
	fi
	for e in docker podman; do
		have "$e" || continue
		for f in "name=^/?$1\$" "label=com.docker.compose.service=$1" ${2:+"publish=$2"}; do
			U=$(bounded "$e" ps -a --no-trunc --filter "$f" --format '{{.Names}}' 2>/dev/null </dev/null | head -n 1)
			case $U in '' | *[!A-Za-z0-9_.-]*) continue ;; esac
			BY=$e
			return 0
		done
	done
}

# given_up succeeds if nothing will start the service again. OpenRC reports a service as crashed
# also while it starts, so only the second such report counts.
given_up() {
	case $BY in
	systemd) [ "$(bounded systemctl show --property=ActiveState "$U" 2>/dev/null)" = ActiveState=failed ] ;;
	openrc)
		[ ! -e "/run/openrc/failed/$U" ] || return 0
		bounded rc-service "$U" status >/dev/null 2>&1 </dev/null
		[ $? = 32 ] && G=$((G + 1)) && [ "$G" -gt 1 ]
		;;
	docker | podman)
		case $(bounded "$BY" inspect -f '{{.State.Status}}' "$U" 2>/dev/null </dev/null) in exited | dead) ;; *) false ;; esac
		;;
	*) false ;;
	esac
}

ended() { tail -n 10 | tail -c 20000; }

# why INDEX prints the state, a line of two dashes, and the last ten lines of the log.
why() {
	[ -n "$BY" ] || return 0
	sec why "$1" "$BY" "$U"
	case $BY in
	systemd)
		bounded systemctl show --property=ActiveState,SubState,Result,ExecMainStatus "$U" | head -c 4000
		echo --
		! have journalctl || bounded journalctl --no-pager -q -n 10 -o cat -u "$U" | ended
		;;
	openrc)
		bounded rc-status -a -f ini | head -c 20000
		echo --
		for f in /var/log/messages /var/log/syslog "/var/log/$U.log" "/var/log/$U.err" "/var/log/$U/error.log"; do
			[ -f "$f" ] || continue
			case $f in
			*/messages | */syslog) l=$(grep -h -F -e " ${U}[" -e " $U:" "$f" | ended) ;;
			*) l=$(ended <"$f") ;;
			esac
			[ -n "$l" ] || continue
			printf '%s\n' "$l"
			break
		done
		;;
	*)
		bounded "$BY" inspect -f 'Status={{.State.Status}}
ExitCode={{.State.ExitCode}}' "$U" | head -c 4000
		echo --
		bounded "$BY" logs --tail 10 "$U" 2>&1 | ended
		;;
	esac </dev/null 2>/dev/null
}

# state_one INDEX NAME checks a declared service without a port by its state alone.
state_one() {
	runner "$2" ''
	case $BY in
	systemd) [ "$(bounded systemctl show --property=ActiveState "$U" 2>/dev/null)" = ActiveState=active ] ;;
	openrc) bounded rc-service "$U" status >/dev/null 2>&1 </dev/null ;;
	*) [ "$(bounded "${BY:-false}" inspect -f '{{.State.Status}}' "$U" 2>/dev/null </dev/null)" = running ] ;;
	esac || why "$1"
}
