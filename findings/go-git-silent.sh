#!/bin/sh
# github.com/go-git/go-git/v5 5.19.3: Worktree.Status, and AddWithOptions{All: true} after it, see
# other files as ignored than git 2.39.5 does. A commit of "all" takes in what .gitignore keeps out.
#
#   .gitignore                     git                          go-git
#   *  !*/  !*.txt                 d/a.key is ignored           d/a.key is committed
#   *  !a.txt                      d/a.txt is ignored           d/a.txt is committed
#   d  !d/a.txt                    d/a.txt is ignored           d/a.txt is committed
#   f[!1]                          f1 is committed              f1 is ignored, f2 is committed
#   [[:digit:]]                    1 is ignored                 1 is committed
#
# The first is the usual way to write a list of what may be committed. And of a name with a time or
# a kind, ResolveRevision gives the commit itself, without an error:
#
#   HEAD@{1}, main@{1}             the commit before            the newest commit
#   HEAD^{tree}                    its tree                     the commit
#
# Needs Go and Debian 12 (git 2.39.5). Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git --version
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"os"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

func main() {
	r, err := git.PlainOpen(os.Args[2])
	if err != nil {
		panic(err)
	}
	if os.Args[1] == "revision" {
		h, err := r.ResolveRevision(plumbing.Revision(os.Args[3]))
		if err != nil {
			panic(err)
		}
		fmt.Println(h)
		return
	}
	w, err := r.Worktree()
	if err != nil {
		panic(err)
	}
	if err := w.AddWithOptions(&git.AddOptions{All: true}); err != nil {
		panic(err)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/go-git/go-git/v5@v5.19.3 >/dev/null 2>&1
go build -o finding .
wrong=
ignore() { # the lines of .gitignore, the file in question, who takes it: git, go-git or both
	rm -rf r
	git init -q r
	mkdir r/d
	touch r/a.txt r/d/a.txt r/d/a.key r/f1 r/f2 r/1
	printf '%b' "$1\n" >r/.gitignore
	git -C r add -A
	by=
	git -C r ls-files | grep -qx "$2" && by=git
	rm r/.git/index
	./finding add r
	git -C r ls-files | grep -qx "$2" && by="$by go-git"
	printf '%-20s %-10s is taken by: %s\n' "$1" "$2" "$by"
	[ "$by" = "$3" ] || wrong="$wrong $2"
}
ignore '*\n!*/\n!*.txt' d/a.key ' go-git'
ignore '*\n!*/\n!*.txt' d/a.txt 'git go-git'
ignore '*\n!a.txt' d/a.txt ' go-git'
ignore 'd\n!d/a.txt' d/a.txt ' go-git'
ignore 'f[!1]' f1 git
ignore 'f[!1]' f2 ' go-git'
ignore '[[:digit:]]' 1 ' go-git'
rm -rf r
git init -q -b main r
for n in 1 2; do
	git -C r -c user.name=n -c user.email=n@example.org commit -q --allow-empty -m "$n"
done
revision() { # the name of a revision; go-git must give HEAD, and git something else
	printf '%-20s git: %.7s  go-git: %.7s  HEAD: %.7s\n' "$1" "$(git -C r rev-parse "$1")" \
		"$(./finding revision r "$1")" "$(git -C r rev-parse HEAD)"
	[ "$(./finding revision r "$1")" = "$(git -C r rev-parse HEAD)" ] || wrong="$wrong $1"
	[ "$(git -C r rev-parse "$1")" != "$(git -C r rev-parse HEAD)" ] || wrong="$wrong $1"
}
revision 'HEAD@{1}'
revision 'main@{1}'
revision 'HEAD^{tree}'
[ -z "$wrong" ] || { echo "not as stated:$wrong"; exit 1; }
