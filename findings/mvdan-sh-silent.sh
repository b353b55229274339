#!/bin/sh
# mvdan.cc/sh 3.14.1: its interpreter runs some valid POSIX scripts with another result than
# dash and bash, and reports no error. For each row below, dash 0.5.12 and bash 5.2 have
# the same output. An output that ends in "!" means that the shell stopped.
#
#   construct                              dash, bash         mvdan.cc/sh
#   read with IFS=: and an empty field     [1][][3:4]         [1][3][4]
#   ${x-"c  d"} of an unset x              two blanks kept    one blank
#   "${x:-'q'}" of an unset x              'q'                q
#   a readonly variable is assigned to     stops              goes on
#   $((1/0))                               stops              goes on, status 0
#   v='1+1'; $((2*(v)))  in bash           4                  0
#   [ 1 -eq 1x ]                           status 2           status 1
#   set -C, then > an existing file        refused            overwritten
#   set -e; ! { false; echo in; }          goes on            stops
#   set -e; (false; echo a) || echo b      a                  b
#
# Needs Go, dash and bash. Exit status 0: everything is as stated.
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
	"context"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

func main() {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(os.Args[1]), "")
	if err != nil {
		panic(err)
	}
	r, err := interp.New(interp.StdIO(os.Stdin, os.Stdout, os.Stderr))
	if err != nil {
		panic(err)
	}
	if r.Run(context.Background(), file) != nil {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get mvdan.cc/sh/v3@v3.14.1 >/dev/null 2>&1
go build -o gosh .
wrong=0
# row SHELL… -- WANT GOT TEXT compares the output of the shells with WANT, and the output of
# the interpreter with GOT.
row() {
	shells=
	while [ "$1" != -- ]; do shells="$shells $1"; shift; done
	want=$2 got=$3 text=$4
	for shell in $shells; do
		said=$({ "$shell" -c "$text" 2>/dev/null || printf '!'; } | tr '\n' ' ')
		[ "$said" = "$want" ] || { echo "$shell: $text: '$said', not '$want'"; wrong=1; }
	done
	said=$({ ./gosh "$text" 2>/dev/null || printf '!'; } | tr '\n' ' ')
	[ "$said" = "$got" ] || { echo "mvdan.cc/sh: $text: '$said', not '$got'"; wrong=1; }
	printf '%-18s %-18s %s\n' "$want" "$got" "$text"
}
# shellcheck disable=SC2016 # the texts are for other shells
{
	row dash bash -- '[1][][3:4] ' '[1][3][4] ' 'echo 1::3:4 >f; IFS=: read -r a b c <f; echo "[$a][$b][$c]"'
	row dash bash -- '[c  d] ' '[c d] ' 'unset x; printf "[%s]\n" "$(echo ${x-"c  d"})"'
	row dash bash -- "'q' " 'q ' 'unset x; echo "${x:-'"'q'"'}"'
	row dash bash -- '!' 'after ' 'readonly r=1; r=2; echo after'
	row dash bash -- '!' '0 ' 'x=$((1/0)); echo $?'
	row bash -- '4 ' '0 ' 'v=1+1; echo $((2*(v)))'
	row dash bash -- '2 ' '1 ' '[ 1 -eq 1x ]; echo $?'
	row dash bash -- 'old ' 'new ' 'echo old >g; set -C; (echo new >g); cat g'
	row dash bash -- 'in out ' '!' 'set -e; ! { false; echo in; }; echo out'
	row dash bash -- 'a ' 'b ' 'set -e; (false; echo a) || echo b'
}
exit $wrong
