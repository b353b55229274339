package template

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// farms are folders behind addresses, as Source.Fetch brings them.
type farms struct {
	dir    string
	loose  bool
	refuse map[string]error    // of Check, by address
	asked  map[string][]Beside // by address
}

func newFarms(t *testing.T, files map[string]string) *farms {
	t.Helper()
	f := &farms{dir: t.TempDir(), refuse: map[string]error{}, asked: map[string][]Beside{}}
	for name, text := range files {
		file := filepath.Join(f.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// sources know x://NAME as the folder NAME.
func (f *farms) sources() []Source {
	return []Source{{Name: Remote, Fetch: func(ref string, beside []Beside) (Fetched, bool, error) {
		name, ok := strings.CutPrefix(ref, "x://")
		if !ok {
			return Fetched{}, false, nil
		}
		if name == "down" {
			return Fetched{}, true, errors.New("the server is down")
		}
		f.asked[ref] = beside
		return Fetched{
			Dir: filepath.Join(f.dir, name), Name: name, Source: ref, Resolved: ref + "@1", Loose: f.loose,
			Check: func(string) error { return f.refuse[ref] },
		}, true, nil
	}}}
}

// A parent may have an address, and its parent another one; of each, the folders that led to
// it are known.
func TestRemoteParent(t *testing.T) {
	f := newFarms(t, map[string]string{
		"app/template.yaml":       "name: app\nextends: ../near\n",
		"near/template.yaml":      "name: near\nextends: x://far\ntags: [near]\n",
		"far/template.yaml":       "name: far\nextends: ./inner\ntags: [far]\n",
		"far/inner/template.yaml": "name: inner\nextends: x://top\ntags: [inner]\n",
		"top/template.yaml":       "name: top\nos: debian-12\ntags: [top]\n",
	})
	app, near, far := filepath.Join(f.dir, "app"), filepath.Join(f.dir, "near"), filepath.Join(f.dir, "far")
	f.loose = true
	got, err := LoadDir(app, f.sources()...)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"top", "inner", "far", "near"}; !slices.Equal(got.Tags, want) {
		t.Errorf("its tags are %q", got.Tags)
	}
	if len(got.Fetched) != 2 || got.Fetched[0].Resolved != "x://far@1" || got.Fetched[1].Source != "x://top" || got.Fetched[1].Digest == "" {
		t.Errorf("it was fetched: %+v", got.Fetched)
	}
	if want := []Beside{{app, false}, {near, false}}; !slices.Equal(f.asked["x://far"], want) {
		t.Errorf("far was asked for beside %v", f.asked["x://far"])
	}
	if want := []Beside{{app, false}, {near, false}, {far, true}, {filepath.Join(far, "inner"), true}}; !slices.Equal(f.asked["x://top"], want) {
		t.Errorf("top was asked for beside %v", f.asked["x://top"])
	}
	if p := got.PlaceOf("tags", "inner"); p.String() != "inner: template.yaml:3" || p.File != filepath.Join(far, "inner", "template.yaml") {
		t.Errorf("its tag inner is from %s in %s", p, p.File)
	}
	var said []string
	for _, p := range got.Review() {
		said = append(said, p.String())
	}
	if len(said) != 2 || !strings.Contains(said[0], "x://far may be another template tomorrow") {
		t.Errorf("a review says %q", said)
	}
	if again, err := Find("x://far", f.sources()); err != nil || len(again.Fetched) != 1 {
		t.Errorf("far by itself: %v", err)
	}
}

// TestRemoteParentRefused tells for what a parent with an address cannot be which reason is
// given.
func TestRemoteParentRefused(t *testing.T) {
	f := newFarms(t, map[string]string{
		"cycle/template.yaml":    "name: cycle\nextends: x://back\n",
		"back/template.yaml":     "name: back\nextends: x://cycle\n",
		"self/template.yaml":     "name: self\nextends: .\n",
		"file/template.yaml":     "name: file\nextends: git+file:///srv/t\n",
		"out/template.yaml":      "name: out\nextends: ../back\n",
		"name/template.yaml":     "name: name\nextends: hello\n",
		"faulty/template.yaml":   "name: faulty\nos: debian-12\ntag: [x]\n",
		"empty/x":                "",
		"conf/template.conf":     "TEMPLATE_OS=debian\n",
		"1/template.yaml":        "name: n1\nextends: x://2\n",
		"2/template.yaml":        "name: n2\nextends: x://3\n",
		"3/template.yaml":        "name: n3\nextends: x://4\n",
		"4/template.yaml":        "name: n4\nextends: x://5\n",
		"5/template.yaml":        "name: n5\nos: debian-12\n",
		"unsigned/template.yaml": "name: unsigned\nos: debian-12\n",
		"via/template.yaml":      "name: via\nextends: x://unsigned\n",
	})
	f.refuse["x://unsigned"] = errors.New("it has no signature")
	for _, c := range []struct{ extends, want string }{
		{"x://cycle", "they extend one another: app → cycle → back → cycle"},
		{"x://self", "they extend one another: app → self → ."},
		{"x://file", "a template from elsewhere must not name a repository of this machine"},
		{"x://out", "the path leads out of what this template came with"},
		{"x://name", "a name means another template on each machine"},
		{"x://faulty", `unknown key "tag"`},
		{"x://empty", "there is no folder with a template.yaml"},
		{"x://conf", "it is a template.conf"},
		{"y://z", "its address is not known"},
		{"x://1", "at most 5 templates extend one another: app → 1 → 2 → 3 → 4 → x://5"},
		{"x://down", "cannot extend x://down (" + filepath.Join("app", "template.yaml") + ":2:10): the server is down"},
		{"x://unsigned", "it has no signature"},
		{"x://via", "cannot extend x://unsigned (" + filepath.Join(f.dir, "via", "template.yaml") + ":2:10): it has no signature"},
	} {
		dir := t.TempDir()
		t.Chdir(dir)
		if err := os.Mkdir("app", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("app/template.yaml", []byte("name: app\nextends: "+c.extends+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := LoadDir("app", f.sources()...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.extends, err, c.want)
		}
	}
	if _, ok := f.asked["x://5"]; ok {
		t.Error("a sixth template was fetched")
	}
}
