#!/bin/sh
# The first step of a sync. It asks the service of the config-manager to apply the files
# in INFRAHAUS_STAGE, and ends with its exit status. The service is not our child, so it
# writes its output to the files of this attempt, which are streamed. The request lies in
# /run, so that a restart of the guest drops it.
R=${CONFIG_MANAGER_PREFIX-}
Q=$R/run/config-manager.request
A=${INFRAHAUS_ATTEMPT:?}
exec >>"$A/out" 2>>"$A/err"
: "${INFRAHAUS_STAGE:?}"
umask 077
asked=
# stop removes the request, or stops the service if it has already taken the request.
stop() {
	rm -f "$Q.new.$$"
	[ -n "$asked" ] || exit 143
	p=
	read -r p 2>/dev/null <"$Q"
	[ "$p" != "asker=$$" ] || rm -f "$Q"
	if [ -d /run/systemd/system ] && [ -z "$R" ]; then systemctl stop config-manager.service; fi
	exit 143
}
trap stop HUP INT TERM

# A link is made in one step or not at all. A request whose process is dead is replaced.
[ -d "$R/run" ] || mkdir -p "$R/run"
printf 'asker=%s\nattempt=%s\nstage=%s\n' "$$" "$A" "$INFRAHAUS_STAGE" >"$Q.new.$$" || exit 1
until ln "$Q.new.$$" "$Q" 2>/dev/null; do
	p=
	read -r p 2>/dev/null <"$Q"
	p=${p#asker=}
	if [ -n "$p" ] && kill -0 "$p" 2>/dev/null; then
		rm -f "$Q.new.$$"
		echo "config-manager: another sync was asked for (process $p)" >&2
		exit 2
	fi
	[ -e "$Q.new.$$" ] && mv -f "$Q.new.$$" "$Q" && break
	exit 1
done
asked=1
rm -f "$Q.new.$$"
n=0
# The service may still be at work since boot. Then the start only waits for that, and the
# request is still there afterwards, so the service is started again.
while [ -e "$Q" ] && [ "$n" -lt 5 ]; do
	n=$((n + 1))
	if [ -d /run/systemd/system ] && [ -z "$R" ]; then
		systemctl start config-manager.service 2>"$A/start.err"
	elif [ -d /run/openrc ] && [ -z "$R" ]; then
		# OpenRC does not start a service that it considers started. zap resets that.
		rc-service -q config-manager zap >/dev/null 2>&1
		rc-service -q config-manager start >/dev/null 2>"$A/start.err"
	else
		sh "$R/usr/local/bin/config-sync.sh" 2>"$A/start.err"
	fi
	st=$?
done
if read -r rc 2>/dev/null <"$A/sync.rc"; then exit "$rc"; fi
# The service ended before it could write its exit status.
cat "$A/start.err" >&2
rc=
if [ -d /run/systemd/system ] && [ -z "$R" ]; then
	rc=$(systemctl show -p ExecMainStatus --value config-manager.service 2>/dev/null)
fi
case $rc in '' | *[!0-9]* | 0) rc=$st ;; esac
[ "$rc" != 0 ] || rc=1
exit "$rc"
