#!/bin/sh
# go.yaml.in/yaml/v3 3.0.6: a syntax error names another line than the one with the fault.
# If a key is indented by one blank too few, the error names the line before the block to
# which the key should belong, however long that block is. If there is a tab, the error
# names the line before the tab.
#
#   text                                            fault in     says
#   a map of 1 entry, then a key at a wrong depth   line 4       line 1
#   a map of 200 entries, then the same             line 203     line 1
#   the same one level deeper                       line 204     line 2
#   a list of 200, then a dash at a wrong depth     line 202     line 201
#   a tab before a dash                             line 3       line 2
#
# A user who is shown that number looks at the wrong end of the file. Needs Go.
# Exit status 0: everything is as stated.
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
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	entries := func(n int, indent, entry string) string { return strings.Repeat(indent+entry+"\n", n) }
	wrong := false
	for _, c := range []struct {
		what, text string
		fault      int
		says       string
	}{
		{"1 entry", "hosts:\n  h:\n    url: x\n   node: y\n", 4, "line 1: did not find expected key"},
		{"200 entries", "hosts:\n  h:\n" + numbered(200, "    k") + "   node: y\n", 203, "line 1: did not find expected key"},
		{"one level deeper", "all:\n  hosts:\n    h:\n" + numbered(200, "      k") + "     node: y\n", 204, "line 2: did not find expected key"},
		{"a list of 200", "l:\n" + entries(200, "  ", "- a") + " - b\n", 202, "line 201: did not find expected key"},
		{"a tab", "a:\n  - b\n\t- c\n", 3, "line 2: found a tab character that violates indentation"},
	} {
		var n yaml.Node
		err := yaml.Unmarshal([]byte(c.text), &n)
		fmt.Printf("%-18s fault in line %-4d %v\n", c.what, c.fault, err)
		if err == nil || err.Error() != "yaml: "+c.says {
			wrong = true
		}
	}
	if wrong {
		os.Exit(1)
	}
}

func numbered(n int, key string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d: x\n", key, i)
	}
	return b.String()
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get go.yaml.in/yaml/v3@v3.0.6 >/dev/null 2>&1
go run .
