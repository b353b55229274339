package fsys

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// folder is a file system in a folder of the host, which is root.
func folder(t *testing.T) (v *View, root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "root")
	must(t, os.Mkdir(root, 0o755))
	f, err := Open(root, root+".owners", 0)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return &View{FS: f, Cwd: "/", Umask: 0o022}, root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A folder that is held open is not taken for the one that comes to its path.
func TestHeldFolders(t *testing.T) {
	for name, test := range map[string]struct {
		change func(v *View) []error
		want   string
	}{
		"nothing": {func(*View) []error { return nil }, "here"},
		"removed and made anew": {func(v *View) []error {
			return []error{v.RemoveAll("/a"), v.MkdirAll("/a/b", 0o755)}
		}, ""},
		"moved": {func(v *View) []error {
			return []error{v.Rename("/a", "/z")}
		}, ""},
		"a folder put in its place": {func(v *View) []error {
			return []error{v.MkdirAll("/other", 0o755), v.WriteFile("/other/f", []byte("other"), 0o644),
				v.RemoveAll("/a/b"), v.Rename("/other", "/a/b")}
		}, "other"},
		"a link put in its place": {func(v *View) []error {
			return []error{v.Rename("/a/b", "/a/c"), v.Symlink("/etc", "/a/b")}
		}, "etc"},
		"the folder above it moved and back": {func(v *View) []error {
			return []error{v.Rename("/a", "/z"), v.Rename("/z", "/a")}
		}, "here"},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := folder(t)
			for p, text := range map[string]string{"/a/b/f": "here", "/etc/f": "etc"} {
				must(t, v.MkdirAll(filepath.Dir(p), 0o755))
				must(t, v.WriteFile(p, []byte(text), 0o644))
			}
			for _, err := range test.change(v) {
				must(t, err)
			}
			if got, err := v.ReadFile("/a/b/f"); string(got) != test.want || (err != nil) != (test.want == "") {
				t.Errorf("/a/b/f holds %q, want %q: %v", got, test.want, err)
			}
		})
	}
}

// A link that the host has put in the place of a held folder leads to nothing outside.
func TestHeldFoldersStayInside(t *testing.T) {
	v, root := folder(t)
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "f"), []byte("outside"), 0o600))
	must(t, v.MkdirAll("/a/b", 0o755))
	must(t, v.WriteFile("/a/b/f", []byte("inside"), 0o644))
	must(t, os.Rename(filepath.Join(root, "a", "b"), filepath.Join(root, "old")))
	must(t, os.Symlink(outside, filepath.Join(root, "a", "b")))
	if got, _ := v.ReadFile("/a/b/f"); string(got) != "inside" {
		t.Errorf("the held folder gives %q", got)
	}
	v.FS.mu.Lock()
	v.FS.shared.leave(v.FS, "/a")
	v.FS.mu.Unlock()
	if got, err := v.ReadFile("/a/b/f"); err == nil {
		t.Errorf("opened again, it gives %q", got)
	}
}

// Few of many folders are held, also while they come and go in several guests.
func TestHeldFoldersAreFew(t *testing.T) {
	few := &handles{most: 8}
	var views []*View
	for range 3 {
		v, _ := folder(t)
		v.FS.shared = few
		views = append(views, v)
	}
	var all sync.WaitGroup
	for i := range 8 * few.most {
		v, dir := views[i%len(views)], fmt.Sprintf("/d%d", i)
		must(t, v.Mkdir(dir, 0o755))
		all.Go(func() {
			for j := range 20 {
				if err := v.WriteFile(dir+"/f", []byte("x"), 0o644); err != nil {
					t.Error(err)
				}
				if (i+j)%4 == 0 {
					if err := v.RemoveAll(dir); err != nil {
						t.Error(err)
					}
					if err := v.Mkdir(dir, 0o755); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	held := 0
	for _, v := range views {
		held += len(v.FS.held)
		for p, one := range v.FS.held {
			if one.users != 0 || one.idle == nil {
				t.Errorf("%s has %d users", p, one.users)
			}
		}
	}
	if held > few.most || held != few.n || held != few.idle.Len() {
		t.Errorf("%d folders are held; %d are counted, %d of them idle", held, few.n, few.idle.Len())
	}
	for _, v := range views {
		must(t, v.FS.Close())
	}
	if few.n != 0 || few.idle.Len() != 0 {
		t.Errorf("%d folders are held of guests that are gone", few.n)
	}
}

// A guest that works takes the handles of one that does not, which opens its folders again.
func TestHeldFoldersGoRound(t *testing.T) {
	few := &handles{most: 4}
	a, _ := folder(t)
	b, _ := folder(t)
	for _, v := range []*View{a, b} {
		v.FS.shared = few
		for i := range few.most {
			dir := fmt.Sprintf("/d%d", i)
			must(t, v.Mkdir(dir, 0o755))
			must(t, v.WriteFile(dir+"/f", []byte(dir), 0o644))
		}
	}
	if len(a.FS.held) != 0 || len(b.FS.held) != few.most {
		t.Errorf("the idle guest holds %d folders, the other one %d", len(a.FS.held), len(b.FS.held))
	}
	if got, err := a.ReadFile("/d0/f"); string(got) != "/d0" {
		t.Errorf("/d0/f holds %q: %v", got, err)
	}
	if len(a.FS.held) != 1 || few.n != few.most {
		t.Errorf("the guest that reads holds %d folders of %d", len(a.FS.held), few.n)
	}
}
