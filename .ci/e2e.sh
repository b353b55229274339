#!/bin/sh
# e2e.sh: the tests that need real guests and a real Redis. A skip is a failure;
# the last line counts. Tests that go through others are not counted twice.
set -eu
export INFRAHAUS_E2E=1
# The recordings of a genuine node lie beside the repository or nowhere; where
# they are, they are held against real guests, too.
replay=
[ -f ../shared/pve-replies/node.json ] || replay='-skip ^TestReplay'
log=$(mktemp)
trap 'rm -f "$log" "$log.status"' EXIT
{
	status=0
	# shellcheck disable=SC2086 # no word or two
	go test -tags e2e -count=1 -timeout 60m -v -p 1 -parallel 2 $replay \
		./internal/e2e/ ./internal/store/ ./internal/sandbox/ ./internal/sandbox/pct/ ./internal/sandbox/lxcguest/ || status=$?
	echo "$status" >"$log.status"
} 2>&1 | tee "$log"
grep -E '^ *--- (FAIL|SKIP)' "$log" || true
awk -v status="$(cat "$log.status")" '
	/^ *--- (PASS|FAIL|SKIP): / { state[$3] = $2 }
	/^(ok|FAIL)[ \t]+[^ \t]*\// { count() }
	END {
		count()
		printf "e2e: %d ran, %d skipped\n", ran, skipped
		exit status != 0 || skipped || !ran
	}
	function count(name, up, parent) {
		for (name in state)
			for (up = name; sub("/[^/]*$", "", up);)
				parent[up]
		for (name in state)
			if (!(name in parent)) {
				if (state[name] == "SKIP:") skipped++
				else ran++
			}
		split("", state)
	}' "$log"
