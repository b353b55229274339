package cli_test

import (
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// registries are those that sessions started, by the session's folder.
var registries sync.Map

// registry is `registry`: a registry on loopback with all images of package ocitest. The
// session's REGISTRY is its HOST:PORT. After that, `registry move FROM TO` makes the tag TO
// (PATH:TAG) the image that FROM is, and `registry close` ends it.
func registry(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		r := ocitest.NewRegistry()
		ts.Defer(r.Close)
		ts.Check(r.Fill())
		ts.Setenv("REGISTRY", r.Host())
		registries.Store(ts.MkAbs("."), r)
		return
	}
	r, ok := registries.Load(ts.MkAbs("."))
	if !ok {
		ts.Fatalf("no registry is running")
	}
	switch {
	case args[0] == "move" && len(args) == 3:
		image, ok := ocitest.Images()[args[1]]
		if !ok {
			ts.Fatalf("no image %s; there are %v", args[1], ocitest.Names())
		}
		ts.Check(r.(*ocitest.Registry).Push(args[2], image))
	case args[0] == "close":
		r.(*ocitest.Registry).Close()
	default:
		ts.Fatalf("usage: registry [move FROM TO | close]")
	}
}
