package guest

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func archive(t testing.TB, list ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range list {
		body := ""
		if h.Typeflag == tar.TypeReg {
			body = "hostile"
			h.Size = int64(len(body))
		}
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpackInto unpacks into a folder beside one that must stay as it is.
func unpackInto(t testing.TB, b []byte) (dir string, u Unpacked, err error) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "in")
	if err := os.MkdirAll(filepath.Join(top, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	u, err = Unpack(bytes.NewReader(b), root)
	var outside []string
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a folder without permissions is below in
		}
		if path != top && path != dir && path != filepath.Join(top, "out") && !strings.HasPrefix(path, dir+"/") {
			outside = append(outside, path)
		}
		return nil
	})
	if len(outside) > 0 {
		t.Fatalf("outside of the destination: %v", outside)
	}
	return dir, u, err
}

func TestUnpackHostile(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644} }
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	for what, list := range map[string][]tar.Header{
		"up":                   {file("../out/x")},
		"up in the midst":      {file("a/../../out/x")},
		"absolute":             {file("/tmp/infrahaus-hostile")},
		"a folder up":          {{Typeflag: tar.TypeDir, Name: "../out2/", Mode: 0o755}},
		"through a link":       {link("l", "../out"), file("l/x")},
		"through two links":    {link("a", ".."), link("b", "a/out"), file("b/x")},
		"a link in a link":     {link("l", "../out"), link("l/x", "/etc/passwd")},
		"a hard link out":      {{Typeflag: tar.TypeLink, Name: "h", Linkname: "../../../etc/passwd"}},
		"a folder over a link": {link("l", "../out"), {Typeflag: tar.TypeDir, Name: "l/new/", Mode: 0o755}},
	} {
		if _, _, err := unpackInto(t, archive(t, list...)); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	dir, u, err := unpackInto(t, archive(t, tar.Header{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666, Devmajor: 1, Devminor: 3},
		tar.Header{Typeflag: tar.TypeFifo, Name: "pipe"}, link("passwd", "/etc/passwd"), file("passwd")))
	if err != nil || len(u.Refused) != 2 || u.Files != 2 {
		t.Errorf("%+v %v", u, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "passwd")); err != nil || string(b) != "hostile" {
		t.Errorf("a file in the place of a link: %q %v", b, err)
	}
}

func TestUnpackKeeps(t *testing.T) {
	at := time.Unix(1e9, 0)
	dir, u, err := unpackInto(t, archive(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o750, ModTime: at},
		tar.Header{Typeflag: tar.TypeDir, Name: "./d/", Mode: 0o500, ModTime: at},
		tar.Header{Typeflag: tar.TypeReg, Name: "./d/f", Mode: 0o6751, ModTime: at},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./l", Linkname: "d/f"},
		tar.Header{Typeflag: tar.TypeLink, Name: "./h", Linkname: "./d/f"}))
	if err != nil || u.Files != 3 {
		t.Fatalf("%+v %v", u, err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "d"), 0o700) })
	for name, want := range map[string]fs.FileMode{"d": fs.ModeDir | 0o500, "d/f": 0o751} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want || !info.ModTime().Equal(at) {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if to, err := os.Readlink(filepath.Join(dir, "l")); to != "d/f" {
		t.Error(to, err)
	}
}

// A file that did not come whole is not there.
func TestUnpackShort(t *testing.T) {
	b := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644})
	dir, _, err := unpackInto(t, b[:515])
	if err == nil {
		t.Error("no error")
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("%v", list)
	}
}

// FuzzUnpack checks that no archive writes outside of its destination.
func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "../out"}, tar.Header{Typeflag: tar.TypeReg, Name: "l/x"}))
	f.Add(archive(f, tar.Header{Typeflag: tar.TypeReg, Name: "../out/x"}))
	f.Fuzz(func(t *testing.T, b []byte) { _, _, _ = unpackInto(t, b) })
}
