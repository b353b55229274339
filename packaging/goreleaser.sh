#!/bin/sh
# goreleaser.sh VERSION ARGUMENT… runs GoReleaser of that version, built once into .cache of
# the checkout that this file is in.
set -eu
home=$(cd "$(dirname "$0")/.." && pwd)
version=$1
shift
tool=$home/.cache/goreleaser-$version/goreleaser
[ -x "$tool" ] || CGO_ENABLED=0 GOFLAGS=-trimpath GOBIN=${tool%/*} go install "github.com/goreleaser/goreleaser/v2@$version"
# Without a remote, GoReleaser would not ask git for anything, and take the year 1 for the
# time of the commit.
[ -n "$(git remote)" ] || export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url \
	GIT_CONFIG_VALUE_0=https://github.com/infrahaus/infrahaus
exec "$tool" "$@"
