#!/bin/sh
# prepare.sh FOLDER VERSION [GOOS/GOARCH…] writes what a package has besides the program:
# man pages, completion scripts, and the licences of everything that is linked in, for the
# named platforms. The same commit always gives the same files.
set -eu
out=$1 version=$2
shift 2
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git show -s --format=%ct HEAD 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
rm -rf "$out"
mkdir -p "$out"
go run -trimpath -tags nethttpomithttp2 ./internal/cli/man "$out" "$version"
mkdir "$out/man.gz"
for page in "$out"/man/*; do
	gzip -9 -n <"$page" >"$out/man.gz/${page##*/}.gz"
done
go run ./packaging/notices "$@" >"$out/NOTICES"
