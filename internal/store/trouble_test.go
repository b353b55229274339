package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// TestMain lets the test binary also be one of twenty processes.
func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TEST_UPGRADE_IN"); dir != "" {
		if err := upgradeAlone(dir, os.Getenv("STORE_TEST_KILL")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv("STORE_TEST_CREATE_IN"); dir != "" {
		if err := createAlone(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if theServer.s != nil {
		theServer.s.Close()
	}
	os.Exit(code)
}

func createAlone(dir string) error {
	ctx := context.Background()
	s, err := OpenAt(ctx, Place{Dir: dir, URL: os.Getenv("STORE_TEST_URL")})
	if err != nil {
		return err
	}
	defer s.Close()
	met, err := s.MeetHost(ctx, Facts{Name: "h"}, func(string) (Facts, bool) { return Facts{}, false })
	if err != nil {
		return err
	}
	id := NewRecordID()
	if err := s.CreateContainer(ctx, lxc.Container{RecordID: id, HostID: met.Host.ID, Hostname: "c" + id, Lifecycle: lxc.Creating}); err != nil {
		return err
	}
	// One name goes to one of them.
	var taken *NameTaken
	err = s.CreateContainer(ctx, lxc.Container{RecordID: NewRecordID(), HostID: met.Host.ID, Hostname: "wanted", Lifecycle: lxc.Ready})
	if err != nil && !errors.As(err, &taken) {
		return err
	}
	for i := range 5 {
		if err := s.SetStep(ctx, Step{RecordID: id, RunID: id, Phase: "p", Item: fmt.Sprint(i), State: Done}); err != nil {
			return err
		}
	}
	_, err = s.UpdateContainer(ctx, id, func(c *lxc.Container) error { c.Lifecycle = lxc.Ready; return nil })
	return err
}

func TestTwentyProcessesAtOnce(t *testing.T) { onBoth(t, testTwentyProcessesAtOnce) }

func testTwentyProcessesAtOnce(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "state") // made by the first process
	const n = 20
	place := placeOf(t, dir)
	procs := make([]*exec.Cmd, n)
	said := make([]bytes.Buffer, n)
	for i := range procs {
		procs[i] = exec.Command(self)
		procs[i].Env = append(os.Environ(), "STORE_TEST_CREATE_IN="+dir, "STORE_TEST_URL="+place.URL)
		if place.URL != "" { // five machines
			procs[i].Env = append(procs[i].Env, fmt.Sprintf("STORE_TEST_CREATE_IN=%s%d", dir, i%5))
		}
		procs[i].Stderr = &said[i]
		if err := procs[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range procs {
		if err := p.Wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, &said[i])
		}
	}
	found, err := open(t, dir).Containers(context.Background(), Filter{})
	if err != nil || len(found) != n+1 {
		t.Fatalf("%d containers, %v", len(found), err)
	}
	for _, c := range found {
		if c.Lifecycle != lxc.Ready {
			t.Errorf("%s is %s", c.RecordID, c.Lifecycle)
		}
	}
}

func TestTrouble(t *testing.T) {
	sqlDB := func(t *testing.T, dir, statements string) {
		db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
	}
	write := func(t *testing.T, path, text string, mode os.FileMode) {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string) string // returns the directory to open
		want  Kind
	}{
		{"garbage", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, FileName), strings.Repeat("no database at all\n", 100), 0o600)
			return dir
		}, Garbage},
		{"another program's", func(t *testing.T, dir string) string {
			sqlDB(t, dir, `CREATE TABLE recipes (name TEXT)`)
			return dir
		}, Garbage},
		{"a folder of that name", func(t *testing.T, dir string) string {
			os.Mkdir(filepath.Join(dir, FileName), 0o700)
			return dir
		}, Garbage},
		{"newer", func(t *testing.T, dir string) string {
			sqlDB(t, dir, fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = 999`, applicationID))
			return dir
		}, Newer},
		{"read-only", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, FileName), "", 0o400)
			return dir
		}, ReadOnly},
		{"unwritable", func(t *testing.T, dir string) string {
			os.Chmod(dir, 0o500)
			t.Cleanup(func() { os.Chmod(dir, 0o700) })
			return dir
		}, Unwritable},
		{"below a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), "", 0o600)
			return filepath.Join(dir, "file", "state")
		}, Unwritable},
		{"where nothing can be", func(t *testing.T, dir string) string { return "/dev/null/state" }, Unwritable},
		{"locked", func(t *testing.T, dir string) string {
			s := open(t, dir)
			tx, err := s.records.Begin()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { tx.Rollback() })
			return dir
		}, Locked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tt.spoil(t, t.TempDir())
			before, _ := os.ReadFile(filepath.Join(dir, FileName))
			s, err := openWith(context.Background(), dir, time.Millisecond)
			if err == nil {
				defer s.Close()
				err = s.CreateContainer(context.Background(), lxc.Container{RecordID: NewRecordID(), HostID: "h", Hostname: "a"})
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.want {
				t.Fatalf("err = %v, want kind %s", err, tt.want)
			}
			if !strings.HasPrefix(e.Error(), "cannot ") || e.Hint == "" || strings.Contains(e.Error(), "SQL") || strings.Contains(e.Error(), "sqlite") {
				t.Errorf("says %q, hint %q", e.Error(), e.Hint)
			}
			if after, _ := os.ReadFile(filepath.Join(dir, FileName)); !bytes.Equal(before, after) && tt.want != Locked {
				t.Error("the file was changed")
			}
		})
	}
}

// A write that SQLite passes over again and again, because it has no queue, waits as long
// as other writes succeed.
func TestWritesWaitTheirTurn(t *testing.T) {
	dir := t.TempDir()
	others := open(t, dir)
	s, err := openWith(t.Context(), dir, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	passed := func(times, written int) (tries int, err error) {
		err = retryBusy(t.Context(), s.records, func() error {
			if tries++; tries > times {
				return nil
			}
			if tries <= written {
				create(t, others, lxc.Container{HostID: host(t, s, "h"), Hostname: fmt.Sprintf("w%d-%d", written, tries)})
			}
			tx, err := others.records.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			_, err = s.records.ExecContext(t.Context(), "DELETE FROM events")
			return err
		})
		return tries, err
	}
	if tries, err := passed(9, 9); tries != 10 || err != nil {
		t.Errorf("%d tries, %v", tries, err)
	}
	if tries, err := passed(9, 4); tries != 5 || !isBusy(err) {
		t.Errorf("others write no more: %d tries, %v", tries, err)
	}
	if tries, err := passed(9, 0); tries != 2 || !isBusy(err) {
		t.Errorf("others do not write: %d tries, %v", tries, err)
	}
}

func TestOlderEmptyAndHalfMadeFilesAreMigrated(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, FileName), nil, 0o644) // left by a killed first start
	s := open(t, dir)
	create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "a"})
	s.Close()
	again := open(t, dir)
	if found, err := again.Containers(context.Background(), Filter{}); err != nil || len(found) != 1 {
		t.Errorf("%v %v", found, err)
	}
	if info, _ := os.Stat(filepath.Join(dir, FileName)); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}
