package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// entry is one entry of an archive that a test makes.
type entry struct {
	name, body, link string
	kind             byte // 0: a file
	mode             int64
}

func archiveOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: 0o644, Size: int64(len(e.body))}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if e.mode != 0 {
			h.Mode = e.mode
		}
		if e.kind == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: e.kind, PAXRecords: map[string]string{"comment": e.name}}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpackInto unpacks to DIR/inside, so that a test sees what was written beside it.
func unpackInto(t testing.TB, dir string, data []byte, l limits) error {
	t.Helper()
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return unpack(context.Background(), bytes.NewReader(data), int64(len(data)), newUnpacker(root, l))
}

// forms are the same entries as archives of every form, by the ending of their names.
func forms(t testing.TB, entries ...entry) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archiveOf(t, entries...)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{".tar.gz": archiveOf(t, entries...), ".tar": plain, ".tar.zst": w.EncodeAll(plain, nil), ".zip": zipOf(t, entries...)}
}

// zipOf makes a zip archive. There are no hard links and global headers in one.
func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		mode, body := fs.FileMode(0o644), e.body
		if e.mode != 0 {
			mode = fs.FileMode(e.mode & 0o777)
		}
		switch e.kind {
		case tar.TypeXGlobalHeader, tar.TypeLink:
			continue
		case tar.TypeDir:
			h.Name = strings.TrimSuffix(e.name, "/") + "/"
			h.Method = zip.Store
		case tar.TypeSymlink:
			mode, body = mode|fs.ModeSymlink, e.link
		case tar.TypeBlock:
			mode |= fs.ModeDevice
		case tar.TypeFifo:
			mode |= fs.ModeNamedPipe
		}
		h.SetMode(mode)
		out, err := w.CreateHeader(h)
		if err == nil && e.kind != tar.TypeDir {
			_, err = io.WriteString(out, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	for form, data := range forms(t, entry{name: "pax_global_header", kind: tar.TypeXGlobalHeader}, entry{name: "./", kind: tar.TypeDir},
		entry{name: "./web/", kind: tar.TypeDir}, entry{name: "web/template.yaml", body: "name: web\n"},
		entry{name: "web/scripts/10-x.sh", body: "#!/bin/sh\n", mode: 0o6755}, entry{name: "web/files/link", link: "../template.yaml", kind: tar.TypeSymlink}) {
		dir := t.TempDir()
		if err := unpackInto(t, dir, data, standard); err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		for name, want := range map[string]string{"web/template.yaml": "name: web\n", "web/files/link": "name: web\n", "web/scripts/10-x.sh": "#!/bin/sh\n"} {
			if got, err := os.ReadFile(filepath.Join(dir, "inside", name)); err != nil || string(got) != want {
				t.Errorf("%s: %s holds %q, %v", form, name, got, err)
			}
		}
		info, err := os.Stat(filepath.Join(dir, "inside/web/scripts/10-x.sh"))
		if err != nil || info.Mode() != 0o755 {
			t.Errorf("%s: the script has mode %v, %v; want 0755 without the setuid bit", form, info.Mode(), err)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	small := limits{entries: 8, total: 100, file: 50, depth: 3, name: 40}
	deep := "a/b/c/d"
	for name, c := range map[string]struct {
		entries []entry
		why     string
	}{
		"absolute":               {[]entry{{name: "/etc/passwd"}}, "leads out"},
		"parent":                 {[]entry{{name: "../out"}}, "leads out"},
		"parent within":          {[]entry{{name: "a/../../out"}}, "leads out"},
		"empty part":             {[]entry{{name: "a//b"}}, "empty parts"},
		"backslash":              {[]entry{{name: `a\..\..\out`}}, "not every system"},
		"drive":                  {[]entry{{name: "C:out"}}, "not every system"},
		"control character":      {[]entry{{name: "a\x1b[31m"}}, "not every system"},
		"git's own":              {[]entry{{name: "a/.GIT/config"}}, "git's own"},
		"absolute link":          {[]entry{{name: "l", link: "/etc", kind: tar.TypeSymlink}}, "link out of"},
		"link out":               {[]entry{{name: "a/l", link: "../../x", kind: tar.TypeSymlink}}, "link out of"},
		"link to nowhere":        {[]entry{{name: "l", link: "none", kind: tar.TypeSymlink}}, "leads nowhere"},
		"link to itself":         {[]entry{{name: "l", link: "l", kind: tar.TypeSymlink}}, "leads nowhere"},
		"file through a link":    {[]entry{{name: "l", link: ".", kind: tar.TypeSymlink}, {name: "l/x"}}, "there twice"},
		"link over a folder":     {[]entry{{name: "l/x"}, {name: "l", link: ".", kind: tar.TypeSymlink}}, "there twice"},
		"link by a link out":     {[]entry{{name: "x/f"}, {name: "a/b/l", link: "../../x", kind: tar.TypeSymlink}, {name: "m", link: "a/b/l/../..", kind: tar.TypeSymlink}}, "out of its folder"},
		"hard link":              {[]entry{{name: "h", link: "/etc/passwd", kind: tar.TypeLink}}, "hard link"},
		"device":                 {[]entry{{name: "d", kind: tar.TypeBlock}}, "neither a file"},
		"pipe":                   {[]entry{{name: "d", kind: tar.TypeFifo}}, "neither a file"},
		"twice":                  {[]entry{{name: "a"}, {name: "a"}}, "there twice"},
		"twice but for case":     {[]entry{{name: "a"}, {name: "A"}}, "one name on some systems"},
		"folders but for case":   {[]entry{{name: "a/x"}, {name: "A/y"}}, "one name on some systems"},
		"file as folder":         {[]entry{{name: "a"}, {name: "a/b"}}, "there twice"},
		"too deep":               {[]entry{{name: deep}}, "deeper than"},
		"too long":               {[]entry{{name: strings.Repeat("n", 41)}}, "longer than"},
		"too many":               {[]entry{{name: "1"}, {name: "2"}, {name: "3"}, {name: "4"}, {name: "5"}, {name: "6"}, {name: "7"}, {name: "8"}, {name: "9"}}, "more than 8 files"},
		"too many folders":       {[]entry{{name: "1/2/x"}, {name: "3/4/x"}, {name: "5/6/x"}}, "more than 8 files"},
		"one too large":          {[]entry{{name: "a", body: strings.Repeat("x", 51)}}, "is larger"},
		"too large all together": {[]entry{{name: "a", body: strings.Repeat("x", 50)}, {name: "b", body: strings.Repeat("x", 50)}, {name: "c", body: "x"}}, "holds more than"},
	} {
		t.Run(name, func(t *testing.T) {
			for form, data := range forms(t, c.entries...) {
				if form == ".zip" && name == "hard link" {
					continue
				}
				dir := t.TempDir()
				err := unpackInto(t, dir, data, small)
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%s: it says %v, not %q", form, err, c.why)
				}
				if beside, err := os.ReadDir(dir); err != nil || len(beside) != 1 {
					t.Errorf("%s: beside the folder there is %v, %v", form, beside, err)
				}
			}
		})
	}
}

// A small archive must not keep the program busy for hours.
func TestUnpackBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	zeros := make([]byte, 1<<20)
	if err := w.WriteHeader(&tar.Header{Name: "x", Size: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	l := standard
	l.total, l.file = 1<<20, 1<<20
	if err := unpackInto(t, t.TempDir(), b.Bytes(), l); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("it says %v", err)
	}
	whole := forms(t, entry{name: "a", body: strings.Repeat("some text ", 400)})
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("hello"), "cut": b.Bytes()[:1000], "gzip": {0x1f, 0x8b, 0}, "zstd": {0x28, 0xb5, 0x2f, 0xfd, 0},
		"cut zstd": whole[".tar.zst"][:60], "cut zip": whole[".zip"][:60], "damaged zip": damage(whole[".zip"], 40), "damaged zstd": damage(whole[".tar.zst"], 40),
		"zstd with a large window": {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0, 0, 0},
	} {
		err := unpackInto(t, t.TempDir(), data, standard)
		if name != "empty" && err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// damage flips a byte.
func damage(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 0xff
	return data
}

// TestUnpackZip: zip archives have faults that others cannot have.
func TestUnpackZip(t *testing.T) {
	made := func(change func(*zip.FileHeader)) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		h := &zip.FileHeader{Name: "a"}
		change(h)
		if _, err := w.CreateRaw(h); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var many bytes.Buffer
	w := zip.NewWriter(&many)
	for i := range maxDirectory>>20*16 + 1 {
		if _, err := w.Create(strings.Repeat("n", 65_000) + strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sound := zipOf(t, entry{name: "a", body: "text"})
	for name, c := range map[string]struct {
		data []byte
		why  string
	}{
		"encrypted":           {made(func(h *zip.FileHeader) { h.Flags = 1 }), "is encrypted"},
		"another compression": {made(func(h *zip.FileHeader) { h.Method = 14 }), "compressed in a way that is not known (14)"},
		"endless link":        {zipOf(t, entry{name: "l", link: strings.Repeat("x", 2000), kind: tar.TypeSymlink}), "longer than 1024 bytes"},
		"endless list":        {many.Bytes(), "list of entries is larger than 8 MiB"},
		"wrong sum":           {damage(sound, bytes.Index(sound, []byte("PK\x01\x02"))+16), "damaged"},
	} {
		if err := unpackInto(t, t.TempDir(), c.data, standard); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: it says %v, not %q", name, err, c.why)
		}
	}
	if err := unpackInto(t, t.TempDir(), zipOf(t), standard); err != nil {
		t.Errorf("an empty one: %v", err)
	}
}

func TestAllowed(t *testing.T) {
	for _, c := range [][3]int64{{512 << 20, 100, 64 << 20}, {512 << 20, 1 << 20, 200 << 20}, {512 << 20, 100 << 20, 512 << 20}, {1 << 10, 100, 1 << 10}} {
		if got := allowed(c[0], c[1]); got != c[2] {
			t.Errorf("of %d bytes, %d are allowed, not %d", c[1], got, c[2])
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archiveOf(f, entry{name: "a/template.yaml", body: "name: a\n"}, entry{name: "l", link: "a", kind: tar.TypeSymlink}))
	f.Add(archiveOf(f, entry{name: "../x", body: "x"}))
	plain, _ := gzip.NewReader(bytes.NewReader(archiveOf(f, entry{name: "a", body: "x"}, entry{name: "l", link: "../..", kind: tar.TypeSymlink})))
	raw, _ := io.ReadAll(plain)
	f.Add(raw)
	for _, data := range forms(f, entry{name: "a", body: "x", mode: 0o755}, entry{name: "b/", kind: tar.TypeDir}, entry{name: "l", link: "../..", kind: tar.TypeSymlink}) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		small := limits{entries: 50, total: 1 << 16, file: 1 << 15, depth: 8, name: 100}
		err := unpackInto(t, dir, data, small)
		beside, failed := os.ReadDir(dir)
		if failed != nil || len(beside) != 1 {
			t.Fatalf("beside the folder there is %v", beside)
		}
		var total int64
		_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, _ error) error {
			if d.Type()&fs.ModeSymlink != 0 {
				if to, bad := filepath.EvalSymlinks(name); err == nil && (bad != nil || !strings.HasPrefix(to, dir)) {
					t.Errorf("%s leads to %s, %v", name, to, bad)
				}
				return nil
			}
			info, failed := d.Info()
			if failed != nil || !(info.Mode().IsRegular() || info.IsDir()) || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 && !info.IsDir() {
				t.Errorf("%s is %v, %v", name, info.Mode(), failed)
			}
			if info.Mode().IsRegular() {
				total += info.Size()
			}
			return nil
		})
		if total > small.total+1 {
			t.Errorf("%d bytes are written", total)
		}
	})
}

func TestTopFolder(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"web-1.0/template.yaml", "web-1.0/files/x"}, "web-1.0"},
		{[]string{"template.yaml", "files/x"}, ""},
		{[]string{"template.yaml"}, ""},
	} {
		dir := t.TempDir()
		var entries []entry
		for _, n := range c.names {
			entries = append(entries, entry{name: n, body: "x"})
		}
		if err := unpackInto(t, dir, archiveOf(t, entries...), standard); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(filepath.Join(dir, "inside"))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if got := topOf(root); got != c.want || slices.Contains(c.names, got) {
			t.Errorf("the top of %v is %q, not %q", c.names, got, c.want)
		}
	}
}
