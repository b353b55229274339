#!/bin/sh
# Runs every fuzz target for a while, with one worker each. What a target finds is
# written into testdata/fuzz beside it: mend the code, and turn it into a seed.
#	fuzz.sh TIME [PACKAGE…]
set -eu
time=${1:-10s}
[ $# -eq 0 ] || shift
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046 # words are what is wanted
	set -- $(grep -rl '^func Fuzz' --include='*_test.go' internal | sed 's:/[^/]*$::' | sort -u)
fi
failed=
for dir; do
	# shellcheck disable=SC2013 # a name is one word
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$dir"/*_test.go); do
		echo "== $dir $target"
		nice "${GO:-go}" test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 1 || failed="$failed $dir:$target"
	done
done
if [ -n "$failed" ]; then
	echo "failed:$failed" >&2
	exit 1
fi
