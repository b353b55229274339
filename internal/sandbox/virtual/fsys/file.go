package fsys

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"syscall"
	"time"
)

// File is an open file of the guest. A plain file's Host is the host's file.
type File struct {
	Host *os.File
	v    *View
	rw   io.ReadWriteCloser
	Path string
	flag int
}

// Inner returns the stream behind a simulated file, nil for a plain one.
func (f *File) Inner() io.ReadWriteCloser { return f.rw }

// Read reads.
func (f *File) Read(b []byte) (int, error) {
	if f.rw != nil {
		return f.rw.Read(b)
	}
	n, err := f.Host.Read(b)
	if err != nil {
		err = Errno(err)
	}
	return n, err
}

// Write counts the bytes that the file grows by. Over the quota it fails with ENOSPC.
func (f *File) Write(b []byte) (int, error) {
	if f.rw != nil {
		return f.rw.Write(b)
	}
	if err := f.v.FS.grow(int64(len(b))); err != nil {
		return 0, err
	}
	n, err := f.Host.Write(b)
	return n, Errno(err)
}

// WriteAt is for SFTP.
func (f *File) WriteAt(b []byte, off int64) (int, error) {
	if f.Host == nil {
		return 0, syscall.ESPIPE
	}
	if err := f.v.FS.grow(int64(len(b))); err != nil {
		return 0, err
	}
	n, err := f.Host.WriteAt(b, off)
	return n, Errno(err)
}

// ReadAt is for SFTP.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	if m, ok := f.rw.(memFile); ok {
		return m.ReadAt(b, off)
	}
	if f.Host == nil {
		return 0, syscall.ESPIPE
	}
	n, err := f.Host.ReadAt(b, off)
	if err != nil {
		err = Errno(err)
	}
	return n, err
}

// Seek moves in a plain file.
func (f *File) Seek(off int64, whence int) (int64, error) {
	if m, ok := f.rw.(memFile); ok {
		return m.Seek(off, whence)
	}
	if f.Host == nil {
		return 0, syscall.ESPIPE
	}
	n, err := f.Host.Seek(off, whence)
	return n, Errno(err)
}

// Close closes.
func (f *File) Close() error {
	if f.rw != nil {
		return f.rw.Close()
	}
	return Errno(f.Host.Close())
}

func perr(op, p string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: p, Err: Errno(err)}
}

type memFile struct {
	*bytes.Reader
}

func (memFile) Write([]byte) (int, error) { return 0, syscall.EACCES }
func (memFile) Close() error              { return nil }

// Open opens p. perm is the mode of a new file, before the umask.
func (v *View) Open(p string, flag int, perm fs.FileMode) (*File, error) {
	real, hi, err := v.walk(p, true)
	if err != nil {
		return nil, perr("open", p, err)
	}
	f, err := v.open(real, hi, flag, perm)
	return f, perr("open", p, err)
}

// open opens the resolved path p. hi is the host's information from walk.
func (v *View) open(p string, hi fs.FileInfo, flag int, perm fs.FileMode) (*File, error) {
	if n, ok := v.hook(p); ok {
		return v.openNode(p, n, flag)
	}
	write := flag&(os.O_WRONLY|os.O_RDWR) != 0
	var err error
	if hi == nil {
		hi, err = at(v.FS, p, (*os.Root).Lstat)
	}
	switch {
	case err == nil:
		return v.openOld(p, hi, flag, write)
	case flag&os.O_CREATE == 0:
		return nil, err
	}
	if v.FS.full.Load() {
		return nil, syscall.ENOSPC
	}
	if err := v.mayEdit(p); err != nil {
		return nil, err
	}
	mode := perm.Perm() &^ v.Umask
	h, err := v.FS.openFile(p, flag|os.O_EXCL, mode|0o600)
	if err != nil && flag&os.O_EXCL == 0 && errors.Is(err, fs.ErrExist) { // made meanwhile
		h, err = v.FS.openFile(p, flag, mode|0o600)
	}
	if err != nil {
		return nil, err
	}
	v.FS.setMeta(p, Meta{UID: v.UID, GID: v.GID, Mode: mode}, false)
	return &File{Host: h, v: v, Path: p, flag: flag}, nil
}

func (v *View) openOld(p string, hi fs.FileInfo, flag int, write bool) (*File, error) {
	if flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0 {
		return nil, syscall.EEXIST
	}
	if hi.IsDir() && write {
		return nil, syscall.EISDIR
	}
	want := fs.FileMode(4)
	if write {
		want = 2
	}
	if !v.may(p, hi, want) {
		return nil, syscall.EACCES
	}
	if hi.Mode()&fs.ModeSymlink != 0 {
		return nil, syscall.ELOOP
	}
	if m, ok := v.FS.metaOf(p); ok && m.Mode&fs.ModeNamedPipe != 0 {
		rw, err := v.FS.openFifo(p, flag, v.Done)
		if err != nil {
			return nil, err
		}
		return &File{rw: rw, v: v, Path: p}, nil
	}
	if !hi.Mode().IsRegular() && !hi.IsDir() {
		return nil, syscall.ENXIO // nothing of the host's is opened but files and folders
	}
	if write {
		if err := v.FS.own(p, hi); err != nil {
			return nil, err
		}
	}
	if shared(hi) && !write {
		return v.openShared(p)
	}
	if write && flag&os.O_TRUNC != 0 {
		v.FS.used.Add(-hi.Size())
	}
	h, err := v.FS.openFile(p, flag&^(os.O_CREATE|os.O_EXCL)|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return &File{Host: h, v: v, Path: p, flag: flag}, nil
}

func (v *View) openNode(p string, n *Node, flag int) (*File, error) {
	if n == nil {
		return nil, syscall.ENOENT
	}
	if n.Open != nil {
		rw, err := n.Open(flag)
		if err != nil {
			return nil, err
		}
		return &File{rw: rw, v: v, Path: p}, nil
	}
	if n.Mode.IsDir() {
		return nil, syscall.EISDIR
	}
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 {
		return nil, syscall.EACCES
	}
	return &File{rw: memFile{bytes.NewReader(n.Content())}, v: v, Path: p}, nil
}

// mayEdit says whether the view's user may add to or remove from p's folder.
func (v *View) mayEdit(p string) error {
	dir := path.Dir(p)
	if _, ok := v.hook(dir); ok {
		return syscall.EACCES
	}
	known, epoch := v.knows(dir)
	if known {
		return nil
	}
	hi, err := at(v.FS, dir, (*os.Root).Lstat)
	if err != nil {
		return err
	}
	if !hi.IsDir() {
		return syscall.ENOTDIR
	}
	v.FS.met(dir, epoch)
	if !v.may(dir, hi, 2) {
		return syscall.EACCES
	}
	return nil
}

// Lstat and Stat describe a path, without and with following a link.
func (v *View) Lstat(p string) (*Info, error) { return v.stat("lstat", p, false) }

// Stat follows links.
func (v *View) Stat(p string) (*Info, error) { return v.stat("stat", p, true) }

func (v *View) stat(op, p string, follow bool) (*Info, error) {
	real, hi, err := v.walk(p, follow)
	if err != nil {
		return nil, perr(op, p, err)
	}
	var i *Info
	if hi != nil {
		i = v.info(real, hi)
	} else if i, err = v.lstat(real); err != nil {
		return nil, perr(op, p, err)
	}
	i.name = path.Base(p)
	return i, nil
}

func (v *View) lstat(real string) (*Info, error) {
	if n, ok := v.hook(real); ok {
		if n == nil {
			return nil, syscall.ENOENT
		}
		return nodeInfo(real, n), nil
	}
	hi, err := at(v.FS, real, (*os.Root).Lstat)
	if err != nil {
		return nil, err
	}
	return v.info(real, hi), nil
}

// ReadDir lists a folder by name.
func (v *View) ReadDir(p string) ([]*Info, error) {
	real, err := v.Resolve(p, true)
	if err != nil {
		return nil, perr("open", p, err)
	}
	list, err := v.readDir(real)
	return list, perr("open", p, err)
}

func (v *View) readDir(real string) ([]*Info, error) {
	names := map[string]bool{}
	if n, ok := v.hook(real); ok {
		if n == nil {
			return nil, syscall.ENOENT
		}
		if !n.Mode.IsDir() {
			return nil, syscall.ENOTDIR
		}
		for _, s := range n.Names {
			names[s] = true
		}
	} else {
		hi, err := at(v.FS, real, (*os.Root).Lstat)
		if err != nil {
			return nil, err
		}
		if !hi.IsDir() {
			return nil, syscall.ENOTDIR
		}
		if !v.may(real, hi, 4) {
			return nil, syscall.EACCES
		}
		d, err := at(v.FS, real, (*os.Root).Open)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		all, err := d.Readdirnames(-1)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			names[s] = true
		}
	}
	var out []*Info
	for s := range names {
		if i, err := v.lstat(path.Join(real, s)); err == nil {
			out = append(out, i)
		}
	}
	sort.Slice(out, func(a, b int) bool { return out[a].name < out[b].name })
	return out, nil
}

// ReadFile reads a whole file.
func (v *View) ReadFile(p string) ([]byte, error) {
	f, err := v.Open(p, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	return b, perr("read", p, err)
}

// WriteFile writes a whole file; a new one gets perm less the umask.
func (v *View) WriteFile(p string, b []byte, perm fs.FileMode) error {
	f, err := v.Open(p, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return perr("write", p, err)
}

// Chtimes sets access and modification times.
func (v *View) Chtimes(p string, access, mod time.Time) error {
	real, err := v.Resolve(p, true)
	if err != nil {
		return perr("chtimes", p, err)
	}
	if _, ok := v.hook(real); ok {
		return nil
	}
	hi, err := at(v.FS, real, (*os.Root).Lstat)
	if err == nil {
		err = v.FS.own(real, hi)
	}
	if err == nil {
		err = v.FS.root.Chtimes(rel(real), access, mod)
	}
	return perr("chtimes", p, err)
}
