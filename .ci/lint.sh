#!/bin/sh
# lint.sh VERSION: golangci-lint of that version (built once into .cache), shellcheck, and gofmt.
set -eu
unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "not gofmt-clean: $unformatted" >&2; exit 1; }
go mod tidy -diff
tool=.cache/golangci-lint-$1/golangci-lint
[ -x "$tool" ] || GOBIN="$PWD/.cache/golangci-lint-$1" go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$1"
"$tool" run ./...
size=$(wc -c <bin/infrahaus)
[ "$size" -le 20000000 ] || { echo "the binary has $size bytes, over its budget of 20 MB" >&2; exit 1; }
git ls-files '*.sh' .ci/run | xargs shellcheck -S warning
