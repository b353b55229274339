// Package fsys is a simulated guest's file system: a folder of the host seen as
// under a chroot. Paths are resolved here, link by link, and then opened through
// os.Root, so that nothing outside the folder can be reached even by a race.
// Owners and modes that the host user could not set live in a side table. The
// package knows nothing of processes; /proc and /dev come in through a Hook.
package fsys

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// maxLinks is how many links Linux follows in one path (MAXSYMLINKS).
const maxLinks = 40

// FS is one guest's file system. It is safe for concurrent use.
type FS struct {
	root  *os.Root
	pool  string       // the file that programs are links to; "": none
	quota atomic.Int64 // bytes; 0: none
	used  atomic.Int64
	full  atomic.Bool // a fault: every write says ENOSPC

	mu      sync.Mutex
	meta    map[string]Meta // by clean absolute guest path
	folders folders
	shared  *handles
	held    map[string]*handle // by clean absolute guest path; the mu of shared guards it
	file    string             // where meta is kept, outside the root
	dirty   bool
	fifos   map[string]*fifo
}

// Open opens the folder dir as a file system. table is the file that keeps
// owners and modes; it must lie outside dir. quota bounds the bytes; 0: no bound.
func Open(dir, table string, quota int64) (*FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &FS{root: root, file: table, meta: map[string]Meta{}, shared: common, held: map[string]*handle{}, fifos: map[string]*fifo{}}
	f.quota.Store(quota)
	if err := f.load(); err != nil {
		root.Close()
		return nil, err
	}
	f.recount()
	return f, nil
}

// Close saves the side table and gives back the folder.
func (f *FS) Close() error {
	f.mu.Lock()
	f.folders.forget("") // a folder that is being opened is not held any more
	f.shared.leave(f, "")
	f.mu.Unlock()
	return errors.Join(f.Flush(), f.root.Close())
}

// SetFull makes every write fail with ENOSPC until it is called with false.
func (f *FS) SetFull(full bool) { f.full.Store(full) }

// Usage is the number of bytes in use and the quota.
func (f *FS) Usage() (used, quota int64) { return f.used.Load(), f.quota.Load() }

// SetQuota bounds the bytes anew, as a larger disk does; 0: no bound.
func (f *FS) SetQuota(n int64) { f.quota.Store(n) }

func (f *FS) recount() {
	var n int64
	_ = fs.WalkDir(f.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if i, err := d.Info(); err == nil {
				n += i.Size()
				if shared(i) {
					n += int64(len(d.Name()))
				}
			}
		}
		return nil
	})
	f.used.Store(n)
}

// grow accounts for n more bytes or says ENOSPC.
func (f *FS) grow(n int64) error {
	if f.full.Load() {
		return syscall.ENOSPC
	}
	quota := f.quota.Load()
	if now := f.used.Add(n); quota > 0 && now > quota {
		f.recount()
		if f.used.Load()+n > quota {
			return syscall.ENOSPC
		}
		f.used.Add(n)
	}
	return nil
}

// rel turns a clean absolute guest path into a path for os.Root.
func rel(p string) string {
	if p == "/" {
		return "."
	}
	return strings.TrimPrefix(p, "/")
}

// Node is a simulated file, folder or link that a Hook answers with.
type Node struct {
	Mode     fs.FileMode
	UID, GID int
	Target   string // of a symbolic link
	Names    []string
	Content  func() []byte
	Open     func(flag int) (io.ReadWriteCloser, error) // instead of Content
}

// Hook answers for simulated paths. ok is false where the folder answers.
type Hook func(p string) (n *Node, ok bool)

// View is a file system as one process sees it.
type View struct {
	FS       *FS
	Cwd      string
	UID, GID int
	Groups   []int
	Umask    fs.FileMode
	Hook     Hook
	Done     <-chan struct{} // closed when whoever looks is killed; nil: never
}

// Abs makes p absolute in the view, lexically clean.
func (v *View) Abs(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = v.Cwd + "/" + p
	}
	return path.Clean("/" + p)
}

func (v *View) hook(p string) (*Node, bool) {
	if v.Hook == nil {
		return nil, false
	}
	return v.Hook(p)
}

// Resolve walks p as the kernel does under a chroot: absolute links start at
// the guest's root, .. stops there. With follow, a link at the end is followed
// too. The last component need not exist.
func (v *View) Resolve(p string, follow bool) (string, error) {
	real, _, err := v.walk(p, follow)
	return real, err
}

// walk is Resolve. last is the host's information about the last component, so that the
// caller need not ask again. It is nil if a Hook answers, if nothing has that name, and for a
// folder that is known to be one.
func (v *View) walk(p string, follow bool) (real string, last fs.FileInfo, err error) {
	if strings.ContainsRune(p, 0) {
		return "", nil, syscall.EINVAL
	}
	if p == "" {
		return "", nil, syscall.ENOENT
	}
	if !strings.HasPrefix(p, "/") {
		p = v.Cwd + "/" + p
	}
	slash := strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.")
	rest := strings.Split(p, "/")
	cur := "/"
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			cur, last = path.Dir(cur), nil
			continue
		}
		if len(part) > 255 {
			return "", nil, syscall.ENAMETOOLONG
		}
		next := path.Join(cur, part)
		end := len(rest) == 0 || strings.Join(rest, "") == ""
		target, info, err := v.step(next, end)
		if err != nil {
			return "", nil, err
		}
		if target == "" || (end && !follow && !slash) {
			cur, last = next, info
			continue
		}
		if links++; links > maxLinks {
			return "", nil, syscall.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			cur, last = "/", nil
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return cur, last, nil
}

// step looks at one component. It returns a link's target, "" for anything else, and the
// host's information if the host was asked.
func (v *View) step(p string, last bool) (target string, info fs.FileInfo, err error) {
	if n, ok := v.hook(p); ok {
		if n == nil {
			if last {
				return "", nil, nil
			}
			return "", nil, syscall.ENOENT
		}
		if n.Mode&fs.ModeSymlink != 0 {
			return n.Target, nil, nil
		}
		if !last && !n.Mode.IsDir() {
			return "", nil, syscall.ENOTDIR
		}
		return "", nil, nil
	}
	known, epoch := v.knows(p)
	if known {
		return "", nil, nil
	}
	info, err = at(v.FS, p, (*os.Root).Lstat)
	if err != nil {
		if last && errors.Is(err, fs.ErrNotExist) {
			return "", nil, nil
		}
		return "", nil, Errno(err)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		t, err := at(v.FS, p, (*os.Root).Readlink)
		return t, info, Errno(err)
	}
	if info.IsDir() {
		v.FS.met(p, epoch)
	} else if !last {
		return "", nil, syscall.ENOTDIR
	}
	if !last && !v.may(p, info, 1) {
		return "", nil, syscall.EACCES
	}
	return "", info, nil
}

// Errno takes the host's path out of an error. The rest is the error of the guest's libc.
func Errno(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return err
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, fs.ErrExist):
		return syscall.EEXIST
	case errors.Is(err, fs.ErrPermission):
		return syscall.EACCES
	case errors.Is(err, fs.ErrClosed):
		return syscall.EBADF
	}
	if strings.Contains(err.Error(), "escapes") {
		return syscall.EXDEV
	}
	return syscall.EIO
}
