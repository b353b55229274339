package template

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Unpacked is a template from an archive. Its files are in a folder, which it needs until it
// is closed.
type Unpacked struct {
	*Template
	Folder string // of the template itself
	roots  []*os.Root
}

// Close releases the folder.
func (u *Unpacked) Close() {
	for _, r := range u.roots {
		r.Close()
	}
}

// Unpack writes the files of an archive into an empty folder, and loads the template. The
// archive may come from anybody: it makes ordinary files in that folder and nothing else. The
// parents of the template are those in the archive, wherever its extends leads to.
func (a Archive) Unpack(dir string) (*Unpacked, error) {
	u, err := a.unpack(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot unpack the template: %w", err)
	}
	return u, nil
}

func (a Archive) unpack(dir string) (*Unpacked, error) {
	text, err := a.text()
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	u := &Unpacked{Folder: filepath.Join(dir, "0"), roots: []*os.Root{root}}
	if err := u.load(text); err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

func (u *Unpacked) load(text []byte) error {
	root := u.roots[0]
	doc, exec, err := extract(root, text)
	if err != nil {
		return err
	}
	all := &carried{}
	for i, name := range doc.Templates {
		sub, err := root.OpenRoot(strconv.Itoa(i))
		if err != nil {
			return fmt.Errorf("it has no files of %q", name)
		}
		u.roots = append(u.roots, sub)
		all.next = append(all.next, ancestor{link: link{fmt.Sprint("carried:", i), name}, fsys: modeFS{sub.FS(), strconv.Itoa(i), exec}})
	}
	own := all.next[0]
	in := lineage{sources: []Source{{Key: func(_, sum string) ([]byte, error) { return keyIn(root, sum) }}}, carried: &carried{next: all.next[1:]}}
	u.Template, err = load(own.fsys, own.name, in.with(own.id, own.name))
	if err == nil && len(u.levels) != len(doc.Templates) {
		err = errors.New("it has files of templates that it does not extend")
	}
	return err
}

// carried are the templates of an archive that were not loaded yet.
type carried struct{ next []ancestor }

// parent is the next one, whatever extends says: the name or path is one of another machine.
func (c *carried) parent() (ancestor, *refusal) {
	if len(c.next) == 0 {
		return ancestor{}, &refusal{"the archive does not have it", ""}
	}
	a, rest := c.next[0], &carried{c.next[1:]}
	a.load = func(in lineage) (*Template, error) {
		in.carried = rest
		return load(a.fsys, a.name, in)
	}
	return a, nil
}

// extract writes the files of an archive. exec are those that are executable: a file system
// may not know.
func extract(root *os.Root, text []byte) (doc archiveDoc, exec map[string]bool, err error) {
	from := tar.NewReader(bytes.NewReader(text))
	exec = map[string]bool{}
	for n := 0; ; n++ {
		h, err := from.Next()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return doc, exec, nil
		case err != nil:
			return doc, nil, err
		case n > maxFiles:
			return doc, nil, fmt.Errorf("it has more than %d files", maxFiles)
		case h.Typeflag != tar.TypeReg:
			return doc, nil, fmt.Errorf("%q is not an ordinary file", h.Name)
		}
		content, err := io.ReadAll(from)
		if err != nil {
			return doc, nil, err
		}
		if n == 0 {
			if doc, err = contents(h.Name, content); err != nil {
				return doc, nil, err
			}
			continue
		}
		if !doc.has(h.Name) {
			return doc, nil, fmt.Errorf("%q is no name for a file", h.Name)
		}
		if err := put(root, h.Name, content); err != nil {
			return doc, nil, fmt.Errorf("%q: %s", h.Name, plain(err))
		}
		exec[h.Name] = h.Mode&0o111 != 0
	}
}

// contents reads the first file of an archive.
func contents(name string, text []byte) (doc archiveDoc, err error) {
	if name != archiveIndex {
		return doc, errors.New("it is not the archive of a template")
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return doc, fmt.Errorf("%s: %w", archiveIndex, err)
	}
	switch n := len(doc.Templates); {
	case doc.Format != archiveFormat:
		return doc, fmt.Errorf("it has format %d, and this version reads %d", doc.Format, archiveFormat)
	case n == 0 || n > maxChain:
		return doc, fmt.Errorf("it has %d templates", n)
	}
	return doc, nil
}

// has reports whether a file may have this name.
func (d archiveDoc) has(name string) bool {
	top, _, below := strings.Cut(name, "/")
	if !below || !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	n, err := strconv.Atoi(top)
	return top == archiveKeys || err == nil && strconv.Itoa(n) == top && n >= 0 && n < len(d.Templates)
}

// put makes a file that is not there yet.
func put(root *os.Root, name string, content []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// keyIn is a key of a repository in an archive.
func keyIn(root *os.Root, sum string) ([]byte, error) {
	key, err := root.ReadFile(path.Join(archiveKeys, sum))
	if err != nil {
		return nil, errors.New("the archive does not have the key")
	}
	if have := sha256.Sum256(key); hex.EncodeToString(have[:]) != sum {
		return nil, errors.New("the archive has another key")
	}
	return key, nil
}

// modeFS are unpacked files, with the executable bits that the archive has: the folder may be
// on a file system that keeps none.
type modeFS struct {
	fs.FS
	top  string
	exec map[string]bool
}

// Stat is fs.StatFS.
func (m modeFS) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(m.FS, name)
	if err != nil || info.IsDir() {
		return info, err
	}
	mode := info.Mode() &^ 0o111
	if m.exec[path.Join(m.top, name)] {
		mode |= 0o100
	}
	return modeInfo{info, mode}, nil
}

type modeInfo struct {
	fs.FileInfo
	mode fs.FileMode
}

func (i modeInfo) Mode() fs.FileMode { return i.mode }
