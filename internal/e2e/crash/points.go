package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox"
)

// kase is one point of the table.
type kase struct {
	row       string
	name      string
	transport string
	pve       string // "": the name decides
	do        func(context.Context, *trial)
}

// version is the Proxmox VE of a case. Half of them run on each, so that they take no longer
// than on one; the name decides, so that -only runs a case as the whole does.
func (c kase) version() string {
	if c.pve != "" {
		return c.pve
	}
	f := fnv.New32a()
	f.Write([]byte(c.name))
	all := sandbox.Versions()
	return all[f.Sum32()%uint32(len(all))]
}

// points records the boundaries of each scenario without a kill, and makes a case for
// each. A later run may have one more or less if it had to wait.
func (h *harness) points(ctx context.Context) ([]kase, error) {
	all := append(scenarios(), imageScenarios()...)
	if h.all {
		all = append(all, consoled()...)
	}
	names := make([][]string, len(all))
	var record []kase
	for i, s := range all {
		if !h.only.MatchString(s.row()) && !h.only.MatchString(s.row()+givenAwayRow) {
			continue
		}
		record = append(record, kase{row: s.row(), name: "undisturbed", transport: h.ways(s)[i%len(h.ways(s))], pve: s.pve(), do: func(ctx context.Context, t *trial) {
			names[i] = h.undisturbed(ctx, t, s)
		}})
	}
	h.perform(ctx, record)
	if n := h.table.problems(); n > 0 {
		h.table.print(os.Stdout)
		return nil, fmt.Errorf("%d undisturbed runs failed", n)
	}
	var cases []kase
	for i, s := range all {
		if h.only.MatchString(s.row()) {
			h.table.boundaries(s.row(), s.count(names[i]))
		}
		for n, what := range names[i] {
			if s.tries(names[i], n) {
				cases = append(cases, h.killed(s, n+1, what)...)
			}
		}
	}
	return cases, ctx.Err()
}

// undisturbed runs a scenario to its end and returns the boundaries' names.
func (h *harness) undisturbed(ctx context.Context, t *trial, s scenario) []string {
	if !t.begin(ctx, s) {
		return nil
	}
	c := call{args: s.args(t), trace: filepath.Join(t.dir, "trace")}
	if s.watch != nil {
		c.watch = s.watch(t)
	}
	if e := t.tool(ctx, c); e.status != 0 {
		t.lost("undisturbed: %s", e.why())
		return nil
	}
	t.judge(ctx, s.ends, s.gone)
	b, err := os.ReadFile(c.trace)
	if err != nil {
		t.lost("no boundary is recorded: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// killed returns the cases of one boundary: a kill right after it and, if the boundary is
// the record of a finished side effect, right before it. With -all it returns all
// combinations.
func (h *harness) killed(s scenario, n int, what string) []kase {
	kills := []call{{after: n}}
	if entry(what) {
		kills = append(kills, call{short: n})
	}
	var cases []kase
	for i, kill := range kills {
		point := func(transport string, destroy bool, second int) {
			label := fmt.Sprintf("%s, killed %s %d (%.40s), by the %s", s.row(), [2]string{"after", "before"}[i], n, what, transport)
			if destroy {
				label += ", destroy"
			}
			cases = append(cases, kase{row: s.row(), name: label, transport: transport, pve: s.pve(), do: func(ctx context.Context, t *trial) {
				t.killAndGoOn(ctx, s, kill, destroy, second)
			}})
		}
		if i == 0 && (h.all || n%8 == 4) {
			cases = append(cases, h.givenAway(s, kill, what, n))
		}
		if !h.all {
			point(h.ways(s)[n/2%len(h.ways(s))], (n+i)%2 == 0, 0)
			continue
		}
		for _, transport := range h.ways(s) {
			point(transport, true, 0)
			point(transport, false, 0)
			point(transport, false, 1+n*7%30) // spread the second kills evenly over a resume
		}
	}
	return cases
}

// entry reports whether a boundary is an entry in the catalogue and not an event.
func entry(what string) bool {
	for _, prefix := range []string{"record", "INSERT ", "UPDATE ", "scrub"} {
		if strings.HasPrefix(what, prefix) {
			return true
		}
	}
	return false
}

func (t *trial) killAndGoOn(ctx context.Context, s scenario, kill call, destroy bool, second int) {
	if !t.begin(ctx, s) {
		return
	}
	t.kill(ctx, s, kill)
	t.goOn(ctx, s, destroy, second)
}

// kill runs a scenario's command and kills it on the way.
func (t *trial) kill(ctx context.Context, s scenario, c call) {
	c.args = s.args(t)
	if s.watch != nil {
		c.watch = s.watch(t)
	}
	e := t.tool(ctx, c)
	switch {
	case !e.killed && e.status != 0:
		t.lost("it failed before it was killed: %s", e.why())
	case !e.killed && c.at != "":
		t.lost("it never came to %q", c.at)
	}
}

// perform runs cases, one at a time in each world, and reports the progress.
func (h *harness) perform(ctx context.Context, cases []kase) {
	queue := make(chan kase)
	var wg sync.WaitGroup
	for _, w := range h.worlds {
		wg.Go(func() {
			for c := range queue {
				if t := h.try(ctx, w[c.version()], c); ctx.Err() == nil {
					h.table.add(c, t)
				}
			}
		})
	}
	h.table.expect(cases)
	for i, c := range cases {
		if i%20 == 0 && len(cases) > 20 {
			fmt.Fprintf(os.Stderr, "%d of %d: %s\n", i, len(cases), c.row) // progress
		}
		select {
		case queue <- c:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
}

// try runs one case in a home of its own.
func (h *harness) try(ctx context.Context, w *world, c kase) *trial {
	dir, err := os.MkdirTemp(h.dir, "home")
	var t *trial
	if err == nil {
		defer os.RemoveAll(dir)
		t, err = h.newTrial(w, dir, c.transport)
	}
	if err != nil {
		t = &trial{}
		t.lost("cannot prepare: %v", err)
		return t
	}
	c.do(ctx, t)
	if t.image != nil {
		t.image.registry.Close()
	}
	t.searchSecrets()
	if err := w.clean(ctx); err != nil {
		t.lost("%v", err)
	}
	return t
}

// chosen are the cases that -only names.
func (h *harness) chosen(cases []kase) []kase {
	var out []kase
	for _, c := range cases {
		if h.only.MatchString(c.row) {
			out = append(out, c)
		}
	}
	return out
}
