# shellcheck shell=sh
# Runs in the staging folder. It moves the config-manager into place and enables it. To
# enable it, it makes the same link as `systemctl enable`, without the reload of systemd.
set -e
R=${CONFIG_MANAGER_PREFIX-}
umask 022
mkdir -p "$R/etc/config-manager" "$R/etc/infrahaus/credentials" "$R/var/log/config-manager" \
	"$R/var/lib/config-manager/state" "$R/usr/local/bin" "$R/usr/local/lib/config-manager"
chmod 0700 "$R/etc/infrahaus/credentials" "$R/var/lib/config-manager" "$R/var/log/config-manager"
mv -f tool/config.env "$R/etc/config-manager/"
mv -f tool/config-sync.sh "$R/usr/local/bin/"
mv -f tool/helpers.sh tool/files.sh tool/records.sh tool/waiting.sh tool/packages.sh tool/boot.sh "$R/usr/local/lib/config-manager/"

if [ -d "$R/run/systemd/system" ] || { [ -d "$R/lib/systemd/system" ] && [ ! -d "$R/run/openrc" ]; }; then
	U=$R/etc/systemd/system/config-manager.service
	W=$R/etc/systemd/system/multi-user.target.wants
	old=
	if [ -f "$U" ]; then cmp -s tool/config-manager.service "$U" || old=1; fi
	[ -d "$W" ] || mkdir -p "$W"
	mv -f tool/config-manager.service "$U"
	[ -L "$W/config-manager.service" ] || ln -s "$U" "$W/config-manager.service"
	# systemd reads a new unit without a reload, but not a changed one.
	[ -z "$old" ] || systemctl daemon-reload
elif [ -d "$R/run/openrc" ] || [ -d "$R/etc/runlevels/default" ]; then
	mv -f tool/config-manager.openrc "$R/etc/init.d/config-manager"
	[ -L "$R/etc/runlevels/default/config-manager" ] ||
		ln -s /etc/init.d/config-manager "$R/etc/runlevels/default/config-manager"
fi
