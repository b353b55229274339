# shellcheck shell=sh
# Definitions that ready.sh and probe.sh share.
LC_ALL=C
SYSTEMD_COLORS=0
SYSTEMD_PAGER=
export LC_ALL SYSTEMD_COLORS SYSTEMD_PAGER
have() { command -v "$1" >/dev/null 2>&1; }
# A command that hangs is ended after 10 s. Output is cut after PART bytes, because a
# command may never stop printing.
K=
if timeout -k 1 1 true 2>/dev/null; then K='-k 2'; fi
# shellcheck disable=SC2086
bounded() { if have timeout; then timeout $K 10 "$@"; else "$@"; fi; }
part() { head -c "$PART"; }
