# Prints the log of the unit or container $1: the last $2 lines ("": all), since the time $3
# (seconds since 1970, "": the beginning), and what comes, with $4. Exit status 90: there is
# none of that name, and stderr names those that there are. 91: it has no log.
name=$1 tail=$2 since=$3 follow=$4
has() { command -v "$1" >/dev/null 2>&1; }
if has journalctl && has systemctl; then
	unit=$name
	case $name in *.*) ;; *) unit=$name.service ;; esac
	if [ "$(systemctl show -p LoadState --value "$unit" 2>/dev/null)" = loaded ]; then
		set -- journalctl --no-pager -u "$unit"
		[ -z "$tail" ] || set -- "$@" -n "$tail"
		[ -z "$since" ] || set -- "$@" --since "@$since"
		[ -z "$follow" ] || set -- "$@" -f
		[ -z "$follow" ] || [ -n "$tail" ] || set -- "$@" --no-tail
		exec "$@"
	fi
fi
for engine in docker podman; do
	if has $engine && $engine inspect --format '{{.Id}}' "$name" >/dev/null 2>&1; then
		set -- $engine logs
		[ -z "$tail" ] || set -- "$@" --tail "$tail"
		[ -z "$since" ] || set -- "$@" --since "$since"
		[ -z "$follow" ] || set -- "$@" --follow
		exec "$@" "$name"
	fi
done
if [ -x "/etc/init.d/$name" ]; then
	said=$(sed -n 's/^[[:space:]]*\(output_log\|error_log\)=//p' "/etc/conf.d/$name" "/etc/init.d/$name" 2>/dev/null | tr -d "\"'")
	set --
	for f in $said "/var/log/$name" "/var/log/$name.log" "/var/log/$name.err" "/var/log/$name"-*.log "/var/log/$name"/*.log; do
		[ -f "$f" ] || continue
		case " $* " in *" $f "*) ;; *) set -- "$@" "$f" ;; esac
	done
	if [ $# -gt 0 ]; then
		[ -z "$since" ] || echo "its log files have no times that can be compared: all of them is shown" >&2
		if [ -n "$follow" ]; then exec tail -n "${tail:-+1}" -F "$@"; fi
		exec tail -n "${tail:-+1}" "$@"
	fi
	if [ -f /var/log/messages ]; then
		if [ -n "$follow" ]; then tail -n "${tail:-+1}" -F /var/log/messages | grep -F -e "$name"; exit 0; fi
		grep -F -e "$name" /var/log/messages | tail -n "${tail:-+1}"
		exit 0
	fi
	exit 91
fi
{
	if has systemctl; then
		# Only what is active, activating or failed: systemd also lists a hundred others, half of
		# them not installed.
		systemctl list-units --type=service --all --no-legend --plain 2>/dev/null | sed -n 's/^[^a-zA-Z0-9]*\([^[:space:]]*\)\.service[[:space:]]*loaded[[:space:]]*[af][ac].*/\1/p'
	else
		ls /etc/init.d 2>/dev/null
	fi
	for engine in docker podman; do
		if has $engine; then $engine ps -a --format '{{.Names}}' 2>/dev/null; fi
	done
} | while IFS= read -r f; do printf '\036%s\n' "$f"; done >&2
exit 90
