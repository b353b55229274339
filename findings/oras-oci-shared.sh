#!/bin/sh
# oras.land/oras-go/v2 2.7.0: an oci.Store reads index.json once, when it is made, and writes what
# it has in memory. If two stores are open on one folder (two processes, or two parts of one), each
# undoes the other's work. No call returns an error, and a lock around each call does not help.
#
#   store a                   store b, open at the same time      afterwards
#   tags "one"                tags "two"                          "one" does not exist
#   GC                        has tagged "two" before             "two" exists without its manifest
#   deletes "one"             "two" has a layer of "one"          the layer and "two" are gone
#
# In the last case b goes on to resolve "two", and to tag it anew, without its layer. The index
# cannot be read again: a lock has to last from the making of a store to its last change.
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
	"context"
	"errors"
	"fmt"
	"os"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
)

var ctx = context.Background()

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func open(folder string) *oci.Store {
	s, err := oci.New(folder)
	check(err)
	return s
}

// put makes an artifact of one layer, and tags it.
func put(s *oci.Store, tag, layer string) v1.Descriptor {
	l := content.NewDescriptorFromBytes("text/plain", []byte(layer))
	if err := s.Push(ctx, l, bytes.NewReader([]byte(layer))); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		panic(err)
	}
	m, err := oras.PackManifest(ctx, s, oras.PackManifestVersion1_1, "application/"+tag, oras.PackManifestOptions{Layers: []v1.Descriptor{l}})
	check(err)
	check(s.Tag(ctx, m, tag))
	return m
}

// state says what somebody finds who opens the folder now.
func state(folder, tag string) string {
	s := open(folder)
	m, err := s.Resolve(ctx, tag)
	if err != nil {
		return "no such tag"
	}
	layers, err := content.Successors(ctx, s, m)
	if err != nil {
		return "no manifest"
	}
	for _, l := range layers {
		if _, err := content.FetchAll(ctx, s, l); err != nil {
			return "no layer"
		}
	}
	return "whole"
}

func main() {
	wrong := false
	is := func(what, got, want string) {
		fmt.Printf("%-36s %s\n", what, got)
		wrong = wrong || got != want
	}

	a, b := open("tags"), open("tags")
	put(a, "one", "1")
	put(b, "two", "2")
	is("both tag: one", state("tags", "one"), "no such tag")
	is("both tag: two", state("tags", "two"), "whole")

	a = open("gc")
	put(a, "one", "1")
	b = open("gc")
	put(b, "two", "2")
	is("before the GC of a: two", state("gc", "two"), "whole")
	check(a.GC(ctx))
	is("after the GC of a: two", state("gc", "two"), "no manifest")

	a = open("delete")
	one := put(a, "one", "same")
	b = open("delete")
	two := put(b, "two", "same")
	is("before the Delete of a: two", state("delete", "two"), "whole")
	check(a.Delete(ctx, one))
	is("after the Delete of a: two", state("delete", "two"), "no such tag")
	_, err := b.Resolve(ctx, "two")
	check(err)
	check(b.Tag(ctx, two, "again"))
	is("b tags it again: again", state("delete", "again"), "no layer")
	if wrong {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get oras.land/oras-go/v2@v2.7.0 github.com/opencontainers/image-spec@v1.1.1 >/dev/null 2>&1
go run .
