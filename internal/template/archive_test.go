package template

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// shop is a template in a folder, which extends another one by its name and has a key with an
// address, an executable file and a link.
func shop(t *testing.T, dir string, changes map[string]string) *Template {
	t.Helper()
	key := keyFile(t, "ed25519.asc")
	sum := sha256.Sum256([]byte(key))
	files := map[string]string{
		"base/template.yaml": "name: base\nos: debian-12\nfiles: [{source: tool, target: /usr/local/bin/}]\nrepositories: [{name: x, uris: [https://example.org/deb], suites: [./], " +
			"key: 'https://example.org/x.asc', sha256: " + hex.EncodeToString(sum[:]) + "}]\n",
		"base/files/tool":         "#!/bin/sh\n",
		"shop/template.yaml":      "name: shop\nextends: base\npackages: {apt: [curl]}\nfiles: [{source: link, target: /etc/shop}]\n",
		"shop/files/a":            "a\n",
		"shop/scripts/10-shop.sh": "#!/bin/sh\necho shop\n",
		"shop/template.sig":       "a signature",
		"shop/private":            "of the user, and not of the template",
	}
	for name, text := range changes {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(dir, "shop/files/link")); err != nil {
		t.Fatal(err)
	}
	sources := []Source{{Dir: dir}, {Key: func(string, string) ([]byte, error) { return []byte(key), nil }}}
	tm, err := Find("shop", sources)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func packed(t *testing.T, tm *Template) Archive {
	t.Helper()
	a, err := tm.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestArchive(t *testing.T) {
	tm := shop(t, t.TempDir(), nil)
	a := packed(t, tm)
	if again := packed(t, shop(t, t.TempDir(), nil)); again.Digest != a.Digest || !bytes.Equal(again.Data, a.Data) {
		t.Error("the same files in another folder make another archive")
	}
	if other := packed(t, shop(t, t.TempDir(), map[string]string{"base/files/tool": "#!/bin/bash\n"})); other.Digest == a.Digest {
		t.Error("another file of the parent makes the same archive")
	}
	dir := t.TempDir()
	u, err := a.Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if u.Name != "shop" || u.Digest != tm.Digest || len(u.Repositories) != 1 || len(u.Scripts) != 1 {
		t.Errorf("it has become another template: %+v", u.Template)
	}
	for _, f := range tm.Files {
		for _, g := range u.Files {
			if f.Target != g.Target {
				continue
			}
			want, err := f.Content(Values{})
			have, other := g.Content(Values{})
			if err != nil || other != nil || !bytes.Equal(want, have) || f.Mode != g.Mode {
				t.Errorf("%s: %q %o, %v; in the archive %q %o, %v", f.Target, want, f.Mode, err, have, g.Mode, other)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(u.Folder, "template.sig")); err != nil {
		t.Error("the signature is not in the archive:", err)
	}
	if _, err := os.Stat(filepath.Join(u.Folder, "private")); err == nil {
		t.Error("the archive has a file that is not the template's")
	}
	// The template of an archive can go into another one.
	if again := packed(t, u.Template); again.Digest != a.Digest {
		t.Error("an archive of what was unpacked is another one")
	}
}

func TestArchiveRefuses(t *testing.T) {
	big := strings.Repeat("x", MaxArchive/2+1)
	tm := shop(t, t.TempDir(), map[string]string{"base/files/big": big, "shop/files/big": big})
	var large *TooLarge
	if _, err := tm.Pack(); !errors.As(err, &large) || !strings.Contains(err.Error(), "have 16.0 MiB, and an archive takes 16 MiB at most") {
		t.Errorf("too large: %v", err)
	}
	m := folder("template.yaml", least, "files/a", "before")
	tm = mustLoad(t, m)
	m["files/a"] = &fstest.MapFile{Data: []byte("after")}
	if _, err := tm.Pack(); err == nil || !strings.Contains(err.Error(), "cannot read files/a: it has changed meanwhile") {
		t.Errorf("changed meanwhile: %v", err)
	}
}

// entry is a file of an archive.
type entry struct {
	name, text string
	kind       byte // 0: an ordinary file
}

// made makes an archive of any files.
func made(t *testing.T, entries ...entry) Archive {
	t.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.text)), Mode: 0o777, Typeflag: e.kind}
		if e.kind != 0 {
			h.Size, h.Linkname = 0, e.text
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.kind == 0 {
			w.Write([]byte(e.text))
		}
	}
	w.Close()
	a, err := archiveOf(text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestHostileArchives(t *testing.T) {
	index, own := entry{name: archiveIndex, text: `{"format":1,"templates":["a"]}`}, entry{name: "0/template.yaml", text: least}
	good := made(t, index, own)
	if u, err := good.Unpack(t.TempDir()); err != nil || u.Name != "web" {
		t.Fatalf("a good one: %v", err)
	}
	bomb := &bytes.Buffer{}
	z := gzip.NewWriter(bomb)
	z.Write(make([]byte, MaxArchive+1))
	z.Close()
	with := func(name, text string, kind byte) Archive { return made(t, index, own, entry{name, text, kind}) }
	parent := `{"format":1,"templates":["a","b"]}`
	for _, c := range []struct {
		name string
		a    Archive
		err  string
	}{
		{"another digest", Archive{strings.Repeat("0", 64), good.Data}, "its digest is " + good.Digest},
		{"damaged", Archive{good.Digest, good.Data[:len(good.Data)/2]}, "unexpected EOF"},
		{"no archive", Archive{good.Digest, []byte("x")}, "EOF"},
		{"a few bytes that stand for many", Archive{good.Digest, bomb.Bytes()}, "it has more than 16 MiB"},
		{"nothing in it", made(t), "EOF"},
		{"no contents", made(t, own), "it is not the archive of a template"},
		{"no templates", made(t, entry{name: archiveIndex, text: `{"format":1}`}, own), "it has 0 templates"},
		{"a newer format", made(t, entry{name: archiveIndex, text: `{"format":2,"templates":["a"]}`}, own), "it has format 2"},
		{"up", with("0/../../x", "x", 0), "is no name"},
		{"up at once", with("../x", "x", 0), "is no name"},
		{"absolute", with("/etc/x", "x", 0), "is no name"},
		{"beside the templates", with("x", "x", 0), "is no name"},
		{"another number", with("1/x", "x", 0), "is no name"},
		{"a number in other words", with("00/x", "x", 0), "is no name"},
		{"a backslash", with(`0/..\x`, "x", 0), "is no name"},
		{"an empty part", with("0//x", "x", 0), "is no name"},
		{"twice", with("0/template.yaml", "x", 0), "exist"},
		{"below a file", with("0/template.yaml/x", "x", 0), "exist"},
		{"a link", with("0/files/x", "/etc/passwd", tar.TypeSymlink), "is not an ordinary file"},
		{"a hard link", with("0/files/x", "/etc/passwd", tar.TypeLink), "is not an ordinary file"},
		{"a folder", with("0/files/", "", tar.TypeDir), "is not an ordinary file"},
		{"a device", with("0/files/x", "", tar.TypeChar), "is not an ordinary file"},
		{"a parent without files", made(t, entry{name: archiveIndex, text: parent}, own), `it has no files of "b"`},
		{"a parent too many", made(t, entry{name: archiveIndex, text: parent}, own, entry{name: "1/template.yaml", text: least}), "templates that it does not extend"},
		{"no parent", made(t, index, entry{name: "0/template.yaml", text: "name: a\nextends: /etc\n"}), "the archive does not have it"},
		{"no template", made(t, index, entry{name: "0/x", text: "x"}), "no template.yaml"},
		{"no key", made(t, index, entry{name: "0/template.yaml", text: least + "repositories: [{name: x, uris: [https://example.org], suites: [./], key: 'https://example.org/k', sha256: " + strings.Repeat("0", 64) + "}]\n"}),
			"the archive does not have the key"},
	} {
		top := t.TempDir()
		dir := filepath.Join(top, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		u, err := c.a.Unpack(dir)
		if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "cannot unpack the template: ") {
			t.Errorf("%s: %+v, %v", c.name, u, err)
		}
		if out, _ := os.ReadDir(top); len(out) != 1 {
			t.Errorf("%s: it has written outside of its folder: %v", c.name, out)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := archiveOf(text)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := a.Unpack(t.TempDir()); err == nil {
			u.Close()
		}
	})
}
