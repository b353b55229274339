package store

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// version1 makes a database as version 1 left it, with rows in every table.
//
//go:embed testdata/version1.sql
var version1 string

// oldDatabase makes a database of version 1 whose rows are still in the -wal file, as if
// its process were running, and returns its folder.
func oldDatabase(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;" + version1); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copies(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, FileName+".*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOlderDatabaseIsMigratedInPlace(t *testing.T) {
	ctx := context.Background()
	dir := oldDatabase(t)
	left := filepath.Join(dir, FileName+".copy") // left by a process that was killed while it copied
	os.WriteFile(left, []byte("half a copy"), 0o600)
	s := open(t, dir)

	c, err := s.Find(ctx, host(t, s, "homelab"), "web")
	if err != nil || c.CTID != 101 || c.Lifecycle != lxc.Ready {
		t.Fatalf("%+v %v", c, err)
	}
	if sealed, err := s.Credentials(ctx, c.RecordID); err != nil || len(sealed) != 2 || sealed[1].Envelope != "v1:abc:two" {
		t.Errorf("sealed: %v %v", sealed, err)
	}
	if got := seqs(t, s, EventQuery{RecordID: c.RecordID}); got != "1 2" {
		t.Errorf("events: %s", got)
	}
	if services, _, err := s.Services(ctx, c.RecordID); err != nil || len(services) != 1 {
		t.Errorf("services: %v %v", services, err)
	}
	if steps, err := s.Steps(ctx, c.RecordID); err != nil || len(steps) != 1 {
		t.Errorf("steps: %v %v", steps, err)
	}
	if pins, err := s.Pins(ctx, c.RecordID); err != nil || len(pins) != 1 {
		t.Errorf("pins: %v %v", pins, err)
	}
	if job, err := s.Job(ctx, c.RecordID); job != nil || err != nil {
		t.Errorf("a job from nowhere: %s %v", job, err)
	}

	m := s.Migrated()
	if found := copies(t, dir); len(found) != 1 || found[0] != m.Copy || m.From != 1 || m.To != len(migrations) {
		t.Fatalf("copies %v, migration %+v", found, m)
	}
	if info, err := os.Stat(m.Copy); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v %v", info.Mode(), err)
	}
	if again := open(t, dir).Migrated(); again != (Migration{}) || len(copies(t, dir)) != 1 {
		t.Errorf("migrated a second time: %+v", again)
	}
}

// Version 1 can use the copy: it has that version, its rows, and no table of later
// versions.
func TestCopyIsTheOlderDatabase(t *testing.T) {
	s := open(t, oldDatabase(t))
	db, err := sql.Open("sqlite", s.Migrated().Copy)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version, app, jobs, sealed int
	var ok string
	err = db.QueryRow(`SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema WHERE name = 'jobs'), (SELECT count(*) FROM sealed),
		(SELECT integrity_check FROM pragma_integrity_check)`).Scan(&version, &app, &jobs, &sealed, &ok)
	if err != nil || version != 1 || app != applicationID || jobs != 0 || sealed != 2 || ok != "ok" {
		t.Errorf("version %d, application %x, %d jobs, %d sealed, %s, %v", version, app, jobs, sealed, ok, err)
	}
}

// If a copy cannot be made, the migration stops and the database stays as it was.
func TestNoMigrationWithoutACopy(t *testing.T) {
	dir := oldDatabase(t)
	if err := os.MkdirAll(filepath.Join(dir, FileName+".copy", "in-the-way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(context.Background(), dir); err == nil || !strings.HasPrefix(err.Error(), "cannot copy the database before its migration: ") {
		t.Errorf("%v %v", s, err)
	}
	os.RemoveAll(filepath.Join(dir, FileName+".copy"))
	if m := open(t, dir).Migrated(); m.From != 1 {
		t.Errorf("it was no longer of version 1: %+v", m)
	}
}

func TestTwentyProcessesMigrateOnce(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := oldDatabase(t)
	procs := make([]*exec.Cmd, 20)
	for i := range procs {
		procs[i] = exec.Command(self)
		procs[i].Env = append(os.Environ(), "STORE_TEST_CREATE_IN="+dir)
		procs[i].Stderr = os.Stderr
		if err := procs[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range procs {
		if err := p.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
	if found := copies(t, dir); len(found) != 1 {
		t.Errorf("copies: %v", found)
	}
	if found, err := open(t, dir).Containers(context.Background(), Filter{}); err != nil || len(found) != 22 {
		t.Errorf("%d containers, %v", len(found), err)
	}
}

// An older program refuses a database of this version.
func TestNewerDatabaseIsRefusedPolitely(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.exec(context.Background(), "PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), dir)
	var e *Error
	if !errors.As(err, &e) || e.Kind != Newer {
		t.Fatal(err)
	}
	for _, want := range []string{FileName, "a newer infrahaus wrote it", "version is 999"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q does not say %q", e, want)
		}
	}
	if !strings.Contains(e.Hint, "newer infrahaus") || len(copies(t, dir)) != 0 {
		t.Errorf("hint %q, copies %v", e.Hint, copies(t, dir))
	}
}

func TestJob(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	for _, doc := range []string{`{"a":1}`, `{"b":2}`} {
		if err := s.SaveJob(ctx, c.RecordID, []byte(doc)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Job(ctx, c.RecordID); string(got) != doc || err != nil {
			t.Errorf("Job = %s, %v", got, err)
		}
	}
	if err := s.SaveJob(ctx, "nobody", []byte(`{}`)); err == nil {
		t.Error("a job of no container was saved")
	}
}

func TestRunAlive(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, other := open(t, dir), open(t, dir)
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	ended, killed := begin(t, s, c.RecordID, Discover), begin(t, open(t, dir), c.RecordID, Discover)
	alive := begin(t, s, c.RecordID, "create")
	s.EndRun(ctx, ended.ID, 0)
	os.Remove(s.livePath(c.RecordID, killed.ID)) // its lock dies with its process
	for _, tt := range []struct {
		run  Run
		want bool
	}{{ended, false}, {killed, false}, {alive, true}, {Run{ID: "nobody", RecordID: c.RecordID}, false}} {
		if got := other.RunAlive(ctx, tt.run); got != tt.want {
			t.Errorf("RunAlive(%s) = %v", tt.run.ID, got)
		}
	}
}
