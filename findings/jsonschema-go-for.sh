#!/bin/sh
# github.com/google/jsonschema-go 0.4.3: the schema that For makes of a Go type refuses what
# encoding/json writes of that type. For succeeds; whoever offers the schema finds out when
# somebody else checks an answer with it.
#
#   field                          encoding/json writes       the schema wants
#   []byte, net.IP                 "aGk=", "192.0.2.1"        an array of integers
#   json.RawMessage                anything                   an array of integers
#   json.Number                    12                         a string
#   big.Int, which For knows       4                          a string
#   netip.Addr                     "192.0.2.1"                an object without properties
#   int with `json:",string"`      "1"                        an integer
#   a nil map (a nil slice is      null                       an object
#     right)
#   a field of *embedded, nil      nothing                    that it is there
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
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

type embedded struct{ X int }

type withPointer struct{ *embedded }

var wrong bool

// check compares the schema of a type with the JSON of one of its values.
func check[T any](what string, value T, accepted bool) {
	schema, err := jsonschema.For[T](nil)
	if err != nil {
		panic(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		panic(err)
	}
	err = resolved.Validate(v)
	fmt.Printf("%-18s %-28s %.110v\n", what, text, err)
	wrong = wrong || (err == nil) != accepted
}

func main() {
	check("[]byte", struct{ V []byte }{[]byte("hi")}, false)
	check("net.IP", struct{ V net.IP }{net.IPv4(192, 0, 2, 1)}, false)
	check("json.RawMessage", struct{ V json.RawMessage }{json.RawMessage(`{"a":1}`)}, false)
	check("json.Number", struct{ V json.Number }{"12"}, false)
	check("big.Int", struct{ V *big.Int }{big.NewInt(4)}, false)
	check("netip.Addr", struct{ V netip.Addr }{netip.MustParseAddr("192.0.2.1")}, false)
	check("the tag string", struct {
		V int `json:",string"`
	}{1}, false)
	check("a nil map", struct{ V map[string]int }{}, false)
	check("a nil slice", struct{ V []int }{}, true)
	check("an embedded nil", withPointer{}, false)
	check("time.Time", struct{ V time.Time }{time.Unix(0, 0).UTC()}, true)
	if wrong {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/google/jsonschema-go@v0.4.3 >/dev/null 2>&1
go run .
