#!/bin/sh
# e2e.sh: the tests that need real guests. A skip is a failure; the last line
# counts.
set -eu
export INFRAHAUS_E2E=1
log=$(mktemp)
trap 'rm -f "$log" "$log.status"' EXIT
{
	status=0
	go test -tags e2e -count=1 -timeout 45m -v ./internal/e2e/ ./internal/store/ ./internal/sandbox/... || status=$?
	echo "$status" >"$log.status"
} 2>&1 | tee "$log"
ran=$(grep -cE '^ *--- (PASS|FAIL)' "$log" || true)
skipped=$(grep -cE '^ *--- SKIP' "$log" || true)
[ "$skipped" = 0 ] || grep -E '^ *--- SKIP' "$log" >&2
echo "e2e: $ran ran, $skipped skipped"
[ "$(cat "$log.status")" = 0 ] && [ "$skipped" = 0 ]
