#!/bin/sh
set -eu

systemctl is-enabled apt-daily.timer apt-daily-upgrade.timer
# The one origin is that of security updates.
origins=$(apt-config dump --format '%v%n' Unattended-Upgrade::Origins-Pattern | grep .)
[ "$origins" = "origin=Debian,codename=\${distro_codename}-security,label=Debian-Security" ] || { echo "$origins"; exit 1; }
python3 -c 'import apt_pkg; apt_pkg.init(); assert apt_pkg.config.find("APT::Periodic::Unattended-Upgrade") == "1"'
