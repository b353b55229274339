#!/bin/sh
# go 1.26.8: "go mod tidy" leaves a go.sum alone whose lines are complete but in another
# order than its own, and says that all is well (status 0). "go mod tidy -diff" wants that
# order, prints a diff of nothing but moved lines, and fails (status 1). The command that a
# check names cannot mend what the check refuses.
#
#   go.sum with its lines reversed    go mod tidy: 0, unchanged    go mod tidy -diff: 1
#   go.sum removed first              go mod tidy: 0               go mod tidy -diff: 0
#
# Such a file comes from a merge that takes lines of both sides. infrahaus's lint runs
# -diff; after a merge, take one side's go.sum whole, or remove it, and tidy then.
#
# Needs Go and a module proxy. Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOTOOLCHAIN=go1.26.8 GOFLAGS=-mod=mod GOWORK=off
cat >go.mod <<'M'
module finding

go 1.26

require (
	golang.org/x/sync v0.18.0
	golang.org/x/text v0.31.0
)
M
cat >main.go <<'G'
package main

import (
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/text/cases"
)

func main() {}
G
go version
go mod tidy
go mod tidy -diff
cp go.sum sorted
sort -r sorted >go.sum
cp go.sum reversed
go mod tidy
cmp go.sum reversed
if go mod tidy -diff >said; then
	echo "go mod tidy -diff accepts the order now" >&2
	exit 1
fi
grep -q '^+golang.org/x/' said
rm go.sum
go mod tidy
cmp go.sum sorted
go mod tidy -diff
echo "as stated: tidy leaves the order, tidy -diff refuses it"
