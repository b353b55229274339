#!/bin/sh
# sbom.sh PROGRAM VERSION FILE writes the CycloneDX list of the modules in a Go program,
# as its build information has them. It has no time and no number of its own, so that the
# same program gives the same list.
set -eu
tool=$(cd "$(dirname "$0")/.." && pwd)/.cache/cyclonedx-gomod-v1.10.0/cyclonedx-gomod
[ -x "$tool" ] || CGO_ENABLED=0 GOFLAGS=-trimpath GOBIN=${tool%/*} \
	go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
"$tool" bin -json -std -noserial -notimestamp -version "v$2" -output "$3" "$1"
