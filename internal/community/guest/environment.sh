# shellcheck shell=sh disable=SC2016 # the scripts that get it expand it

# The environment that the project's own launcher gives its scripts. It sends no telemetry,
# sets neither root's password nor its keys, which are there, and does not hide the output.
export COMMUNITY_DIR=/usr/local/share/infrahaus/community
export FUNCTIONS_FILE_PATH='. "$COMMUNITY_DIR/functions.sh"'
export PASSWORD=set SSH_ROOT=no SSH_AUTHORIZED_KEY= VERBOSE=yes DIAGNOSTICS=no
export RANDOM_UUID= EXECUTION_ID= SESSION_ID=infrahaus REPO_SOURCE= REPO_SLUG= TELEMETRY_PLATFORM=pve
export CACHER=no CACHER_IP= IPV6_METHOD=auto CTID="${INFRAHAUS_CTID-}"
export INSTALL_LOG=/root/.install-infrahaus.log BUILD_LOG=/root/.install-infrahaus.log
export TERM="${TERM:-xterm-256color}" PHS_SILENT=1 MODE=default
# A package whose configuration is there already asks which of the two to keep. Nobody can
# answer here, and dpkg's default is to keep it. The first two are what dpkg forces anyway.
export DPKG_FORCE=security-mac,downgrade,confdef,confold
tz=$(cat /etc/timezone 2>/dev/null || echo Etc/UTC)
PCT_ARCH=$(dpkg --print-architecture 2>/dev/null || uname -m)
export tz PCT_ARCH
