package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// counting counts the statements that a catalogue is asked, and keeps the last one.
type counting struct {
	dialect
	n    *int
	last *string
}

func (c counting) rebind(query string) string {
	*c.n++
	*c.last = query
	return c.dialect.rebind(query)
}

func TestQueriesDoNotGrow(t *testing.T) { onBoth(t, testQueriesDoNotGrow) }

func testQueriesDoNotGrow(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir())
	h := host(t, s, "h")
	var n int
	var last string
	s.records.d = counting{s.records.d, &n, &last}
	s.events.d = s.records.d
	asked := func(what string, do func() error) int {
		t.Helper()
		n = 0
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return n
	}
	counts := func() map[string]int {
		c := create(t, s, lxc.Container{HostID: h, Hostname: NewRecordID(), CTID: 99})
		r := logRun(t, s, c.RecordID, "create", 9)
		out := map[string]int{}
		for what, do := range map[string]func() error{
			"all":     func() error { _, err := s.Containers(ctx, Filter{HostID: h}); return err },
			"list":    func() error { listed(t, s, Filter{HostID: h}, WithServices|WithJobs); return nil },
			"runs":    func() error { _, err := s.Unended(ctx, h); return err },
			"named":   func() error { _, err := s.Named(ctx, h, c.Hostname); return err },
			"address": func() error { _, err := s.Addressed(ctx, h, "10.0.0.5"); return err },
			"find":    func() error { _, err := s.Find(ctx, h, c.Hostname); return err },
			"events":  func() error { seqs(t, s, EventQuery{RunID: r.ID}); return nil },
			"begin":   func() error { r := begin(t, s, c.RecordID, "sync"); return s.EndRun(ctx, r.ID, 0) },
		} {
			out[what] = asked(what, do)
		}
		destroy(t, s, c.RecordID)
		return out
	}
	before := counts()
	for i := range 60 {
		create(t, s, lxc.Container{HostID: h, Hostname: fmt.Sprint("web", i), CTID: 100 + i})
	}
	after := counts()
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("statements: %v, and with more records %v", before, after)
	}
}

// A reference is looked up by indexes, and not by reading every record of the host.
func TestFindUsesIndexes(t *testing.T) {
	s := open(t, t.TempDir())
	h := host(t, s, "h")
	create(t, s, lxc.Container{HostID: h, Hostname: "web", CTID: 100})
	var n int
	var last string
	s.records.d = counting{s.records.d, &n, &last}
	if _, err := s.Find(t.Context(), h, "web"); err != nil {
		t.Fatal(err)
	}
	text := plan(t, s, last, h, "WEB", h, "web", h, -1)
	for _, want := range []string{"MULTI-INDEX OR", "containers_by_name (host_id=? AND hostname=?)", "containers_by_ctid (host_id=? AND ctid=?)"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the plan:\n%s", want, text)
		}
	}
}

// The check of a static address reads the records with that address alone.
func TestAddressedUsesIndex(t *testing.T) {
	s := open(t, t.TempDir())
	h := host(t, s, "h")
	var n int
	var last string
	s.records.d = counting{s.records.d, &n, &last}
	if _, err := s.Addressed(t.Context(), h, "10.0.0.5"); err != nil {
		t.Fatal(err)
	}
	if text := plan(t, s, last, h, "10.0.0.5", "destroyed"); !strings.Contains(text, "containers_by_address (host_id=? AND address=?)") {
		t.Errorf("the plan is:\n%s", text)
	}
}

func TestAddressed(t *testing.T) { onBoth(t, testAddressed) }

func testAddressed(t *testing.T) {
	s := open(t, t.TempDir())
	h, other := host(t, s, "h"), host(t, s, "other")
	var want []string
	for _, c := range []lxc.Container{
		{HostID: h, Hostname: "one", CTID: 100, Address: "10.0.0.5"},
		{HostID: h, Hostname: "two", CTID: 101, Address: "10.0.0.50"},
		{HostID: other, Hostname: "three", CTID: 100, Address: "10.0.0.5"},
		{HostID: h, Hostname: "four", CTID: 102},
		{HostID: h, Hostname: "five", CTID: 103, Address: "10.0.0.5"},
		{HostID: h, Hostname: "six", CTID: 104, Address: "10.0.0.5"},
	} {
		c = create(t, s, c)
		switch c.Hostname {
		case "one", "five":
			want = append(want, c.RecordID)
		case "six":
			destroy(t, s, c.RecordID)
		}
	}
	found, err := s.Addressed(t.Context(), h, "10.0.0.5")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range found {
		got = append(got, c.RecordID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if _, err := s.UpdateContainer(t.Context(), want[0], func(c *lxc.Container) error { c.Address = "10.0.0.6"; return nil }); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Addressed(t.Context(), h, "10.0.0.6"); err != nil || len(found) != 1 {
		t.Errorf("a new address gives %v: %v", found, err)
	}
}

// gathering keeps every statement that a catalogue is asked.
type gathering struct {
	dialect
	asked map[string]bool
}

func (g gathering) rebind(query string) string {
	g.asked[query] = true
	return g.dialect.rebind(query)
}

func (g gathering) begin(ctx context.Context, db *sql.DB) (*Tx, error) {
	tx, err := g.dialect.begin(ctx, db)
	if err == nil {
		tx.d = g
	}
	return tx, err
}

// What create, show and events ask reads rows by indexes, and never a whole table that grows
// with the number of containers or runs.
func TestNoScans(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir())
	g := gathering{s.d, map[string]bool{}}
	s.d, s.records.d, s.events.d = g, g, g
	h := host(t, s, "h")
	c := lxc.Container{RecordID: NewRecordID(), HostID: h, Hostname: "web", CTID: 100, Lifecycle: lxc.Creating}
	for _, do := range []func() error{
		func() error { _, err := s.Named(ctx, h, c.Hostname); return err },
		func() error {
			return s.CreateWithJob(ctx, c, Sealed{Service: VariablesService, Envelope: "x"}, json.RawMessage(`{}`))
		},
		func() error { return s.SaveSealed(ctx, c.RecordID, RootService, nil, "x") },
		func() error { return s.SetStep(ctx, Step{RecordID: c.RecordID, Phase: "creating", Item: "create"}) },
		func() error { logRun(t, s, c.RecordID, "create", 5); return nil },
		func() error {
			_, err := s.UpdateContainer(ctx, c.RecordID, func(*lxc.Container) error { return nil })
			return err
		},
		func() error { return s.SaveServices(ctx, c.RecordID, nil, time.Now()) },
		func() error { _, err := s.Find(ctx, h, "web"); return err },
		func() error { _, err := s.Record(ctx, c.RecordID); return err },
		func() error { _, err := s.Addressed(ctx, h, "10.0.0.5"); return err },
		func() error { _, err := s.Working(ctx, c); return err },
		func() error { _, _, err := s.Services(ctx, c.RecordID); return err },
		func() error { _, err := s.Credentials(ctx, c.RecordID); return err },
		func() error { _, err := s.Steps(ctx, c.RecordID); return err },
		func() error { _, err := s.Pins(ctx, c.RecordID); return err },
		func() error { _, err := s.Unended(ctx, h); return err },
		func() error { seqs(t, s, EventQuery{RecordID: c.RecordID}); return nil },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	big := regexp.MustCompile(`SCAN (containers|runs|events|services|jobs|sealed|steps|pins|unread)\b`)
	for query := range maps.Clone(g.asked) {
		if steps := plan(t, s, query, make([]any, strings.Count(query, "?"))...); big.MatchString(steps) && !strings.Contains(steps, "runs_unended") {
			t.Errorf("%s\n%s", query, steps)
		}
	}
	if len(g.asked) < 20 {
		t.Errorf("only %d statements were seen", len(g.asked))
	}
}
