package fsys

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

// Meta is what the side table keeps of one path: everything that an ordinary
// host user could not give the file itself.
type Meta struct {
	UID  int         `json:"u,omitempty"`
	GID  int         `json:"g,omitempty"`
	Mode fs.FileMode `json:"m"` // permissions, setuid, setgid, sticky, fifo
}

func (f *FS) load() error {
	b, err := os.ReadFile(f.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &f.meta)
}

// Flush writes the side table if it changed.
func (f *FS) Flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dirty || f.file == "" {
		return nil
	}
	b, err := json.Marshal(f.meta)
	if err != nil {
		return err
	}
	tmp := f.file + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, f.file); err != nil {
		return err
	}
	f.dirty = false
	return nil
}

func (f *FS) metaOf(p string) (Meta, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, ok := f.meta[p]
	return m, ok
}

const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// setMeta records owner and mode of p, and gives the host's file the nearest
// mode that keeps it usable for us.
func (f *FS) setMeta(p string, m Meta, dir bool) {
	host := m.Mode & fs.ModePerm
	need := fs.FileMode(0o600)
	if dir {
		need = 0o700
	}
	_, _ = at(f, p, none(func(dir *os.Root, name string) error { // the table is what counts
		f.mu.Lock() // of two at once the same one must be last in both places
		defer f.mu.Unlock()
		if m.UID == 0 && m.GID == 0 && m.Mode == host && host&need == need {
			if _, ok := f.meta[p]; ok {
				delete(f.meta, p)
				f.dirty = true
			}
		} else if f.meta[p] != m {
			f.meta[p] = m
			f.dirty = true
		}
		return dir.Chmod(name, host|need)
	}))
}

// forget drops p and everything under it from the table; move renames it.
func (f *FS) forget(p string) { f.move(p, "") }

func (f *FS) move(from, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.folders.forget(from)
	f.shared.leave(f, from)
	if to != "" { // an empty folder that was there
		f.shared.leave(f, to)
	}
	var hits []string
	for k := range f.meta {
		if k == from || strings.HasPrefix(k, from+"/") || (to != "" && (k == to || strings.HasPrefix(k, to+"/"))) {
			hits = append(hits, k)
		}
	}
	moved := map[string]Meta{}
	for _, k := range hits {
		if to != "" && (k == from || strings.HasPrefix(k, from+"/")) {
			moved[to+k[len(from):]] = f.meta[k]
		}
		delete(f.meta, k)
		f.dirty = true
	}
	for k, m := range moved {
		f.meta[k] = m
	}
}

// Info is a file's information as the guest sees it.
type Info struct {
	fs.FileInfo
	name     string
	mode     fs.FileMode
	size     int64
	UID, GID int
	Links    int
	Ino      uint64
}

func (i *Info) Name() string      { return i.name }
func (i *Info) Mode() fs.FileMode { return i.mode }
func (i *Info) IsDir() bool       { return i.mode.IsDir() }
func (i *Info) Size() int64       { return i.size }

// Type and Info make an Info a directory entry too.
func (i *Info) Type() fs.FileMode          { return i.mode.Type() }
func (i *Info) Info() (fs.FileInfo, error) { return i, nil }

// ModTime is the host file's, or now for simulated files.
func (i *Info) ModTime() time.Time {
	if i.FileInfo == nil {
		return time.Now()
	}
	return i.FileInfo.ModTime()
}

// Sys is the system's stat record with the guest's owners.
func (i *Info) Sys() any { return i.sys() }

// SameFile says whether a and b are one file. All shared files are one on the host.
func SameFile(a, b *Info) bool {
	if a.FileInfo == nil || b.FileInfo == nil {
		return a.FileInfo == nil && b.FileInfo == nil && a.name == b.name
	}
	return os.SameFile(a.FileInfo, b.FileInfo) && (!shared(a.FileInfo) || a.name == b.name)
}

func (v *View) info(p string, hi fs.FileInfo) *Info {
	i := &Info{FileInfo: hi, name: base(p), mode: hi.Mode(), size: hi.Size()}
	i.Links, i.Ino = linkInfo(hi)
	if shared(hi) {
		i.Links, i.mode, i.size = 1, 0o755, hi.Size()+int64(len(i.name))
	}
	if m, ok := v.FS.metaOf(p); ok {
		i.UID, i.GID = m.UID, m.GID
		if hi.Mode()&fs.ModeSymlink == 0 {
			i.mode = hi.Mode().Type() | m.Mode
		}
	}
	return i
}

func nodeInfo(p string, n *Node) *Info {
	i := &Info{name: base(p), mode: n.Mode, UID: n.UID, GID: n.GID, Links: 1}
	if n.Mode&fs.ModeSymlink != 0 {
		i.size = int64(len(n.Target))
	}
	return i
}

func base(p string) string {
	if p == "/" {
		return "/"
	}
	return p[strings.LastIndexByte(p, '/')+1:]
}

// may says whether the view's user has the wanted bits (4 read, 2 write, 1 execute).
func (v *View) may(p string, hi fs.FileInfo, want fs.FileMode) bool {
	if v.UID == 0 {
		return true
	}
	i := v.info(p, hi)
	return v.Allowed(i, want)
}

// Allowed says whether the view's user has the wanted bits of a file that was looked at.
func (v *View) Allowed(i *Info, want fs.FileMode) bool {
	perm := i.mode.Perm()
	if v.UID == 0 {
		return want&1 == 0 || i.IsDir() || perm&0o111 != 0
	}
	switch {
	case i.UID == v.UID:
		perm >>= 6
	case v.inGroup(i.GID):
		perm >>= 3
	}
	return perm&want == want
}

func (v *View) inGroup(gid int) bool {
	if v.GID == gid {
		return true
	}
	for _, g := range v.Groups {
		if g == gid {
			return true
		}
	}
	return false
}

// Access checks as access(2) does.
func (v *View) Access(p string, want fs.FileMode) error {
	i, err := v.Stat(p)
	if err != nil {
		return err
	}
	if !v.Allowed(i, want) {
		return syscall.EACCES
	}
	return nil
}
