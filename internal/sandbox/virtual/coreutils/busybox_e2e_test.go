//go:build e2e

package coreutils_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBusyboxAlike runs the rows of testdata/alike.txt in a virtual Alpine guest and with
// busybox, whose applets they are there. The rows of testdata/busybox_differs.txt are known
// to differ; every other row must agree, so that no new difference stays unseen.
func TestBusyboxAlike(t *testing.T) {
	if os.Getenv("INFRAHAUS_E2E") == "" {
		t.Skip("set INFRAHAUS_E2E=1: it runs the programs of this machine as root")
	}
	const hangs = "hangs: "
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	applets := strings.Fields(string(list))
	tables, known := rowsByApplet(t, "testdata/alike.txt"), rowsByApplet(t, "testdata/busybox_differs.txt")
	for name, rows := range known {
		for _, row := range rows {
			if !slices.Contains(tables[name], strings.TrimPrefix(row, hangs)) {
				t.Errorf("%s: alike.txt has no row %s", name, row)
			}
		}
	}
	maps.DeleteFunc(tables, func(name string, _ []string) bool { return !slices.Contains(applets, name) })
	for name := range tables {
		tables[name] = slices.DeleteFunc(tables[name], func(row string) bool { return slices.Contains(known[name], hangs+row) })
	}
	names := slices.Sorted(maps.Keys(tables))
	p := newReal(t, "alpine-3.22", "/media/bin") // where the script sees p.dir
	if err := os.MkdirAll(filepath.Join(p.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range applets {
		if err := os.Symlink(busybox, filepath.Join(p.dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	done := p.startReal(t, names, tables)
	for _, name := range names {
		p.runHere(t, name, len(tables[name]))
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			real := filepath.Join(p.dir, name, "w")
			for i, row := range tables[name] {
				switch got := guestOutcome(p.here, "/tmp/"+name, i); {
				case slices.Contains(known[name], row):
				case strings.HasPrefix(row, loud): // busybox may lack the option, too, and says so
					if got.status == "0\n" || got.err == "" {
						t.Errorf("%s\nis not refused: status %q %q", row, got.status, got.out)
					}
				default:
					compareRow(t, row, outcomeOf(os.DirFS(real), real, i), got)
				}
			}
		})
	}
}
