package fsys

import (
	"container/list"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// handles are folders of guests that are held open. os.Root opens every folder above a
// path again for each operation: that was most of the system calls of a virtual guest. A
// held folder is confined as the root is, and it was opened inside of the root. When its
// path leaves, the folder is let go, so that the path cannot lead to the folder's new place.
//
// The guests of a process share the handles. Each used to hold 24 of its own, and 1,000 guests
// did not fit into 20,000 open files, although nearly all of them have nothing to do.
type handles struct {
	mu   sync.Mutex // taken while an FS's mu is held, never the other way round
	most int
	idle list.List // of *handle without users, the longest unused first
	n    int       // that are held, in use or not
}

type handle struct {
	fs    *FS
	path  string // clean absolute guest path
	root  *os.Root
	users int
	left  bool          // its path has left, or there was no place: the last user closes it
	idle  *list.Element // while nobody uses it
}

// maxHandles bounds the descriptors of all guests. Programs are looked for in six folders,
// and a script works in few others, so that some 30 guests can be at work at once.
const maxHandles = 512

// common are the handles of all guests of this process.
var common = &handles{most: maxHandles}

// leave lets go of p and of every folder of f below it. The caller holds f's mu.
func (h *handles) leave(f *FS, p string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, one := range f.held {
		if k == p || strings.HasPrefix(k, p+"/") {
			h.drop(one)
		}
	}
}

// drop takes a handle out. The caller holds h's mu.
func (h *handles) drop(one *handle) {
	delete(one.fs.held, one.path)
	h.n--
	one.left = true
	if one.idle != nil {
		h.idle.Remove(one.idle)
		one.idle = nil
		one.root.Close()
	}
}

// use returns the handle of a path, nil if it is not held. It has one more user then.
func (h *handles) use(f *FS, p string) *handle {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := f.held[p]
	if one == nil {
		return nil
	}
	if one.users++; one.idle != nil {
		h.idle.Remove(one.idle)
		one.idle = nil
	}
	return one
}

// keep takes in a handle that has a user. If there are too many, the one that was unused for
// the longest time goes, of whichever guest. The caller holds the mu of the handle's FS.
func (h *handles) keep(one *handle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if oldest := h.idle.Front(); h.n >= h.most && oldest != nil {
		h.drop(oldest.Value.(*handle))
	}
	if h.n >= h.most || one.fs.held[one.path] != nil {
		one.left = true // its user closes it
		return
	}
	one.fs.held[one.path] = one
	h.n++
}

func (h *handles) release(one *handle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one.users--; one.users > 0 {
		return
	}
	if one.left {
		one.root.Close()
		return
	}
	one.idle = h.idle.PushBack(one)
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
	defer f.shared.release(one)
	return do(one.root, path.Base(p))
}

func (f *FS) hold(p string) (*handle, error) {
	if one := f.shared.use(f, p); one != nil {
		return one, nil
	}
	f.mu.Lock()
	epoch := f.folders.epoch
	f.mu.Unlock()
	root, err := f.root.OpenRoot(rel(p))
	if err != nil {
		return nil, err
	}
	one := &handle{fs: f, path: p, root: root, users: 1}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.folders.epoch != epoch { // a path has left meanwhile, perhaps this one
		one.left = true
	} else {
		f.shared.keep(one)
	}
	return one, nil
}

// none makes an operation without a result one for at.
func none(do func(dir *os.Root, name string) error) func(*os.Root, string) (struct{}, error) {
	return func(dir *os.Root, name string) (struct{}, error) { return struct{}{}, do(dir, name) }
}

func (f *FS) openFile(p string, flag int, perm fs.FileMode) (*os.File, error) {
	return at(f, p, func(dir *os.Root, name string) (*os.File, error) { return dir.OpenFile(name, flag, perm) })
}
