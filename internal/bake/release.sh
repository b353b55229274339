#!/bin/sh
# For a container from a baked image, once the files of its template are there: it starts what
# was held back until then, as an installation would have. It may run again after it was killed.
state=/var/lib/infrahaus
[ -f "$state/services" ] || exit 0
units=$(cat "$state/services")
if [ -z "$units" ]; then
	: # a reload of systemd would be for nothing
elif [ -d /run/systemd/system ]; then
	for unit in $units; do
		rm -f "/etc/systemd/system/$unit.d/infrahaus-hold.conf"
		rmdir "/etc/systemd/system/$unit.d" 2>/dev/null
	done
	# Without the reload, systemd would hold the services back for good.
	n=0
	until systemctl daemon-reload </dev/null; do
		n=$((n + 1))
		if [ "$n" -ge 10 ]; then
			echo "systemd does not reload its units, so that the services of packages are not started" >&2
			exit 1
		fi
		sleep 1
	done
	# A service that fails would not have made an installation fail either.
	# shellcheck disable=SC2086
	systemctl start $units 2>&1 </dev/null
else
	while read -r link; do
		ln -sf "/etc/init.d/${link##*/}" "$link"
	done <"$state/runlevels"
	for unit in $units; do rc-service -q "$unit" start </dev/null >/dev/null 2>&1; done
fi
rm -rf "$state"
exit 0
