package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// fleetFile is a fleet of four, of which one waits for two others.
const fleetFile = `name: crash
parallel: 3
defaults:
  template: %s
  variables: {hold: nothing}
  variableFiles: {token: %s}
containers:
  db: {count: 2}
  app: {needs: [db]}
  web: {}
`

// fleetSize is how many containers it has.
const fleetSize = 4

// fleets are creates of a fleet in one process, killed at boundaries that are spread over its
// work, and finished by resume -f; or destroyed, killed on the way too.
func (h *harness) fleets() []kase {
	var cases []kase
	add := func(what string, do func(ctx context.Context, t *trial)) {
		transport := h.transports[len(cases)%len(h.transports)]
		cases = append(cases, kase{row: "fleet " + what, name: fmt.Sprintf("fleet %s %d", what, len(cases)), transport: transport, do: do})
	}
	points := []int{3, 10, 19, 33, 52, 80, 120, 150}
	if h.all {
		points = nil
		for n := 1; n < 180; n += 4 {
			points = append(points, n)
		}
	}
	for i, n := range points {
		add("killed and resumed", func(ctx context.Context, t *trial) {
			t.fleetKilled(ctx, call{args: t.fleet("create"), after: n})
			if i%2 == 1 { // a second kill on the way
				t.fleetKilled(ctx, call{args: t.fleet("resume"), after: 1 + n*7%30})
			}
			if e := t.tool(ctx, call{args: t.fleet("resume")}); e.status != 0 {
				t.lost("resume -f: %s", e.why())
			}
			t.fleetWhole(ctx)
		})
	}
	add("killed and destroyed", func(ctx context.Context, t *trial) {
		t.fleetKilled(ctx, call{args: t.fleet("create"), after: 60})
		t.fleetKilled(ctx, call{args: append(t.fleet("destroy"), "--yes"), after: 5})
		if e := t.tool(ctx, call{args: append(t.fleet("destroy"), "--yes")}); e.status != 0 {
			t.lost("destroy -f: %s", e.why())
		}
		if ids := t.w.sb.Node().IDs(); len(ids) > 0 {
			t.lost("a destroy has left %d containers", len(ids))
		}
	})
	return cases
}

// fleet is a command on the fleet, whose file it writes.
func (t *trial) fleet(verb string) []string {
	file := filepath.Join(t.dir, "fleet.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, fleetFile, t.template, filepath.Join(t.dir, "token")), 0o600); err != nil {
		t.lost("cannot prepare: %v", err)
	}
	return []string{verb, "-f", file, "--json"}
}

// fleetKilled runs a command that may end before it is killed: how many boundaries it has
// depends on what came at once.
func (t *trial) fleetKilled(ctx context.Context, c call) {
	switch e := t.tool(ctx, c); {
	case !e.killed && e.status != 0:
		t.lost("it failed before it was killed: %s", e.why())
	case !e.killed:
		t.note = fmt.Sprintf("%s has fewer than %d", c.args[0], c.after)
	}
}

// fleetWhole checks that each container of the fleet is there once and ready, that no script
// ran again after it had ended well, and that its events have no hole.
func (t *trial) fleetWhole(ctx context.Context) {
	t.w.idle()
	e := t.tool(ctx, call{args: []string{"list", "--check", "--json"}})
	var rows []row
	if err := json.Unmarshal([]byte(e.out), &rows); err != nil {
		t.lost("list: %s", e.why())
	}
	if wrong := t.differs(rows); wrong != "" {
		t.lost("%s", wrong)
	}
	ids, names := map[int]bool{}, map[string]bool{}
	for _, r := range rows {
		ids[r.CTID], names[r.Hostname] = true, true
		if r.Lifecycle != lxc.Ready {
			t.lost("%s is %s", r.Hostname, r.Lifecycle)
		}
		b, err := os.ReadFile(t.w.path(r.CTID, "root/effects"))
		if err != nil {
			t.lost("no script has run in %s: %v", r.Hostname, err)
		}
		t.fleetEvents(ctx, r.Hostname, t.effects(string(b), onceEach))
	}
	if n := len(t.w.sb.Node().IDs()); len(rows) != fleetSize || len(ids) != fleetSize || len(names) != fleetSize || n != fleetSize {
		t.lost("%d records of %d ids and %d names, %d containers, of %d", len(rows), len(ids), len(names), n, fleetSize)
	}
}

// fleetEvents checks the events of one container: they have no hole, and the lines of the
// attempts that ended well once.
func (t *trial) fleetEvents(ctx context.Context, name string, attempts []string) {
	e := t.tool(ctx, call{args: []string{"events", name, "--json"}})
	last := map[string]int{}
	for _, ev := range e.events {
		if ev.Seq != last[ev.RunID]+1 {
			t.lost("event %d of a run of %s follows %d", ev.Seq, name, last[ev.RunID])
		}
		last[ev.RunID] = ev.Seq
	}
	t.output(e, attempts)
}
