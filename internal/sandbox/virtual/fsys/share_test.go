package fsys

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// guests are two file systems with the same programs from one pool.
func guests(t *testing.T) (a, b *View, pool string) {
	t.Helper()
	dir := t.TempDir()
	pool = filepath.Join(dir, "program")
	var views [2]*View
	for i, name := range []string{"a", "b"} {
		root := filepath.Join(dir, name)
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := Open(root, root+".owners", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		f.SetPool(pool)
		views[i] = &View{FS: f, Cwd: "/", Umask: 0o022}
		for _, p := range []string{"/cat", "/date"} {
			if err := views[i].WriteProgram(p, "program "); err != nil {
				t.Fatal(err)
			}
		}
	}
	return views[0], views[1], pool
}

func check(t *testing.T, v *View, p, want string, mode fs.FileMode) {
	t.Helper()
	b, err := v.ReadFile(p)
	if err != nil || string(b) != want {
		t.Errorf("%s holds %q, want %q: %v", p, b, want, err)
	}
	i, err := v.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	if i.Size() != int64(len(want)) || i.Mode() != mode {
		t.Errorf("%s has size %d and mode %v, want %d and %v", p, i.Size(), i.Mode(), len(want), mode)
	}
}

// Whatever a guest does to its programs, those of another guest stay as they are.
func TestProgramsOfOthers(t *testing.T) {
	write := func(v *View, flag int) error {
		f, err := v.Open("/cat", flag, 0)
		if err == nil {
			_, err = f.Write([]byte("!"))
			_ = f.Close()
		}
		return err
	}
	for _, test := range []struct {
		name string
		do   func(v *View) error
		path string // where the program is then
		want string
		mode fs.FileMode
	}{
		{"nothing", func(*View) error { return nil }, "/cat", "program cat", 0o755},
		{"written", func(v *View) error { return write(v, os.O_WRONLY|os.O_TRUNC) }, "/cat", "!", 0o755},
		{"overwritten", func(v *View) error { return write(v, os.O_RDWR) }, "/cat", "!rogram cat", 0o755},
		{"appended", func(v *View) error { return write(v, os.O_WRONLY|os.O_APPEND) }, "/cat", "program cat!", 0o755},
		{"cut", func(v *View) error { return v.Truncate("/cat", 3) }, "/cat", "pro", 0o755},
		{"chmod", func(v *View) error { return v.Chmod("/cat", 0o700) }, "/cat", "program cat", 0o700},
		{"chown", func(v *View) error { return v.Chown("/cat", 7, 7, true) }, "/cat", "program cat", 0o755},
		{"touched", func(v *View) error { return v.Chtimes("/cat", time.Unix(1, 0), time.Unix(1, 0)) }, "/cat", "program cat", 0o755},
		{"renamed", func(v *View) error { return v.Rename("/cat", "/dog") }, "/dog", "program cat", 0o755},
		{"replaced", func(v *View) error { return v.Rename("/date", "/cat") }, "/cat", "program date", 0o755},
		{"linked", func(v *View) error { return v.Link("/cat", "/dog") }, "/dog", "program cat", 0o755},
		{"linked by text", func(v *View) error { return v.Symlink("/cat", "/dog") }, "/dog", "program cat", 0o755},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b, pool := guests(t)
			if err := test.do(a); err != nil {
				t.Fatal(err)
			}
			check(t, a, test.path, test.want, test.mode)
			check(t, b, "/cat", "program cat", 0o755)
			if raw, err := os.ReadFile(pool); err != nil || string(raw) != "program " {
				t.Errorf("the pool holds %q: %v", raw, err)
			}
		})
	}
}

// A copy of a guest has the same programs, those that the guest has changed included.
func TestProgramsInCopy(t *testing.T) {
	for _, pool := range []bool{true, false} {
		a, _, _ := guests(t)
		if !pool {
			a.FS.SetPool("")
		}
		if err := a.WriteFile("/date", []byte("mine"), 0o755); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "copy")
		if err := a.FS.CopyTo(dir, dir+".owners"); err != nil {
			t.Fatal(err)
		}
		f, err := Open(dir, dir+".owners", 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		v := &View{FS: f, Cwd: "/"}
		check(t, v, "/cat", "program cat", 0o755)
		check(t, v, "/date", "mine", 0o755)
	}
}

// A guest's disk has the same bytes in use after it is opened again.
func TestProgramsUseSpace(t *testing.T) {
	a, _, _ := guests(t)
	before, _ := a.FS.Usage()
	if want := int64(len("program cat") + len("program date")); before != want {
		t.Errorf("%d bytes in use, want %d", before, want)
	}
	a.FS.recount()
	if after, _ := a.FS.Usage(); after != before {
		t.Errorf("%d bytes in use, counted anew %d", before, after)
	}
}

// A folder that has become a link to another one is not taken for a folder.
func TestFolderBecomesLink(t *testing.T) {
	a, _, _ := guests(t)
	for p, text := range map[string]string{"/old/name": "old", "/new/name": "new"} {
		if err := a.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := a.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check(t, a, "/old/name", "old", 0o644)
	if err := a.Rename("/old", "/gone"); err != nil {
		t.Fatal(err)
	}
	if err := a.Symlink("/new", "/old"); err != nil {
		t.Fatal(err)
	}
	check(t, a, "/old/name", "new", 0o644)
}
