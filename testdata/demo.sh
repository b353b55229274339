#!/bin/sh
# demo.sh BINARY: the main job on the embedded sandbox, in a state directory of
# its own that is removed afterwards.
set -eu
bin=$1
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
export INFRAHAUS_STATE_DIR="$state" XDG_CONFIG_HOME="$state/config"
run() {
	printf '\n$ infrahaus --sandbox %s\n' "$*"
	"$bin" --sandbox "$@"
}
run create demo --template hello
run list
run discover demo
run events demo --no-logs
run credentials demo
run credentials demo hello --reveal
printf '\nThat was a state directory of its own, gone now. Your own container:\n  %s create web --template hello --sandbox\n' "$bin"
