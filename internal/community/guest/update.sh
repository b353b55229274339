# shellcheck shell=bash source=/dev/null disable=SC2317 # ct/NAME.sh calls them
# ct/NAME.sh reads this where the original would begin to install or to update. Its first
# argument says what to do: check, or run. Bash reads this file.

. "$COMMUNITY_DIR/misc/tools.func"

# The original asks a terminal if the container seems small. Proxmox decides its size here.
check_container_storage() { :; }
check_container_resources() { :; }

# The exit status by which a check says that nothing is newer.
infrahaus_nothing_newer=10
infrahaus_news=

# infrahaus_check FUNCTION ARG… asks one of the project's functions for a newer release.
infrahaus_check() {
	local status=0
	if "$@"; then
		infrahaus_news="${infrahaus_news:+$infrahaus_news, }$2 ${CHECK_UPDATE_RELEASE:-newer}"
		return 0
	else
		status=$?
	fi
	[ "$status" -eq 1 ] || exit "$status"
}

# infrahaus_check_packages looks for packages that would be upgraded.
infrahaus_check_packages() {
	local found
	if command -v apk >/dev/null; then
		apk update >/dev/null || exit 1
		found=$(apk list --upgradable 2>/dev/null | wc -l)
	else
		apt-get update >/dev/null || exit 1
		found=$(apt-get -s upgrade | grep -c '^Inst ') || true
	fi
	[ "$found" -eq 0 ] || infrahaus_news="${infrahaus_news:+$infrahaus_news, }packages to upgrade: $found"
}

# infrahaus_unknown is for an update that finds out by itself what is newer.
infrahaus_unknown() { infrahaus_news="the installer's own update looks for what is newer"; }

VERBOSE=yes
set_std_mode
if command -v ensure_profile_loaded >/dev/null; then ensure_profile_loaded; fi
if command -v get_lxc_ip >/dev/null; then get_lxc_ip; fi
if [ "${1-}" != check ]; then
	update_script
	exit
fi
infrahaus_checks
[ -n "$infrahaus_news" ] || exit "$infrahaus_nothing_newer"
printf '%s\n' "$infrahaus_news"
exit 0
