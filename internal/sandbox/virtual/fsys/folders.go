package fsys

import "strings"

// folders are the paths that were folders when they were last looked at. Without them
// every part of every path costs a look at the host's disk, and os.Root opens each folder
// above it for that look. A path leaves when it is removed or renamed. A stale entry could
// not lead out of the guest: os.Root checks each path again.
type folders struct {
	paths map[string]bool
	epoch int // of the last path that left: a look that began before may be out of date
}

func (d *folders) forget(p string) {
	d.epoch++
	for k := range d.paths {
		if k == p || strings.HasPrefix(k, p+"/") {
			delete(d.paths, k)
		}
	}
}

// knows says whether p is known to be a folder that the view's user may search and edit.
// That holds for root alone: others are checked by the folder's mode each time.
func (v *View) knows(p string) (known bool, epoch int) {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	return v.UID == 0 && v.FS.folders.paths[p], v.FS.folders.epoch
}

// met keeps that p is a folder, unless a path has left since epoch.
func (f *FS) met(p string, epoch int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.folders.epoch != epoch {
		return
	}
	if f.folders.paths == nil {
		f.folders.paths = map[string]bool{}
	}
	f.folders.paths[p] = true
}
