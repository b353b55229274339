package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func listed(t *testing.T, s *Store, f Filter, parts Parts) (all []Entry) {
	t.Helper()
	for e, err := range s.List(t.Context(), f, parts) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestList(t *testing.T) { onBoth(t, testList) }

// A list has the same records as Containers, over several pages, and the store can be asked
// while it is read.
func testList(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir())
	h, other := host(t, s, "h"), host(t, s, "other")
	for i := range listPage + 7 {
		c := create(t, s, lxc.Container{HostID: h, Hostname: fmt.Sprint("web", i), CTID: 100 + i, Lifecycle: lxc.Ready})
		if i%250 == 3 {
			create(t, s, lxc.Container{HostID: other, Hostname: fmt.Sprint("db", i), Lifecycle: lxc.Ready})
			destroy(t, s, create(t, s, lxc.Container{HostID: h, Hostname: "gone", Lifecycle: lxc.Ready}).RecordID)
			if err := s.SaveServices(ctx, c.RecordID, []lxc.Service{{Name: "sshd", URL: "no", System: true}, {Name: "a", URL: "http://a"}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			if err := s.SaveJob(ctx, c.RecordID, json.RawMessage(`{"of":"`+c.Hostname+`"}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range []Filter{{}, {HostID: h}, {HostID: other}, {IncludeDestroyed: true}, {HostID: h, IncludeDestroyed: true}, {HostID: "none"}} {
		want, err := s.Containers(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		var got []lxc.Container
		for e, err := range s.List(ctx, f, WithServices|WithJobs) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Container)
			if len(got)%100 == 0 {
				if _, err := s.Runs(ctx, e.RecordID); err != nil {
					t.Fatal(err)
				}
			}
			services, err := e.Services()
			if err != nil {
				t.Fatal(err)
			}
			url, err := e.MainURL()
			if served := e.Job != nil; err != nil || url != lxc.MainURL(services) || served != (url == "http://a") || served && !strings.Contains(string(e.Job), e.Hostname) {
				t.Errorf("%s: url %q, job %s, %v", e.Hostname, url, e.Job, err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v: %d records, want %d", f, len(got), len(want))
		}
	}
	if all := listed(t, s, Filter{}, 0); all[3].services != "" || all[3].Job != nil {
		t.Errorf("unasked parts: %+v", all[3])
	}
}

// plan is what SQLite does for a query.
func plan(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	var steps []string
	err := each(t.Context(), s.records, "EXPLAIN QUERY PLAN "+query, func(rows *sql.Rows) error {
		var a, b, c any
		var step string
		err := rows.Scan(&a, &b, &c, &step)
		steps = append(steps, step)
		return err
	}, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n")
}

// A page is read by indexes alone, however many records are before and after it.
func TestListUsesIndexes(t *testing.T) {
	s := open(t, t.TempDir())
	for _, f := range []Filter{{}, {HostID: host(t, s, "h")}} {
		args := []any{"01A"}
		if f.HostID != "" {
			args = append(args, f.HostID)
		}
		steps := plan(t, s, listQuery(f, WithServices|WithJobs), args...)
		if strings.Contains(steps, "SCAN") || strings.Contains(steps, "TEMP B-TREE") || !strings.Contains(steps, "SEARCH c USING INDEX sqlite_autoindex_containers_1 (id>?)") {
			t.Errorf("%+v:\n%s", f, steps)
		}
	}
}
