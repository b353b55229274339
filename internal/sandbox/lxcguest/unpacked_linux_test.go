package lxcguest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gofrs/flock"
)

func TestPrune(t *testing.T) {
	dir, archives := t.TempDir(), t.TempDir()
	base := unpackedIn(dir)
	// unpack puts a folder there as a create does; half leaves it as a killed create does.
	unpack := func(name string, half bool) (archive, folder string) {
		t.Helper()
		archive = filepath.Join(archives, name)
		err := os.WriteFile(archive, []byte(name), 0o600)
		fi, err2 := os.Stat(archive)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		folder = filepath.Join(base, unpackedName(archive, fi, true))
		made := folder
		if half {
			made += ".tmp"
		}
		if err := errors.Join(os.MkdirAll(made, 0o755), os.WriteFile(folder+".lock", []byte(archive), 0o600)); err != nil {
			t.Fatal(err)
		}
		return archive, folder
	}
	on := func(folder, part string) {
		t.Helper()
		at := filepath.Join(dir, "sandboxes", "one", part)
		if err := errors.Join(os.MkdirAll(at, 0o755), os.WriteFile(filepath.Join(at, "lower"), []byte(folder), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	_, kept := unpack("kept", false)
	gone, old := unpack("gone", false)
	below, guest := unpack("below", false)
	on(guest, "guests/100")
	part, volume := unpack("part", false)
	on(volume, "volumes/local_vm-100-disk-1")
	changed, was := unpack("changed", false)
	torn, _ := unpack("torn", true)
	busy, held := unpack("busy", false)
	lock := flock.New(held + ".lock")
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	early := filepath.Join(base, "of-an-earlier-version") // its lock is empty
	for _, err := range []error{os.Remove(gone), os.Remove(below), os.Remove(part), os.Remove(torn), os.Remove(busy),
		os.WriteFile(changed, []byte("longer than it was"), 0o600), os.Mkdir(early, 0o755), os.WriteFile(early+".lock", nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Prune(dir); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		if e.IsDir() {
			left = append(left, filepath.Join(base, e.Name()))
		}
	}
	want := []string{kept, guest, volume, held}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left are\n%q, want\n%q; gone should be %q and %q", left, want, old, was)
	}
	if err := Prune(filepath.Join(dir, "nothing")); err != nil {
		t.Error(err)
	}
}
