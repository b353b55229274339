package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestShip(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) { ship(t, name, argv, false) })
		t.Run(name+" without tar", func(t *testing.T) { ship(t, name, argv, true) })
	}
}

func ship(t *testing.T, name string, argv []string, noTar bool) {
	g := shared(t, argv...)
	staging := filepath.Join(t.TempDir(), "new", "sta'ging")
	os.MkdirAll(staging+"/old", 0o755)
	long := strings.Repeat("deep/", 60) + "file"
	big := bytes.Repeat([]byte("0123456789abcdef"), 70000)
	var out, errs bytes.Buffer
	s := Shipment{Label: "ship", Staging: staging, NoTar: noTar, Stdout: &out, Stderr: &errs,
		Files: []File{
			{Path: "b.sh", Mode: 0o755, Content: []byte("#!/bin/sh\n")},
			{Path: "a dir/it's.conf", Mode: 0o640, Content: []byte("x\x00y")},
			{Path: "empty", Mode: 0o600},
			{Path: long, Mode: 0o600, Content: []byte("deep")},
			{Path: "big", Mode: 0o600, Size: int64(len(big)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(big)), nil }},
		},
		Then: `ls; cat "a dir/it's.conf" | wc -c | tr -d ' '; pwd >&2; exit 4`}
	before := g.Stats().Commands
	status, err := Ship(ctxFor(t), g, s)
	if err != nil || status != 4 || out.String() != "a dir\nb.sh\nbig\ndeep\nempty\n3\n" || errs.String() != staging+"\n" {
		t.Fatalf("%v %d %q %q", err, status, out.String(), errs.String())
	}
	for path, mode := range map[string]fs.FileMode{"b.sh": 0o755, "a dir/it's.conf": 0o640, long: 0o600, "": 0o700, "a dir": 0o700} {
		if name == "busybox" && os.Getuid() != 0 {
			mode &^= 0o077 // busybox's tar keeps to the umask unless root runs it, as in a guest
		}
		info, err := os.Stat(filepath.Join(staging, path))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	if got, _ := os.ReadFile(staging + "/big"); !bytes.Equal(got, big) {
		t.Errorf("big: %d bytes", len(got))
	}
	if n := g.Stats().Commands - before; n != 1 {
		t.Errorf("%d commands", n)
	}
}

// Nothing at the staging folder's place is followed or kept.
func TestShipOverALink(t *testing.T) {
	g := shared(t)
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	os.MkdirAll(victim, 0o755)
	os.WriteFile(victim+"/f", []byte("keep"), 0o644)
	os.Symlink(victim, dir+"/staging")
	status, err := Ship(ctxFor(t), g, Shipment{Staging: dir + "/staging", Files: []File{{Path: "f", Mode: 0o600, Content: []byte("new")}}})
	if b, _ := os.ReadFile(victim + "/f"); err != nil || status != 0 || string(b) != "keep" {
		t.Errorf("%v %d %q", err, status, b)
	}
}

func TestShipRefuses(t *testing.T) {
	_, g := open(t)
	dir := t.TempDir()
	for name, s := range map[string]Shipment{
		"climbs":      {Staging: dir + "/s", Files: []File{{Path: "../x"}}},
		"absolute":    {Staging: dir + "/s", Files: []File{{Path: "/x"}}},
		"twice":       {Staging: dir + "/s", Files: []File{{Path: "x"}, {Path: "x"}}},
		"line end":    {Staging: dir + "/s", Files: []File{{Path: "x\ny"}}},
		"relative":    {Staging: "s", Files: []File{{Path: "x"}}},
		"root":        {Staging: "/.", Files: []File{{Path: "x"}}},
		"cannot open": {Staging: dir + "/s", Files: []File{{Path: "x", Size: 1, Open: func() (io.ReadCloser, error) { return nil, errors.New("no") }}}},
	} {
		if _, err := Ship(ctxFor(t), g, s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestShipNoRoom(t *testing.T) {
	g := shared(t)
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	_, err := Ship(ctxFor(t), g, Shipment{Staging: file + "/s", Files: []File{{Path: "x", Content: []byte("x")}}})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Failed || !strings.HasSuffix(err.Error(), "did not arrive whole") || !strings.HasPrefix(e.Tail, "mkdir") {
		t.Errorf("%v", err)
	}
}

// The order of the files does not change the archive, and its size is known.
func TestPack(t *testing.T) {
	var files []File
	for i := range 200 {
		files = append(files, File{Path: fmt.Sprintf("d/%s%d", strings.Repeat("x", i), i), Content: make([]byte, i*7), User: "www-data", UID: 33})
	}
	s := Shipment{Staging: "/s", Files: files}
	one, _ := s.ordered()
	for i, j := 0, len(files)-1; i < j; i, j = i+1, j-1 {
		files[i], files[j] = files[j], files[i]
	}
	two, _ := s.ordered()
	var a, b bytes.Buffer
	if err := errors.Join(pack(&a, one), pack(&b, two)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) || packedSize(one) != int64(a.Len()) {
		t.Errorf("%d, %d, said %d", a.Len(), b.Len(), packedSize(one))
	}
}

// BenchmarkShip is a thousand files of 4 KiB; BenchmarkTar the one stream that it is compared with.
func BenchmarkShip(b *testing.B) {
	g := benchGuest(b)
	for b.Loop() {
		if status, err := Ship(b.Context(), g, Shipment{Staging: b.TempDir() + "/s", Files: thousand()}); err != nil || status != 0 {
			b.Fatal(err, status)
		}
	}
}

func BenchmarkTar(b *testing.B) {
	g := benchGuest(b)
	var archive bytes.Buffer
	if err := pack(&archive, thousand()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c := g.(*shell).open.(*sshTransport).client
		s, err := c.NewSession()
		if err != nil {
			b.Fatal(err)
		}
		s.Stdin = bytes.NewReader(archive.Bytes())
		if err := s.Run("tar -xpf - -C " + b.TempDir()); err != nil {
			b.Fatal(err)
		}
	}
}

func thousand() []File {
	var files []File
	for i := range 1000 {
		files = append(files, File{Path: fmt.Sprintf("f%04d", i), Mode: 0o644, Content: bytes.Repeat([]byte{byte(i)}, 4096)})
	}
	return files
}

// A link planted in the staging folder's place, in it, or above it, leads nothing
// anywhere else: neither the files, nor what is removed to make room for them.
func TestShipFollowsNoLink(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			g := shared(t, argv...)
			for where, plant := range map[string]func(dir, victim string) string{ // returns the staging folder
				"in its place": func(dir, victim string) string { os.Symlink(victim, dir+"/s"); return dir + "/s" },
				"to nowhere":   func(dir, _ string) string { os.Symlink("/nonexistent/x", dir+"/s"); return dir + "/s" },
				"in it": func(dir, victim string) string {
					os.MkdirAll(dir+"/s", 0o777)
					os.Symlink(victim, dir+"/s/sub")
					os.Symlink(victim+"/keep", dir+"/s/f")
					return dir + "/s"
				},
				"above it": func(dir, victim string) string {
					os.Mkdir(victim+"/s", 0o755)
					os.WriteFile(victim+"/s/inner", []byte("old"), 0o644)
					os.Symlink(victim, dir+"/up")
					return dir + "/up/s"
				},
				"above it, with a slash": func(dir, victim string) string { os.Symlink(victim, dir+"/up"); return dir + "/up//s/" },
			} {
				dir, victim := t.TempDir(), t.TempDir()
				os.WriteFile(victim+"/keep", []byte("old"), 0o644)
				staging := plant(dir, victim)
				before := tree(t, victim)
				status, err := Ship(ctxFor(t), g, Shipment{Staging: staging, Then: "pwd >/dev/null",
					Files: []File{{Path: "f", Mode: 0o600, Content: []byte("new")}, {Path: "sub/keep", Mode: 0o600, Content: []byte("new")}}})
				if after := tree(t, victim); after != before {
					t.Errorf("%s: the link was followed: %q became %q (%d, %v)", where, before, after, status, err)
				}
				if strings.HasPrefix(where, "above") {
					if err == nil {
						t.Errorf("%s: shipped all the same", where)
					}
					continue
				}
				info, serr := os.Lstat(staging)
				if err != nil || status != 0 || serr != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
					t.Errorf("%s: %d, %v; %v, %v", where, status, err, info, serr)
				}
			}
		})
	}
}

// tree is what is in a folder: names, kinds and contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		text, _ := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %v %q\n", strings.TrimPrefix(path, dir), d.Type(), text)
		return err
	})
	return b.String()
}
