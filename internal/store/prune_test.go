package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// ended moves a run's end into the past.
func ended(t *testing.T, s *Store, r Run, ago time.Duration) {
	t.Helper()
	if err := s.exec(context.Background(), `UPDATE runs SET ended_at = ? WHERE id = ?`, formatTime(time.Now().Add(-ago)), r.ID); err != nil {
		t.Fatal(err)
	}
}

func TestPrune(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, other := open(t, dir), open(t, dir)
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	neighbour := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "db"})
	logRun(t, s, neighbour.RecordID, "create", 6)
	if err := s.SaveSealed(ctx, c.RecordID, "svc", nil, "envelope"); err != nil {
		t.Fatal(err)
	}
	old, young := logRun(t, s, c.RecordID, "create", 6), logRun(t, s, c.RecordID, "sync", 6)
	ended(t, s, old, 48*time.Hour)
	ended(t, s, young, time.Hour)
	killed := begin(t, open(t, dir), c.RecordID, "resume")
	os.Remove(s.livePath(c.RecordID, killed.ID))
	emit(t, s.Sink(), killed, 3)
	alive := begin(t, other, c.RecordID, Discover)
	emit(t, other.Sink(), alive, 3)

	ids := func(before time.Time) string {
		t.Helper()
		runs, sum, err := s.Prunable(ctx, c.RecordID, before)
		if err != nil || sum.Runs != len(runs) {
			t.Fatalf("%+v %v", sum, err)
		}
		var kinds []string
		for _, r := range runs {
			kinds = append(kinds, r.Kind)
		}
		return strings.Join(kinds, " ")
	}
	if got := ids(time.Now().Add(-24 * time.Hour)); got != "create" {
		t.Errorf("older than a day: %s", got)
	}
	if got := ids(time.Time{}); got != "create sync resume" {
		t.Errorf("all: %s", got)
	}

	runs, sum, err := s.Prunable(ctx, c.RecordID, time.Now().Add(-24*time.Hour))
	if err != nil || sum.Events != 2 || sum.Bytes == 0 {
		t.Fatalf("%+v %v", sum, err)
	}
	done, err := s.Prune(ctx, runs)
	if err != nil || done != sum {
		t.Errorf("removed %+v, want %+v, %v", done, sum, err)
	}
	if _, err := os.Stat(logPath(s, old)); !os.IsNotExist(err) {
		t.Errorf("the log: %v", err)
	}
	if got := seqs(t, s, EventQuery{RecordID: c.RecordID}); got != "1 2 3 4 5 6 3 3" {
		t.Errorf("left: %s", got)
	}
	if got := seqs(t, s, EventQuery{RecordID: neighbour.RecordID}); got != "1 2 3 4 5 6" {
		t.Errorf("of the neighbour: %s", got)
	}
	if found, err := s.Runs(ctx, c.RecordID); err != nil || len(found) != 4 {
		t.Errorf("%d runs, %v", len(found), err)
	}
	if sealed, err := s.Credentials(ctx, c.RecordID); err != nil || len(sealed) != 1 {
		t.Errorf("sealed: %v %v", sealed, err)
	}
	if runs, sum, err := s.Prunable(ctx, c.RecordID, time.Now().Add(-24*time.Hour)); len(runs) != 0 || sum != (Pruned{}) || err != nil {
		t.Errorf("a second time: %v %+v %v", runs, sum, err)
	}
	if _, err := s.Prune(ctx, []Run{alive}); err == nil || len(seqs(t, s, EventQuery{RunID: alive.ID})) == 0 {
		t.Errorf("a run that goes on: %v", err)
	}
}

// The next prune removes what a kill between the rows and the file has left, and the
// empty folder.
func TestPruneGoesOn(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := logRun(t, s, c.RecordID, "create", 6)
	if err := s.exec(ctx, `DELETE FROM events`); err != nil {
		t.Fatal(err)
	}
	runs, _, err := s.Prunable(ctx, c.RecordID, time.Time{})
	if err != nil || len(runs) != 1 {
		t.Fatalf("%v %v", runs, err)
	}
	if _, err := s.Prune(ctx, runs); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(logPath(s, r))); !os.IsNotExist(err) {
		t.Errorf("the folder: %v", err)
	}
	if info, err := os.Stat(s.path + "-wal"); err == nil && info.Size() > 0 {
		t.Errorf("the -wal file has %d bytes", info.Size())
	}
}
