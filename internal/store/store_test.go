package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenAt(context.Background(), placeOf(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// host returns the id of the host of that name.
func host(t testing.TB, s *Store, name string) string {
	t.Helper()
	met, err := s.MeetHost(context.Background(), Facts{Name: name}, func(string) (Facts, bool) { return Facts{}, false })
	if err != nil {
		t.Fatal(err)
	}
	return met.Host.ID
}

func create(t *testing.T, s *Store, c lxc.Container) lxc.Container {
	t.Helper()
	if c.RecordID == "" {
		c.RecordID = NewRecordID()
	}
	if c.Lifecycle == "" {
		c.Lifecycle = lxc.Creating
	}
	if err := s.CreateContainer(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func destroy(t *testing.T, s *Store, id string) {
	t.Helper()
	_, err := s.UpdateContainer(context.Background(), id, func(c *lxc.Container) error {
		now := lxc.At(time.Now())
		c.Lifecycle, c.DestroyedAt = lxc.Destroyed, &now
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state dir?#%") // characters that a URI must escape
	s := open(t, dir)
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	logRun(t, s, c.RecordID, "create", 3)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName+"-wal")); err != nil {
		t.Errorf("not in WAL mode: %v", err)
	}
}

func TestOpenTightensOnlyItsOwnDirectory(t *testing.T) {
	own, shared := t.TempDir(), t.TempDir()
	os.Chmod(own, 0o755)
	os.Chmod(shared, 0o755)
	os.WriteFile(filepath.Join(shared, "letter.txt"), nil, 0o644)
	open(t, own)
	open(t, shared)
	for dir, want := range map[string]fs.FileMode{own: 0o700, shared: 0o755} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v, want %v", dir, info.Mode().Perm(), err, want)
		}
	}
}

func TestContainerRoundTrip(t *testing.T) { onBoth(t, testContainerRoundTrip) }

func testContainerRoundTrip(t *testing.T) {
	s := open(t, t.TempDir())
	at := time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC)
	want := lxc.Container{RecordID: NewRecordID(), CTID: 101, HostID: host(t, s, "h"), Node: "pve1", Hostname: "web", Template: "hello",
		OSTemplate: "debian-12", Lifecycle: lxc.Creating, Address: "192.0.2.5", Transport: "guest", MAC: "AA:BB", UPID: "UPID:x",
		Marked: true, Error: "no", CreatedAt: lxc.At(at)}
	create(t, s, want)
	got, err := s.Find(context.Background(), host(t, s, "h"), "web")
	if err != nil {
		t.Fatal(err)
	}
	if got.UpdatedAt.IsZero() {
		t.Error("updatedAt is not set")
	}
	want.UpdatedAt, want.Host = got.UpdatedAt, "h"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestUpdateKeepsTheRecordWhereChangeFails(t *testing.T) {
	onBoth(t, testUpdateKeepsTheRecordWhereChangeFails)
}

func testUpdateKeepsTheRecordWhereChangeFails(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	bad := errors.New("no")
	_, err := s.UpdateContainer(context.Background(), c.RecordID, func(c *lxc.Container) error {
		c.Hostname = "other"
		return bad
	})
	if !errors.Is(err, bad) {
		t.Fatalf("err = %v, want the caller's own", err)
	}
	if _, err := s.Find(context.Background(), host(t, s, "h"), "web"); err != nil {
		t.Error(err)
	}
	if _, err := s.UpdateContainer(context.Background(), "nobody", func(*lxc.Container) error { return nil }); err == nil {
		t.Error("an unknown record was updated")
	}
}

// A record and its job are made together or not at all.
func TestCreateWithJob(t *testing.T) { onBoth(t, testCreateWithJob) }

func testCreateWithJob(t *testing.T) {
	s, ctx := open(t, t.TempDir()), context.Background()
	first := lxc.Container{RecordID: NewRecordID(), HostID: host(t, s, "h"), Hostname: "web", Lifecycle: lxc.Creating}
	sealed := Sealed{Service: VariablesService, Keys: []string{"a"}, Envelope: "e"}
	if err := s.CreateWithJob(ctx, first, sealed, []byte(`{"x":1}`)); err != nil {
		t.Fatal(err)
	}
	doc, err := s.Job(ctx, first.RecordID)
	kept, credErr := s.Credentials(ctx, first.RecordID)
	if err != nil || credErr != nil || string(doc) != `{"x":1}` || len(kept) != 1 || kept[0].Envelope != "e" {
		t.Errorf("%s %v, %+v %v", doc, err, kept, credErr)
	}
	second := lxc.Container{RecordID: NewRecordID(), HostID: host(t, s, "h"), Hostname: "web", Lifecycle: lxc.Creating}
	var taken *NameTaken
	if err := s.CreateWithJob(ctx, second, sealed, []byte(`{}`)); !errors.As(err, &taken) {
		t.Errorf("err = %v, want *NameTaken", err)
	}
	if doc, err := s.Job(ctx, second.RecordID); doc != nil || err != nil {
		t.Errorf("a refused record has the job %s (%v)", doc, err)
	}
}

func TestNameTaken(t *testing.T) { onBoth(t, testNameTaken) }

func testNameTaken(t *testing.T) {
	s := open(t, t.TempDir())
	first := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web", CTID: 101})
	second := lxc.Container{RecordID: NewRecordID(), HostID: host(t, s, "h"), Hostname: "WEB", Lifecycle: lxc.Creating}
	var taken *NameTaken
	if err := s.CreateContainer(context.Background(), second); !errors.As(err, &taken) || taken.Existing.RecordID != first.RecordID {
		t.Fatalf("err = %v, want *NameTaken by the first", err)
	}
	if !strings.Contains(taken.Error(), "CT 101") {
		t.Errorf("%q does not say who has it", taken)
	}
	create(t, s, lxc.Container{HostID: host(t, s, "elsewhere"), Hostname: "web"})
	create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web", CTID: 102, Adopted: true})
	destroy(t, s, first.RecordID)
	if err := s.CreateContainer(context.Background(), second); !errors.As(err, &taken) || taken.Existing.CTID != 102 {
		t.Errorf("err = %v, want *NameTaken by the adopted one", err)
	}
}

// Two processes that adopt the same container at once make one record of it.
func TestOnRecord(t *testing.T) { onBoth(t, testOnRecord) }

func testOnRecord(t *testing.T) {
	s := open(t, t.TempDir())
	first := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web", CTID: 101, Adopted: true})
	second := lxc.Container{RecordID: NewRecordID(), HostID: host(t, s, "h"), Hostname: "renamed", CTID: 101, Adopted: true, Lifecycle: lxc.Ready}
	var known *OnRecord
	if err := s.CreateContainer(context.Background(), second); !errors.As(err, &known) || known.Existing.RecordID != first.RecordID {
		t.Fatalf("err = %v, want *OnRecord by the first", err)
	}
	create(t, s, lxc.Container{HostID: host(t, s, "elsewhere"), Hostname: "web", CTID: 101, Adopted: true})
	destroy(t, s, first.RecordID)
	create(t, s, second)
}

func TestFind(t *testing.T) { onBoth(t, testFind) }

func testFind(t *testing.T) {
	s := open(t, t.TempDir())
	old := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web", CTID: 101})
	destroy(t, s, old.RecordID)
	web := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web", CTID: 102})
	twin := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web", CTID: 103, Adopted: true})
	number := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "101", CTID: 104})
	gone := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "gone", CTID: 105})
	destroy(t, s, gone.RecordID)
	create(t, s, lxc.Container{HostID: host(t, s, "other"), Hostname: "far", CTID: 102})
	create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "unborn"})

	for _, tt := range []struct{ ref, want string }{
		{"102", web.RecordID},
		{"101", number.RecordID}, // the one of that ctid is destroyed
		{web.RecordID, web.RecordID},
		{strings.ToLower(old.RecordID), old.RecordID}, // destroyed, but named exactly
		{"gone", gone.RecordID},
		{"105", gone.RecordID},
	} {
		got, err := s.Find(context.Background(), host(t, s, "h"), tt.ref)
		if err != nil || got.RecordID != tt.want {
			t.Errorf("Find(%s) = %s %s, %v", tt.ref, got.RecordID, got.Hostname, err)
		}
	}
	var ambiguous *Ambiguous
	if _, err := s.Find(context.Background(), host(t, s, "h"), "web"); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 ||
		!slices.ContainsFunc(ambiguous.Candidates, func(c lxc.Container) bool { return c.RecordID == twin.RecordID }) ||
		slices.ContainsFunc(ambiguous.Candidates, func(c lxc.Container) bool { return c.RecordID == old.RecordID }) {
		t.Errorf("err = %v, want the two living candidates", err)
	}
	for _, ref := range []string{"far", "0", "-1", "", "nobody", "999"} {
		var notFound *NotFound
		if c, err := s.Find(context.Background(), host(t, s, "h"), ref); !errors.As(err, &notFound) {
			t.Errorf("Find(%q) = %+v, %v, want *NotFound", ref, c, err)
		}
	}
}

func TestContainersFilter(t *testing.T) { onBoth(t, testContainersFilter) }

func testContainersFilter(t *testing.T) {
	s := open(t, t.TempDir())
	a := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "a"})
	b := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "b"})
	c := create(t, s, lxc.Container{HostID: host(t, s, "g"), Hostname: "c"})
	destroy(t, s, a.RecordID)
	for _, tt := range []struct {
		filter Filter
		want   string
	}{
		{Filter{}, "b c"}, {Filter{HostID: host(t, s, "h")}, "b"}, {Filter{HostID: host(t, s, "h"), IncludeDestroyed: true}, "a b"}, {Filter{HostID: host(t, s, "x")}, ""},
	} {
		found, err := s.Containers(context.Background(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range found {
			names = append(names, f.Hostname)
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.filter, got, tt.want)
		}
	}
	_, _ = b, c
}

func TestServicesSealedStepsPins(t *testing.T) { onBoth(t, testServicesSealedStepsPins) }

func testServicesSealedStepsPins(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})

	if got, at, err := s.Services(ctx, c.RecordID); got != nil || !at.IsZero() || err != nil {
		t.Errorf("before discovery: %v %v %v", got, at, err)
	}
	services := []lxc.Service{{Name: "nginx", Type: lxc.Systemd, Status: lxc.Running, Ports: []lxc.Port{{Protocol: "tcp", Address: "::", Port: 80}}}}
	when := time.Date(2026, 11, 23, 10, 0, 0, 5e6, time.UTC)
	for range 2 {
		if err := s.SaveServices(ctx, c.RecordID, services, when); err != nil {
			t.Fatal(err)
		}
	}
	if got, at, err := s.Services(ctx, c.RecordID); err != nil || !at.Equal(when) || !reflect.DeepEqual(got, services) {
		t.Errorf("%v %v %v", got, at, err)
	}

	if has, err := s.HasSealed(ctx); has || err != nil {
		t.Errorf("HasSealed = %v, %v", has, err)
	}
	for _, envelope := range []string{"one", "two"} {
		if err := s.SaveSealed(ctx, c.RecordID, "db", []string{"USER", "PASSWORD"}, envelope); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SaveSealed(ctx, c.RecordID, RootService, nil, "three"); err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Credentials(ctx, c.RecordID)
	want := []Sealed{{c.RecordID, RootService, []string{}, "three"}, {c.RecordID, "db", []string{"USER", "PASSWORD"}, "two"}}
	if err != nil || !reflect.DeepEqual(sealed, want) {
		t.Errorf("%v %v", sealed, err)
	}
	if has, err := s.HasSealed(ctx); !has || err != nil {
		t.Errorf("HasSealed = %v, %v", has, err)
	}

	step := Step{RecordID: c.RecordID, RunID: "R", Phase: "syncing", Item: "10-a.sh", State: Claimed}
	if err := s.SetStep(ctx, step); err != nil {
		t.Fatal(err)
	}
	step.State, step.Detail = Done, []byte(`{"attempt":2}`)
	if err := s.SetStep(ctx, step); err != nil {
		t.Fatal(err)
	}
	steps, err := s.Steps(ctx, c.RecordID)
	if err != nil || len(steps) != 1 || steps[0].State != Done || string(steps[0].Detail) != `{"attempt":2}` || steps[0].UpdatedAt.IsZero() {
		t.Errorf("%+v %v", steps, err)
	}

	s.Pin(ctx, c.RecordID, "ssh-ed25519", "SHA256:old")
	if err := s.Pin(ctx, c.RecordID, "ssh-ed25519", "SHA256:new"); err != nil {
		t.Fatal(err)
	}
	if pins, err := s.Pins(ctx, c.RecordID); err != nil || !reflect.DeepEqual(pins, map[string]string{"ssh-ed25519": "SHA256:new"}) {
		t.Errorf("%v %v", pins, err)
	}
	if err := s.SaveSealed(ctx, "nobody", "db", nil, "x"); err == nil {
		t.Error("foreign keys are not enforced")
	}
}

func TestBadIDs(t *testing.T) { onBoth(t, testBadIDs) }

func testBadIDs(t *testing.T) {
	s := open(t, t.TempDir())
	for _, id := range []string{"", "../x", "a/b", "a b", "ä"} {
		if err := s.CreateContainer(context.Background(), lxc.Container{RecordID: id}); err == nil {
			t.Errorf("id %q was taken", id)
		}
		if err := s.BeginRun(context.Background(), Run{ID: id}); err == nil {
			t.Errorf("run id %q was taken", id)
		}
	}
}

func TestNewRecordIDsSort(t *testing.T) {
	last := ""
	for i := range 1000 {
		id := NewRecordID()
		if id <= last {
			t.Fatal(fmt.Sprint(i, id, last))
		}
		last = id
	}
}
