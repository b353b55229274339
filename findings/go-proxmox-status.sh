#!/bin/sh
# github.com/luthermonson/go-proxmox 0.8.2: the client takes most refusals of Proxmox for success.
# Only 400, 401, 403, 500 and 501 are errors. pveproxy also answers 404, and 595 to 599 without a
# body if it cannot reach the node that the request is for; a proxy before it answers 502 to 504.
#
#   request                          answered with             the client returns
#   GET of a list                    404 {"data":null}         nil, and an empty list
#   GET of a list                    595, no body              unexpected end of JSON input
#   DELETE of a container            404, 502 or 596           nil
#   POST with WithRetry              503                       sent three times, then nil
#
# So a container that could not be destroyed is taken for destroyed, and a request that creates
# something is repeated although the first may have been carried out. infrahaus makes errors of
# these in its own http.RoundTripper, and does not use WithRetry.
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
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/luthermonson/go-proxmox"
)

func main() {
	status, requests := 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.WriteHeader(status)
		if status < 595 {
			fmt.Fprint(w, `{"data":null}`)
		}
	}))
	defer s.Close()
	ctx, token := context.Background(), proxmox.WithAPIToken("user@pve!name", "secret")
	c := proxmox.NewClient(s.URL, token)
	wrong := false
	for _, row := range []struct {
		status     int
		getE, delE bool
	}{
		{400, true, true}, {401, true, true}, {403, true, true}, {404, false, false}, {500, true, true},
		{501, true, true}, {502, false, false}, {503, false, false}, {595, true, false}, {596, true, false},
	} {
		status = row.status
		var list []map[string]any
		get := c.Get(ctx, "/nodes/n/lxc", &list)
		del := c.Delete(ctx, "/nodes/n/lxc/100", nil)
		fmt.Printf("%d  GET: %d items, %v  DELETE: %v\n", status, len(list), get, del)
		wrong = wrong || (get != nil) != row.getE || (del != nil) != row.delE
	}
	status, requests = 503, 0
	err := proxmox.NewClient(s.URL, token, proxmox.WithRetry()).Post(ctx, "/nodes/n/lxc", map[string]any{"vmid": 100}, nil)
	fmt.Printf("503  POST with WithRetry: sent %d times, %v\n", requests, err)
	if wrong || requests != 3 || err != nil {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/luthermonson/go-proxmox@v0.8.2 >/dev/null 2>&1
go run .
