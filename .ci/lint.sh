#!/bin/sh
# lint.sh VERSION checks with gofmt, golangci-lint of that version (built once into
# .cache) and shellcheck.
set -eu
unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
[ -z "$unformatted" ] || { echo "not gofmt-clean: $unformatted" >&2; exit 1; }
go mod tidy -diff
tool=.cache/golangci-lint-$1/golangci-lint
[ -x "$tool" ] || GOBIN="$PWD/.cache/golangci-lint-$1" go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$1"
"$tool" run ./...
# Other systems' binaries are built for a release only. Windows differs most.
GOOS=windows go build -tags nethttpomithttp2 -o /dev/null ./cmd/infrahaus
size=$(wc -c <bin/infrahaus)
[ "$size" -le 40000000 ] || { echo "the binary has $size bytes, over its budget of 40 MB" >&2; exit 1; }
# The scripts of guest and console have no #! line, because they are fed to a shell. The
# script of the template no-interpreter has a wrong one on purpose, and the scripts of
# broken templates have the faults that `template validate` must find. testdata/community
# imitates another project's scripts.
git ls-files '*.sh' .ci/run ':!internal/guest' ':!internal/console' ':!testdata/templates/no-interpreter' ':!testdata/templates/broken' ':!testdata/community' | xargs shellcheck -S warning
git ls-files 'internal/guest/*.sh' 'internal/console/*.sh' | xargs shellcheck -s sh -S warning
