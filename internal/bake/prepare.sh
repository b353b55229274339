# shellcheck shell=sh
# Runs as root in a container whose packages are installed, before it is packed. It stops what
# packages have started, removes what must be unique or secret, and leaves the service that
# makes it anew at the first start. keep is a folder that goes into the image.
set -eu
umask 022
state=/var/lib/infrahaus
marker=/etc/config-manager/config.env
rm -rf "$state"
mkdir -p "$state/keep" "$state/anew"
chmod 0700 "$state"

# newer succeeds if a file was written after the container was entered: a package did.
newer() { [ -n "$(find "$1" -maxdepth 0 -newer "$marker" 2>/dev/null || :)$(find "$1" -maxdepth 0 -cnewer "$marker" 2>/dev/null || :)" ]; }

# free succeeds for what is never held back: this tool's own, and what a way inside needs.
free() { # unit or service
	case $1 in systemd-* | dbus* | ssh* | getty* | container-getty* | console-getty* | user@* | user-runtime-dir@* | networking* | ifup@* | config-manager*) return 0 ;; esac
	return 1
}

# Services of packages are stopped and listed. A new container starts them only once the
# template's files are there: before that they would run with the settings of their packages.
: >"$state/services"
if [ -d /run/systemd/system ]; then
	# hold names a unit, and keeps systemd from starting it as long as the list is there.
	hold() { # unit
		! grep -qxF "$1" "$state/services" || return 0
		printf '%s\n' "$1" >>"$state/services"
		mkdir -p "/etc/systemd/system/$1.d"
		printf '[Unit]\nConditionPathExists=!%s/services\n' "$state" >"/etc/systemd/system/$1.d/infrahaus-hold.conf"
	}
	kinds=service,socket,path,timer
	for unit in $(systemctl list-units --type="$kinds" --state=active --plain --no-legend | sed 's/^[^A-Za-z0-9]*//; s/ .*//'); do
		! free "$unit" || continue
		file=$(systemctl show -p FragmentPath --value "$unit")
		if [ -n "$file" ] && newer "$file"; then hold "$unit"; fi
	done
	# One that has not started for want of its settings would start at boot.
	systemctl list-unit-files --type="$kinds" --state=enabled --no-legend --plain 2>/dev/null >"$state/enabled" || :
	while read -r unit _; do
		case $unit in *@.*) continue ;; esac
		! free "$unit" || continue
		for dir in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
			if [ -f "$dir/$unit" ] && newer "$dir/$unit"; then
				hold "$unit"
				break
			fi
		done
	done <"$state/enabled"
	rm -f "$state/enabled"
	stop=$(systemctl list-units --type="$kinds" --state=active --plain --no-legend | sed 's/^[^A-Za-z0-9]*//; s/ .*//' |
		grep -Ev '^(systemd-|dbus|ssh|getty|container-getty|console-getty|user@|user-runtime-dir@|networking\.|ifup@|config-manager\.)' || :)
	# shellcheck disable=SC2086
	[ -z "$stop" ] || systemctl stop $stop 2>/dev/null || :
elif [ -d /run/openrc ]; then
	: >"$state/runlevels"
	for file in /etc/init.d/*; do
		name=${file##*/}
		if free "$name" || ! newer "$file"; then continue; fi
		held=
		for link in /etc/runlevels/*/"$name"; do
			[ -L "$link" ] || continue
			held=1
			printf '%s\n' "$link" >>"$state/runlevels"
			rm -f "$link"
		done
		if rc-service -q "$name" status >/dev/null 2>&1; then
			held=1
			rc-service -q "$name" stop >/dev/null 2>&1 || :
		fi
		[ -z "$held" ] || printf '%s\n' "$name" >>"$state/services"
	done
fi

#CLEANERS#
# A private key that is left would be the same in every container.
left=$(find /etc /root /home /srv /opt /var/lib -xdev -type f -size -64k ! -path '/var/lib/dpkg/*' -exec grep -lE -e '-----BEGIN ([A-Z]+ )*PRIVATE KEY-----' {} + 2>/dev/null || :)
if [ -n "$left" ]; then
	echo "there are private keys that nothing makes anew, and every container would share them:" >&2
	printf '%s\n' "$left" >&2
	exit 3
fi

# Files of this tool. A create brings them again.
rm -rf /etc/config-manager /etc/infrahaus /usr/local/lib/config-manager /var/log/config-manager /var/lib/config-manager
rm -f /usr/local/bin/config-sync.sh /etc/systemd/system/config-manager.service /etc/systemd/system/multi-user.target.wants/config-manager.service
rm -f /etc/init.d/config-manager /etc/runlevels/default/config-manager
rm -f /root/.ssh/authorized_keys /root/.ssh/known_hosts
rmdir /root/.ssh 2>/dev/null || :

# Files that no two systems may share.
: >/etc/machine-id
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/urandom/random-seed /var/lib/misc/random-seed /var/lib/seedrng/*
rm -f /etc/shadow- /etc/gshadow- /etc/passwd- /etc/group- /etc/subuid- /etc/subgid-
sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow
rm -rf /var/lib/dhcp/* /var/lib/dhcpcd/* /var/lib/NetworkManager/*.lease /var/lib/systemd/timers/* /var/lib/systemd/network/* /var/lib/private/systemd/*
rm -rf /root/.cache /root/.bash_history /root/.ash_history /root/.wget-hsts /root/.lesshst

# Caches and logs. A log stays with its owner, and empty.
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/lib/apt/periodic/* /var/lib/apt/daily_lock /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/backups/*
rm -rf /var/cache/apk/* /var/cache/dnf/* /var/cache/ldconfig/* /var/cache/man/*
[ ! -f /var/cache/debconf/passwords.dat ] || : >/var/cache/debconf/passwords.dat
# journald runs on. What it writes from now on stays in /run.
journalctl --relinquish-var >/dev/null 2>&1 || :
rm -rf /var/log/journal/*
find /var/log -type f \( -name '*.gz' -o -name '*.[0-9]' -o -name '*.old' \) -exec rm -f {} +
# In a sticky folder, a kernel lets nobody open another's file to create it: hence -c.
find /var/log -type f -exec truncate -c -s 0 {} +

# Without a machine id the first boot presets all units. They shall be as they are.
if [ -d /run/systemd/system ]; then
	mkdir -p /etc/systemd/system-preset
	systemctl list-unit-files --no-legend --plain 2>/dev/null | while read -r unit is _; do
		case $is in enabled | enabled-runtime) echo "enable $unit" ;; disabled) echo "disable $unit" ;; esac
	done >/etc/systemd/system-preset/00-infrahaus.preset
fi
