package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// Mkdir makes one folder.
func (v *View) Mkdir(p string, perm fs.FileMode) error {
	real, err := v.Resolve(p, false)
	if err == nil {
		err = v.mkdir(real, perm)
	}
	return perr("mkdir", p, err)
}

func (v *View) mkdir(real string, perm fs.FileMode) error {
	if n, ok := v.hook(real); ok {
		if n != nil {
			return syscall.EEXIST
		}
		return syscall.EACCES
	}
	if _, err := at(v.FS, real, (*os.Root).Lstat); err == nil {
		return syscall.EEXIST
	}
	if err := v.mayEdit(real); err != nil {
		return err
	}
	if v.FS.full.Load() {
		return syscall.ENOSPC
	}
	mode := perm & modeBits &^ v.Umask
	if _, err := at(v.FS, real, none(func(dir *os.Root, name string) error { return dir.Mkdir(name, 0o700) })); err != nil {
		return err
	}
	v.FS.setMeta(real, Meta{UID: v.UID, GID: v.GID, Mode: mode}, true)
	return nil
}

// MkdirAll makes a folder and the missing folders above it.
func (v *View) MkdirAll(p string, perm fs.FileMode) error {
	p = v.Abs(p)
	if i, err := v.Stat(p); err == nil {
		if i.IsDir() {
			return nil
		}
		return perr("mkdir", p, syscall.ENOTDIR)
	}
	if p == "/" {
		return nil
	}
	if err := v.MkdirAll(path.Dir(p), perm|0o300); err != nil {
		return err
	}
	err := v.Mkdir(p, perm)
	if err != nil && errors.Is(err, fs.ErrExist) {
		if i, serr := v.Stat(p); serr == nil && i.IsDir() {
			return nil
		}
	}
	return err
}

// Remove removes a file, a link or an empty folder.
func (v *View) Remove(p string) error {
	real, err := v.Resolve(p, false)
	if err == nil {
		err = v.remove(real)
	}
	return perr("remove", p, err)
}

func (v *View) remove(real string) error {
	if _, ok := v.hook(real); ok {
		return syscall.EPERM
	}
	if real == "/" {
		return syscall.EBUSY
	}
	hi, err := at(v.FS, real, (*os.Root).Lstat)
	if err != nil {
		return err
	}
	if err := v.mayEdit(real); err != nil {
		return err
	}
	if _, err := at(v.FS, real, none((*os.Root).Remove)); err != nil {
		return err
	}
	if alone(hi) {
		v.FS.used.Add(-hi.Size())
	}
	v.FS.forget(real)
	return nil
}

// RemoveAll removes p and everything under it, links not followed.
func (v *View) RemoveAll(p string) error {
	real, err := v.Resolve(p, false)
	if err != nil {
		return perr("remove", p, err)
	}
	i, err := v.lstat(real)
	if err != nil {
		return perr("remove", p, err)
	}
	if i.IsDir() {
		if _, ok := v.hook(real); ok {
			return perr("remove", p, syscall.EPERM)
		}
		list, err := v.readDir(real)
		if err != nil {
			return perr("remove", p, err)
		}
		for _, c := range list {
			if err := v.RemoveAll(path.Join(real, c.Name())); err != nil {
				return err
			}
		}
	}
	return perr("remove", p, v.remove(real))
}

// Rename moves, as rename(2) does.
func (v *View) Rename(from, to string) error {
	a, err := v.Resolve(from, false)
	if err != nil {
		return perr("rename", from, err)
	}
	b, err := v.Resolve(to, false)
	if err != nil {
		return perr("rename", to, err)
	}
	for _, p := range []string{a, b} {
		if _, ok := v.hook(p); ok {
			return perr("rename", p, syscall.EXDEV)
		}
		if err := v.mayEdit(p); err != nil {
			return perr("rename", p, err)
		}
	}
	if a == b {
		return nil
	}
	ai, err := at(v.FS, a, (*os.Root).Lstat)
	if err == nil && shared(ai) {
		if err = v.FS.own(a, ai); err == nil {
			ai, err = at(v.FS, a, (*os.Root).Lstat)
		}
	}
	if err != nil {
		return perr("rename", from, err)
	}
	if bi, err := at(v.FS, b, (*os.Root).Lstat); err == nil {
		if os1, os2 := SameFile(v.info(a, ai), v.info(b, bi)), ai.IsDir(); os1 && !os2 {
			return nil // two names of one file: rename(2) does nothing
		}
		if alone(bi) {
			defer v.FS.used.Add(-bi.Size())
		}
	}
	if err := v.FS.root.Rename(rel(a), rel(b)); err != nil {
		return perr("rename", from, err)
	}
	v.FS.move(a, b)
	return nil
}

// Symlink makes p a link to target. The target is only text.
func (v *View) Symlink(target, p string) error {
	real, err := v.Resolve(p, false)
	if err == nil {
		if _, ok := v.hook(real); ok {
			err = syscall.EEXIST
		} else if err = v.mayEdit(real); err == nil {
			_, err = at(v.FS, real, none(func(dir *os.Root, name string) error { return dir.Symlink(target, name) }))
		}
	}
	if err == nil && (v.UID != 0 || v.GID != 0) {
		v.FS.mu.Lock()
		v.FS.meta[real] = Meta{UID: v.UID, GID: v.GID, Mode: 0o777}
		v.FS.dirty = true
		v.FS.mu.Unlock()
	}
	return perr("symlink", p, err)
}

// Link makes p another name of the file old.
func (v *View) Link(old, p string) error {
	a, err := v.Resolve(old, false)
	if err != nil {
		return perr("link", old, err)
	}
	b, err := v.Resolve(p, false)
	if err != nil {
		return perr("link", p, err)
	}
	if _, ok := v.hook(a); ok {
		return perr("link", old, syscall.EXDEV)
	}
	if err := v.mayEdit(b); err != nil {
		return perr("link", p, err)
	}
	if hi, err := at(v.FS, a, (*os.Root).Lstat); err == nil {
		if err := v.FS.own(a, hi); err != nil {
			return perr("link", p, err)
		}
	}
	if err := v.FS.root.Link(rel(a), rel(b)); err != nil {
		return perr("link", p, err)
	}
	if m, ok := v.FS.metaOf(a); ok {
		v.FS.setMeta(b, m, false)
	}
	return nil
}

// Readlink is a link's text.
func (v *View) Readlink(p string) (string, error) {
	real, err := v.Resolve(p, false)
	if err != nil {
		return "", perr("readlink", p, err)
	}
	if n, ok := v.hook(real); ok {
		if n == nil || n.Mode&fs.ModeSymlink == 0 {
			return "", perr("readlink", p, syscall.EINVAL)
		}
		return n.Target, nil
	}
	t, err := at(v.FS, real, (*os.Root).Readlink)
	return t, perr("readlink", p, err)
}

// Chmod sets permission and special bits.
func (v *View) Chmod(p string, mode fs.FileMode) error {
	return v.change("chmod", p, true, func(i *Info) Meta {
		return Meta{UID: i.UID, GID: i.GID, Mode: mode&modeBits | i.mode&fs.ModeNamedPipe}
	})
}

// Chown sets the owner; -1 leaves one as it is. Only root may.
func (v *View) Chown(p string, uid, gid int, follow bool) error {
	if v.UID != 0 {
		return perr("chown", p, syscall.EPERM)
	}
	return v.change("chown", p, follow, func(i *Info) Meta {
		m := Meta{UID: i.UID, GID: i.GID, Mode: i.mode & (modeBits | fs.ModeNamedPipe)}
		if uid >= 0 {
			m.UID = uid
		}
		if gid >= 0 {
			m.GID = gid
		}
		return m
	})
}

func (v *View) change(op, p string, follow bool, f func(*Info) Meta) error {
	real, err := v.Resolve(p, follow)
	if err != nil {
		return perr(op, p, err)
	}
	if n, ok := v.hook(real); ok && n != nil {
		return nil
	}
	i, err := v.lstat(real)
	if err != nil {
		return perr(op, p, err)
	}
	if v.UID != 0 && i.UID != v.UID {
		return perr(op, p, syscall.EPERM)
	}
	m := f(i)
	if i.mode&fs.ModeSymlink != 0 {
		v.FS.mu.Lock()
		v.FS.meta[real] = m
		v.FS.dirty = true
		v.FS.mu.Unlock()
		return nil
	}
	if err := v.FS.own(real, i.FileInfo); err != nil {
		return perr(op, p, err)
	}
	v.FS.setMeta(real, m, i.IsDir())
	return nil
}

// Truncate cuts or grows a file.
func (v *View) Truncate(p string, size int64) error {
	f, err := v.Open(p, 1|syscall.O_CREAT, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Host == nil {
		return nil
	}
	if hi, err := f.Host.Stat(); err == nil && size > hi.Size() {
		if err := v.FS.grow(size - hi.Size()); err != nil {
			return perr("truncate", p, err)
		}
	}
	return perr("truncate", p, f.Host.Truncate(size))
}
