#!/bin/sh
# nfpm 2.45.2 (GoReleaser 2.15.2), and still 2.47.0: an Arch package of a prerelease is named
# after it, but has the version of the release inside, unless an epoch is set.
#
#   version     epoch   file                             pkgver inside
#   0.2.0-rc1   none    hello-0.2.0rc1-1-any.pkg…        0.2.0-1
#   0.2.0       none    hello-0.2.0-1-any.pkg…           0.2.0-1
#   0.2.0-rc1   "0"     hello-0.2.0rc1-1-any.pkg…        0:0.2.0rc1-1
#
# pacman goes by the version inside. Whoever has installed 0.2.0-rc1 is told that 0.2.0 is
# up to date, and keeps the prerelease. An epoch of 0 is none to pacman, so that 0:0.2.0rc1-1
# is older than 0.2.0-1, as it should be. Needs Go, tar and zstd.
# Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOBIN="$dir" CGO_ENABLED=0
go install github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
inside() { # VERSION EPOCH
	printf 'name: hello\narch: all\nversion: %s\nepoch: "%s"\nmaintainer: m <m@example.org>\ndescription: d\n' "$1" "$2" >nfpm.yaml
	rm -f ./*.zst
	./nfpm pkg --packager archlinux >/dev/null
	printf '%s %s\n' "$(echo ./*.zst)" "$(zstd -qdc ./*.zst | tar -xO .PKGINFO | sed -n 's/^pkgver = //p')"
}
got=$(inside v0.2.0-rc1 ''; inside v0.2.0 ''; inside v0.2.0-rc1 0)
want='./hello-0.2.0rc1-1-any.pkg.tar.zst 0.2.0-1
./hello-0.2.0-1-any.pkg.tar.zst 0.2.0-1
./hello-0.2.0rc1-1-any.pkg.tar.zst 0:0.2.0rc1-1'
echo "$got"
[ "$got" = "$want" ] || { echo "not as stated:"; echo "$want"; exit 1; }
