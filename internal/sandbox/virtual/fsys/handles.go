package fsys

import (
	"io/fs"
	"os"
	"path"
	"strings"
)

// handles are the guest's folders that are held open. os.Root opens every folder above a
// path again for each operation: that was most of the system calls of a virtual guest. A
// held folder is confined as the root is, and it was opened inside of the root. When its
// path leaves, the folder is let go, so that the path cannot lead to the folder's new place.
type handles struct {
	open map[string]*handle // by clean absolute guest path
}

type handle struct {
	root  *os.Root
	users int
	left  bool // its path has left: the last user closes it
}

// maxHandles bounds the descriptors of one guest. Programs are looked for in six folders,
// and a script works in few others.
const maxHandles = 24

// leave lets go of p and of every folder below it. The caller holds the FS's mu.
func (h *handles) leave(p string) {
	for k, one := range h.open {
		if k == p || strings.HasPrefix(k, p+"/") {
			h.drop(k, one)
		}
	}
}

func (h *handles) drop(p string, one *handle) {
	delete(h.open, p)
	if one.left = true; one.users == 0 {
		one.root.Close()
	}
}

// keep takes a handle in. If there are too many, one that nobody uses goes: map order makes
// it a different one each time.
func (h *handles) keep(p string, one *handle) {
	for k, other := range h.open {
		if len(h.open) < maxHandles {
			break
		}
		if other.users == 0 {
			h.drop(k, other)
		}
	}
	if len(h.open) >= maxHandles || h.open[p] != nil {
		one.left = true // its user closes it
		return
	}
	if h.open == nil {
		h.open = map[string]*handle{}
	}
	h.open[p] = one
}

// at calls do with the open folder that holds p, and p's name in it.
func at[T any](f *FS, p string, do func(dir *os.Root, name string) (T, error)) (T, error) {
	parent := path.Dir(p)
	if parent == "/" {
		return do(f.root, rel(p))
	}
	one, err := f.hold(parent)
	if err != nil {
		return do(f.root, rel(p)) // which tells what is wrong with the path
	}
	defer f.release(one)
	return do(one.root, path.Base(p))
}

func (f *FS) hold(p string) (*handle, error) {
	f.mu.Lock()
	if one := f.handles.open[p]; one != nil {
		one.users++
		f.mu.Unlock()
		return one, nil
	}
	epoch := f.folders.epoch
	f.mu.Unlock()
	root, err := f.root.OpenRoot(rel(p))
	if err != nil {
		return nil, err
	}
	one := &handle{root: root, users: 1}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.folders.epoch != epoch { // a path has left meanwhile, perhaps this one
		one.left = true
	} else {
		f.handles.keep(p, one)
	}
	return one, nil
}

func (f *FS) release(one *handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.users--; one.users == 0 && one.left {
		one.root.Close()
	}
}

// none makes an operation without a result one for at.
func none(do func(dir *os.Root, name string) error) func(*os.Root, string) (struct{}, error) {
	return func(dir *os.Root, name string) (struct{}, error) { return struct{}{}, do(dir, name) }
}

func (f *FS) openFile(p string, flag int, perm fs.FileMode) (*os.File, error) {
	return at(f, p, func(dir *os.Root, name string) (*os.File, error) { return dir.OpenFile(name, flag, perm) })
}
