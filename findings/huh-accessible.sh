#!/bin/sh
# charm.land/huh/v2 2.0.3: a form in accessible mode makes a new buffered reader for each
# question, which takes all that is piped in. The second question gets nothing, and the
# end of the input counts as an answer that its Validate refuses. Run returns no error.
#
#   printf 'first\nsecond\n' | form    one="first" two="" err=<nil>   (Validate wants "second")
#
# infrahaus therefore asks line by line itself (internal/ui/ask.go), with one reader.
#
# Needs Go. Exit status 0: everything is as stated.
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
	"errors"
	"fmt"
	"os"

	"charm.land/huh/v2"
)

func main() {
	var one, two string
	err := huh.NewForm(huh.NewGroup(
		huh.NewInput().Title("one").Value(&one),
		huh.NewInput().Title("two").Value(&two).Validate(func(s string) error {
			if s != "second" {
				return errors.New("it must be second")
			}
			return nil
		}),
	)).WithAccessible(true).WithInput(os.Stdin).WithOutput(os.Stderr).Run()
	fmt.Printf("one=%q two=%q err=%v\n", one, two, err)
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get charm.land/huh/v2@v2.0.3 >/dev/null 2>&1
go build -o form .
said=$(printf 'first\nsecond\n' | ./form 2>/dev/null)
echo "$said"
[ "$said" = 'one="first" two="" err=<nil>' ]
