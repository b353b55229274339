#!/bin/sh
# github.com/rogpeppe/go-internal/testscript 1.16.0: some lines of a script that look like a check
# are none. The script passes, "go test" says ok, and nothing in its output tells.
#
#   ! exec nosuchprogram --delete      passes: "could not be started" is "has failed", too
#   ! exec $UNSET --delete             passes, as above
#   ! exec ./tool                      passes if the file cannot be executed, whatever it would do
#   ! exec sh -c 'kill -SEGV $$'       passes: a crash is a refusal
#   exec false &                       passes if no wait follows, though it ended long before
#   ! exec true &                      passes
#   exec false &a&, then wait b        passes: a is looked at by nobody
#   -- f -- … -- f --                  the second file of a name replaces the first
#
# So the test of a refusal needs a line about what is said ("stderr 'not found'"), which fails if
# the program was never started, and a program in the background needs its wait.
#
# Needs Go. Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >finding_test.go <<'G'
package finding

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestScripts(t *testing.T) { testscript.Run(t, testscript.Params{Dir: "scripts"}) }
G
mkdir scripts
script() { printf '%s\n' "$2" >"scripts/$1.txtar"; }
# shellcheck disable=SC2016 # the dollars are the scripts'
{
	script passes-missing '! exec nosuchprogram --delete'
	script passes-unset '! exec $UNSET --delete'
	script passes-not-executable '! exec ./tool
-- tool --
#!/bin/sh
exit 0'
	script passes-crash "! exec sh -c 'kill -SEGV \$\$'"
	script passes-background 'exec false &
exec sleep 0.3'
	script passes-background-not '! exec true &
exec sleep 0.3'
	script passes-other-wait 'exec false &a&
exec true &b&
wait b'
	script passes-twice 'exec cat f
! stdout one
stdout two
-- f --
one
-- f --
two'
	# These forms fail, as they should.
	script fails-stderr '! exec nosuchprogram --delete
stderr .'
	script fails-wait 'exec false &
exec sleep 0.3
wait'
	script fails-wait-not '! exec true &
wait'
}
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/rogpeppe/go-internal@v1.16.0 >/dev/null 2>&1
go test -count=1 -v . >said 2>&1 || : # some are to fail
sed -nE 's#^ *--- (PASS|FAIL): TestScripts/([a-z-]*).*#\1 \2#p' said | sort -k 2 | tee results
[ "$(grep -c '^PASS passes-' results)" = 8 ] && [ "$(grep -c '^FAIL fails-' results)" = 3 ] && [ "$(wc -l <results)" = 11 ] || {
	echo "not as stated"
	exit 1
}
