#!/bin/sh
# github.com/Masterminds/semver/v3 3.5.0: it has npm's syntax of ranges (~, ^, x, "1 - 2"), and some
# ranges that both accept mean something else than to npm's semver 7.8.6. Whoever checks "~0.0.0"
# before the first release of something has no check at all.
#
#   range               version         Masterminds    npm
#   ~0.0.0              3.0.0           yes            no      (~0.0.1 is right in both)
#   ^*                  1.2.3           no             yes     (^* takes 0.0.0 only)
#   <=*                 1.2.3           no             yes
#   >*                  1.2.3           yes            no
#   >=1.0.0-0 <2        2.0.0-rc.1      yes            no
#   ^1.2.3-beta.2       1.3.0-rc.1      yes            no
#   <1.0.0-0            0.0.3-beta      yes            no
#
# Since ">=1.0.0-0 <2" is how one asks for prereleases, it takes those of the version that it is
# to keep out. "<2.0.0-0" is what keeps them out.
#
# Needs Go, and npm with Node. Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"os"

	"github.com/Masterminds/semver/v3"
)

func main() {
	c, err := semver.NewConstraint(os.Args[1])
	if err != nil {
		panic(err)
	}
	if c.Check(semver.MustParse(os.Args[2])) {
		fmt.Println("yes")
	} else {
		fmt.Println("no")
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/Masterminds/semver/v3@v3.5.0 >/dev/null 2>&1
go build -o finding .
npm install --no-audit --no-fund --cache "$dir/npm" semver@7.8.6 >/dev/null 2>&1
wrong=
while IFS='|' read -r range version masterminds npm; do
	m=$(./finding "$range" "$version")
	n=$(node -p 'require("semver").satisfies(process.argv[2], process.argv[1]) ? "yes" : "no"' "$range" "$version")
	printf '%-18s %-12s Masterminds: %-5s npm: %s\n' "$range" "$version" "$m" "$n"
	[ "$m $n" = "$masterminds $npm" ] || wrong="$wrong, $range"
done <<'T'
~0.0.0|3.0.0|yes|no
~0.0.1|3.0.0|no|no
^*|1.2.3|no|yes
^*|0.0.0|yes|yes
<=*|1.2.3|no|yes
>*|1.2.3|yes|no
>=1.0.0-0 <2|2.0.0-rc.1|yes|no
>=1.0.0-0 <2.0.0-0|2.0.0-rc.1|no|no
^1.2.3-beta.2|1.3.0-rc.1|yes|no
<1.0.0-0|0.0.3-beta|yes|no
T
[ -z "$wrong" ] || { echo "not as stated$wrong"; exit 1; }
