#!/bin/sh
# The first step of syncing: asks the config-manager's service to apply what was
# shipped, and ends as it ended. The service writes to this attempt's own files,
# so that its output is streamed although it is not our child.
R=${CONFIG_MANAGER_PREFIX-}
S=$R/var/lib/config-manager
A=${INFRAHAUS_ATTEMPT:?}
exec >>"$A/out" 2>>"$A/err"
umask 077
stop() {
	rm -f "$S/request"
	if [ -d /run/systemd/system ]; then systemctl stop config-manager.service; fi
	exit 143
}
trap stop HUP INT TERM

printf 'attempt=%s\nstage=%s\n' "$A" "$S/staged" >"$A/request" && mv -f "$A/request" "$S/request" || exit 1
n=0
# The service may be busy with its work at boot: the start then waits for that
# and the request is still there.
while [ -e "$S/request" ] && [ "$n" -lt 5 ]; do
	n=$((n + 1))
	if [ -d /run/systemd/system ] && [ -z "$R" ]; then
		systemctl start config-manager.service 2>"$A/start.err"
	elif [ -d /run/openrc ] && [ -z "$R" ]; then
		# OpenRC starts nothing that it takes for started: zap forgets that.
		rc-service -q config-manager zap >/dev/null 2>&1
		rc-service -q config-manager start >/dev/null 2>"$A/start.err"
	else
		sh "$R/usr/local/bin/config-sync.sh" 2>"$A/start.err"
	fi
	st=$?
done
if read -r rc 2>/dev/null <"$A/sync.rc"; then exit "$rc"; fi
# It never got as far as to say how it ended.
cat "$A/start.err" >&2
rc=
if [ -d /run/systemd/system ] && [ -z "$R" ]; then
	rc=$(systemctl show -p ExecMainStatus --value config-manager.service 2>/dev/null)
fi
case $rc in '' | *[!0-9]* | 0) rc=$st ;; esac
[ "$rc" != 0 ] || rc=1
exit "$rc"
