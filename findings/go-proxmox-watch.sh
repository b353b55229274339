#!/bin/sh
# github.com/luthermonson/go-proxmox 0.8.2: Task.Watch, which follows the log of a task, gives the
# wrong lines and closes its channel as if all were well.
#
#   a log of 120 lines, the task has ended           50 lines come
#   the task fails while it is watched               the line "TASK ERROR: …" never comes
#   any log                                          the lines come in another order each time
#
# The lines of each answer are kept in a map, which Go walks through at random. Watch asks for the
# status first, and stops at "stopped" without reading what was written since its last look: that
# is the end of the log, where Proxmox says why a task failed. Task.Wait returns nil for that task;
# only its field IsFailed tells.
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
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luthermonson/go-proxmox"
)

// A node is what Proxmox says of its only task.
type node struct {
	log  []string
	exit string // "": the task runs
	next func() // what happens after the log was read
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var data any
	if strings.HasSuffix(r.URL.Path, "/log") {
		start, _ := strconv.Atoi(r.FormValue("start"))
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		type line struct {
			N int    `json:"n"`
			T string `json:"t"`
		}
		lines := []line{}
		for i := start; i < min(start+limit, len(n.log)); i++ {
			lines = append(lines, line{i + 1, n.log[i]})
		}
		data = lines
		n.next()
	} else if n.exit == "" {
		data = map[string]any{"status": "running", "node": "n"}
	} else {
		data = map[string]any{"status": "stopped", "exitstatus": n.exit, "node": "n"}
	}
	json.NewEncoder(w).Encode(map[string]any{"data": data})
}

func watch(n *node) ([]string, *proxmox.Task) {
	s := httptest.NewServer(n)
	defer s.Close()
	c := proxmox.NewClient(s.URL, proxmox.WithAPIToken("user@pve!name", "secret"))
	t := proxmox.NewTask("UPID:n:00000001:00000002:6B03A893:vzcreate:100:user@pve!name:", c)
	lines, err := t.Watch(context.Background(), 0)
	if err != nil {
		panic(err)
	}
	var all []string
	for l := range lines {
		all = append(all, l)
	}
	if err := t.Wait(context.Background(), time.Second, time.Minute); err != nil {
		panic(err)
	}
	return all, t
}

func main() {
	long := &node{exit: "OK", next: func() {}}
	for i := range 120 {
		long.log = append(long.log, fmt.Sprintf("line %03d", i))
	}
	got, _ := watch(long)
	fmt.Printf("a log of 120 lines: %d come, in order: %v\n", len(got), slices.IsSorted(got))
	wrong := len(got) != 50 || slices.IsSorted(got)

	fails := &node{log: []string{"extracting archive"}}
	fails.next = func() {
		fails.log = []string{"extracting archive", "tar: no space left on device", "TASK ERROR: unable to create CT 100"}
		fails.exit = "unable to create CT 100"
	}
	got, t := watch(fails)
	fmt.Printf("a task that fails: %q, Wait: nil, failed: %v\n", got, t.IsFailed)
	if wrong || !slices.Equal(got, []string{"extracting archive"}) || !t.IsFailed {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/luthermonson/go-proxmox@v0.8.2 >/dev/null 2>&1
go run .
