#!/bin/sh
# go.yaml.in/yaml/v3 3.0.6: Marshal writes a text of several lines in a list so that Unmarshal reads
# another text, without an error. It happens if the text begins with an empty line or a blank, as
# a script or a message may. Marshal writes "|4", which means four columns, and indents by two.
#
#   in a list, or in a map in a list     is read as            by yaml/v4 4.0.0
#   "\n# one\n# two\n"                   ""                    right
#   "\n  indented\n"                     "\nindented\n"        right
#   "\necho\n"                           a syntax error        right
#
# Outside of lists the text is right, and so it is with SetIndent(2), in which case alone the two
# numbers are the same. Marshal's own indentation is 4.
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
	"bytes"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
	v4 "go.yaml.in/yaml/v4"
)

type step struct {
	Run  string
	Name string
}

func main() {
	wrong := false
	for _, c := range []struct{ text, read string }{
		{"\n# one\n# two\n", `""`},
		{"\n  indented\n", `"\nindented\n"`},
		{"\necho\n", "error"},
		{"  one\ntwo\n", "error"},
		{"echo\n", `"echo\n"`},
	} {
		in := []step{{c.text, "last"}}
		written, err := yaml.Marshal(in)
		if err != nil {
			panic(err)
		}
		read := func(text []byte, by func([]byte, any) error) string {
			var out []step
			if err := by(text, &out); err != nil {
				return "error"
			}
			if out[0].Name != "last" {
				panic("the next entry is lost as well")
			}
			return fmt.Sprintf("%q", out[0].Run)
		}
		v3 := read(written, yaml.Unmarshal)
		var two bytes.Buffer
		enc := yaml.NewEncoder(&two)
		enc.SetIndent(2)
		if err := enc.Encode(in); err != nil {
			panic(err)
		}
		byV4, err := v4.Marshal(in)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%-22q v3: %-16s v3 with SetIndent(2): %-18s v4: %s\n", c.text, v3, read(two.Bytes(), yaml.Unmarshal),
			read(byV4, func(b []byte, v any) error { return v4.Unmarshal(b, v) }))
		want := fmt.Sprintf("%q", c.text)
		wrong = wrong || v3 != c.read || read(two.Bytes(), yaml.Unmarshal) != want ||
			read(byV4, func(b []byte, v any) error { return v4.Unmarshal(b, v) }) != want
		alone, err := yaml.Marshal(map[string]step{"k": in[0]})
		if err != nil {
			panic(err)
		}
		var out map[string]step
		if err := yaml.Unmarshal(alone, &out); err != nil || out["k"] != in[0] {
			fmt.Println("not as stated: it is wrong outside of a list, too")
			wrong = true
		}
	}
	if wrong {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get go.yaml.in/yaml/v3@v3.0.6 go.yaml.in/yaml/v4@v4.0.0 >/dev/null 2>&1
go run .
