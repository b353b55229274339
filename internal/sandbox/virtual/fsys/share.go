package fsys

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// A guest has some 200 programs, and each is a file that holds the same words and its own
// name. On the host they are one file, the pool, and as many hard links to it: to make 200
// files was most of the work of creating a guest. The name is added when a program is
// read. Mode 0500 on the host tells these links from the guest's own files, which setMeta
// leaves writable. own replaces a link before its bytes or its name change, since a write
// through it would change every program of every guest.
const sharedMode = 0o500

func shared(hi fs.FileInfo) bool { return hi.Mode().IsRegular() && hi.Mode()&0o200 == 0 }

// alone says whether a file's bytes go with this name.
func alone(hi fs.FileInfo) bool {
	links, _ := linkInfo(hi)
	return hi.Mode().IsRegular() && (links <= 1 || shared(hi))
}

// SetPool names the file that programs are links to, on the file system of the guest's
// folder and outside of it. Without one each program is a file of its own.
func (f *FS) SetPool(file string) { f.pool = file }

// WriteProgram makes a new file of mode 0755 that holds words and p's last part. No
// process of this guest may run yet: the link is made by the host's path.
func (v *View) WriteProgram(p, words string) error {
	real, err := v.Resolve(p, true)
	if err != nil {
		return perr("write", p, err)
	}
	if v.FS.pool == "" || v.FS.link(words, v.FS.root, real) != nil {
		return v.WriteFile(p, []byte(words+path.Base(real)), 0o755)
	}
	return perr("write", p, v.FS.grow(int64(len(words)+len(path.Base(real)))))
}

// link makes p in a folder that no guest uses yet a link to the pool.
func (f *FS) link(words string, to *os.Root, p string) error {
	at := filepath.Join(to.Name(), filepath.FromSlash(rel(p)))
	err := os.Link(f.pool, at)
	if err == nil || words == "" {
		return err
	}
	if err := makePool(f.pool, words); err != nil {
		return err
	}
	return os.Link(f.pool, at)
}

// makePool writes the pool whole or not at all, whoever else does so.
func makePool(name, words string) error {
	if _, err := os.Lstat(name); err == nil {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), "pool-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err = tmp.WriteString(words); err == nil {
		err = tmp.Chmod(sharedMode)
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// program returns the content of a shared file as the guest sees it.
func (f *FS) program(p string) ([]byte, error) {
	words, err := at(f, p, (*os.Root).ReadFile)
	return append(words, path.Base(p)...), err
}

// openShared opens a shared file for reading.
func (v *View) openShared(p string) (*File, error) {
	b, err := v.FS.program(p)
	if err != nil {
		return nil, err
	}
	return &File{rw: memFile{bytes.NewReader(b)}, v: v, Path: p}, nil
}

// own gives the guest a file of its own in the place of a shared one.
func (f *FS) own(p string, hi fs.FileInfo) error {
	if !shared(hi) {
		return nil
	}
	b, err := f.program(p)
	if err != nil {
		return err
	}
	tmp := rel(path.Join(path.Dir(p), ".own-"+path.Base(p)))
	if err := f.root.WriteFile(tmp, b, 0o700); err != nil {
		return err
	}
	_ = f.root.Chtimes(tmp, hi.ModTime(), hi.ModTime())
	if err := f.root.Rename(tmp, rel(p)); err != nil {
		return err
	}
	f.setMeta(p, Meta{Mode: 0o755}, false)
	return nil
}
