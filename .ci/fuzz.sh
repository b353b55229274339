#!/bin/sh
# Runs every fuzz target for a while, with one worker each. Go writes an input that fails
# into testdata/fuzz of the package: fix the code, and keep the input as a seed.
#   fuzz.sh TIME [PACKAGE…]
set -eu
time=${1:-10s}
[ $# -eq 0 ] || shift
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046 # a list of words
	set -- $(grep -rl '^func Fuzz' --include='*_test.go' internal | sed 's:/[^/]*$::' | sort -u)
fi
failed=
log=$(mktemp)
trap 'rm -f "$log" "$log.status"' EXIT

# fuzz DIR TARGET runs one target. By default, minimizing an input that covers new code
# may take a minute, which would be the whole time.
fuzz() {
	{
		status=0
		nice "${GO:-go}" test "./$1" -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 2s -parallel 1 || status=$?
		echo "$status" >"$log.status"
	} 2>&1 | tee "$log"
	[ "$(cat "$log.status")" = 0 ] || outOfTime
}

# outOfTime succeeds if the time was up and nothing was found. Go 1.26's fuzzer reports
# its own deadline as a failure if a worker notices it first.
outOfTime() {
	grep -q '^ *context deadline exceeded$' "$log" &&
		! grep -qE 'Failing input written|panic:|hung or terminated|--- FAIL: [^ ]*/' "$log" &&
		echo "(the time was up; nothing was found)"
}

for dir; do
	# shellcheck disable=SC2013 # a name is one word
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$dir"/*_test.go); do
		echo "== $dir $target"
		fuzz "$dir" "$target" || failed="$failed $dir:$target"
	done
done
if [ -n "$failed" ]; then
	echo "failed:$failed" >&2
	exit 1
fi
