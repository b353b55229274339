#!/bin/sh
# e2e.sh runs the tests that need real guests and a real Redis. A skipped test is a
# failure. The last line has the counts; a test that only calls subtests is not counted.
set -eu
export INFRAHAUS_E2E=1
# The recordings of a real node are not part of the repository. If they lie beside it,
# their test runs too and compares them with real guests.
replay=
[ -f ../shared/pve-replies/node.json ] || replay='-skip ^TestReplay'
# The programs that those of a virtual guest are compared with. busybox-static, which make
# has installed, excludes the package busybox and has the same applets.
sh "$(dirname "$0")/need.sh" adduser bsdextrautils mawk openssl procps psmisc sudo uuid-runtime
# Clients of other people; ansible has the proxmox modules, which need what python3-proxmoxer only recommends. A machine may have Node.js from elsewhere, with its own npm.
sh "$(dirname "$0")/need.sh" ansible python3-proxmoxer python3-requests
command -v npm >/dev/null || sh "$(dirname "$0")/need.sh" nodejs npm
log=$(mktemp)
trap 'rm -f "$log" "$log.status"' EXIT
{
	status=0
	# shellcheck disable=SC2086 # it is empty or two words
	go test -tags e2e -count=1 -timeout 60m -v -p 1 -parallel 2 $replay \
		./internal/e2e/ ./internal/e2e/clients/ ./internal/e2e/packages/ ./internal/e2e/catalogue/ ./internal/store/ ./internal/sandbox/ ./internal/sandbox/pct/ ./internal/sandbox/lxcguest/ \
		./internal/sandbox/virtual/coreutils/ || status=$?
	echo "$status" >"$log.status"
} 2>&1 | tee "$log"
grep -E '^ *--- (FAIL|SKIP)' "$log" || true
# Repeat the messages of failed tests: they may be thousands of lines further up.
awk '
	/^=== (RUN|CONT|NAME|PAUSE) / { test = $3; next }
	/^ *--- (PASS|FAIL|SKIP): / { if ($2 == "FAIL:") failed[++n] = $3; test = ""; next }
	test != "" && /^    / { if (++lines[test] <= 60) said[test] = said[test] $0 "\n" }
	END {
		for (i = 1; i <= n; i++)
			if (said[failed[i]] != "") printf "said by %s:\n%s", failed[i], said[failed[i]]
	}' "$log"
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
