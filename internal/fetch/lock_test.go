package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var hex64 = strings.Repeat("0a", 32)

func TestLock(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	one := w.commit("main", "one")
	sum := w.publish("web.tar.gz", w.template(t, "one"))
	l := &Lock{Path: filepath.Join(dir, LockName)}
	f := w.fetcher(Options{})
	set := func(f *Fetcher, text, digest string) {
		t.Helper()
		found := w.resolve(f, text, "", Anew)
		if _, err := l.Set(found.Source, found.Resolved, digest); err != nil {
			t.Fatal(err)
		}
	}
	set(f, "https://"+w.host+"/web.tar.gz", "d2")
	set(f, w.git("//web@main"), "d0")
	set(f, w.git("//web@main"), "d1")
	if err := l.Write(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(l.Path)
	want := lockHead + "version: 1\ntemplates:\n" +
		"  - source: " + w.git("//web@main") + "\n    commit: " + one + "\n    digest: d1\n" +
		"  - source: https://" + w.host + "/web.tar.gz\n    sha256: " + sum + "\n    digest: d2\n"
	if err != nil || string(text) != want {
		t.Fatalf("the file holds, %v:\n%s\nwant:\n%s", err, text, want)
	}
	l, err = ReadLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.commit("main", "two")
	f = w.fetcher(Options{Locks: []*Lock{nil, l}, Locked: true})
	found := w.resolve(f, w.git("//web@main"), "", Anew)
	w.holds(found, "files/index.html", "one")
	if err := f.CheckDigest(found, "d1"); err != nil {
		t.Errorf("the right digest: %v", err)
	}
	if err := f.CheckDigest(found, "d0"); err == nil || !strings.Contains(err.Error(), "its digest is d0 and not d1") {
		t.Errorf("another digest: %v", err)
	}
	e := w.refused(f, w.git("//web"), "with --locked: "+l.Path+" does not have it")
	if got := e.Commands(func(words ...string) string { return strings.Join(words, " ") }); len(got) != 1 || got[0] != "template lock "+w.git("//web") {
		t.Errorf("the next step is %q", got)
	}
	w.refused(w.fetcher(Options{Locked: true}), w.git("//web"), "there is no infrahaus.lock")
}

func TestLockRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"":                           "EOF",
		"version: 2\n":               "version 2",
		"templates: []\n":            "version 0",
		"version: 1\nextra: 1\n":     "field extra not found",
		"version: 1\ntemplates: 1\n": "cannot unmarshal",
		"version: 1\ntemplates: [{source: nginx, commit: x}]\n":                                                                      "cannot use the template's address",
		"version: 1\ntemplates: [{source: 'git+https://h/t', commit: main}]\n":                                                       "needs a whole commit",
		"version: 1\ntemplates: [{source: 'https://h/t.tar.gz', commit: " + strings.Repeat("0a", 20) + "}]\n":                        "needs a whole commit, or for an archive a sha256",
		"version: 1\nimages: [{image: 'nginx:1', digest: 'sha256:" + hex64 + "'}]\n":                                                 "needs its registry, its path and a tag",
		"version: 1\nimages: [{image: 'docker.io/library/nginx:1', digest: 'sha256:0a'}]\n":                                          "and a whole digest",
		"version: 1\nimages: [{image: 'h/a:1', digest: 'sha256:" + hex64 + "'}, {image: 'h/a:1', digest: 'sha256:" + hex64 + "'}]\n": "h/a:1 is there twice",
	} {
		if _, err := parseLock("infrahaus.lock", []byte(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v; want %q", text, err, why)
		}
	}
	if l, err := ReadLock(t.TempDir()); l != nil || err != nil {
		t.Errorf("without a file: %v, %v", l, err)
	}
}

func TestLockOfImages(t *testing.T) {
	l := &Lock{Path: filepath.Join(t.TempDir(), LockName)}
	l.SetImage("docker.io/library/nginx:1.29", "sha256:00")
	l.SetImage("docker.io/library/nginx:1.29", "sha256:"+hex64)
	l.SetImage("127.0.0.1:5000/a/b:1", "sha256:"+hex64)
	if err := l.Write(); err != nil {
		t.Fatal(err)
	}
	again, err := ReadLock(filepath.Dir(l.Path))
	if err != nil || len(again.Images) != 2 || again.Image("docker.io/library/nginx:1.29") != "sha256:"+hex64 || again.Image("docker.io/library/nginx:1.30") != "" {
		t.Errorf("%+v, %v", again, err)
	}
}

func FuzzLock(f *testing.F) {
	f.Add([]byte("version: 1\ntemplates:\n  - source: git+https://h/t\n    commit: " + strings.Repeat("0a", 20) + "\n    digest: x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLock(filepath.Join(t.TempDir(), LockName), data)
		if err != nil {
			return
		}
		if err := l.Write(); err != nil {
			t.Fatal(err)
		}
		if again, err := ReadLock(filepath.Dir(l.Path)); err != nil || len(again.Entries) != len(l.Entries) || len(again.Images) != len(l.Images) {
			t.Errorf("%q comes back as %v, %v", data, again, err)
		}
	})
}
