#!/bin/sh
# version.sh prints the version of this commit, in the form that .goreleaser.yaml gives its
# snapshots:
#   v0.2.0                         0.2.0
#   v0.2.0 and 5 commits           0.2.0.5
#   v0.2.0-rc1                     0.2.0-rc1
#   v0.2.0-rc1 and 5 commits       0.2.0-rc1-r5
#   no tag (a shallow clone too)   0.0.0.20261130, the day of the commit
# dpkg, rpm, apk and pacman all sort these as they were made: a "-" or "+" with the commit,
# as git describe has it, is lost, invalid or older than the tag for at least one of them.
# That needs prereleases named as in v0.2.0-alpha1, -beta1 or -rc1, without a second dot.
set -eu
tag=$(git describe --tags --abbrev=0 2>/dev/null) || {
	day=$(TZ=UTC git show -s --format=%cd --date=format-local:%Y%m%d 2>/dev/null) && echo "0.0.0.$day" || echo dev
	exit 0
}
version=${tag#v}
count=$(git rev-list --count "$tag..HEAD")
case $count:$version in
0:*) echo "$version" ;;
*:*-*) echo "$version-r$count" ;;
*) echo "$version.$count" ;;
esac
