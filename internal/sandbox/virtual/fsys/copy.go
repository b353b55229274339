package fsys

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
)

// CopyTo copies the file system as it is now to the folder dir and its side
// table to the file table; neither is there yet. Files that change meanwhile are
// copied as they are met, files that go are left out, hard links stay hard
// links. It never leaves the folder, whatever a guest does with links meanwhile.
func (f *FS) CopyTo(dir, table string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	to, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	c := copier{fs: f, from: f.root, to: to, seen: map[uint64]string{}}
	if err := c.folder("."); err != nil {
		return err
	}
	f.mu.Lock()
	b, err := json.Marshal(f.meta)
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return os.WriteFile(table, b, 0o600)
}

type copier struct {
	fs       *FS
	from, to *os.Root
	seen     map[uint64]string // inode of a file with several names: its first
}

// folder copies the entries of a folder that exists on both sides, then sets its mode and
// time.
func (c *copier) folder(name string) error {
	info, err := c.from.Lstat(name)
	if err != nil {
		return err
	}
	f, err := c.from.Open(name)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	_ = f.Close()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.entry(path.Join(name, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := c.to.Chmod(name, info.Mode().Perm()); err != nil {
		return err
	}
	return c.to.Chtimes(name, info.ModTime(), info.ModTime())
}

func (c *copier) entry(name string) error {
	info, err := c.from.Lstat(name)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := c.from.Readlink(name)
		if err != nil {
			return err
		}
		return c.to.Symlink(target, name)
	case info.IsDir():
		if err := c.to.Mkdir(name, 0o700); err != nil {
			return err
		}
		return c.folder(name)
	case !info.Mode().IsRegular(): // none is ever made here
		return nil
	}
	// A shared file is linked to the pool once more. Linked by its name in the guest, it
	// would be whatever a guest's process puts in its place meanwhile.
	if shared(info) && c.fs.link("", c.to, "/"+name) == nil {
		return nil
	}
	links, ino := linkInfo(info)
	if first, ok := c.seen[ino]; ok && links > 1 {
		return c.to.Link(first, name)
	}
	if links > 1 {
		c.seen[ino] = name
	}
	return c.file(name, info)
}

func (c *copier) file(name string, info fs.FileInfo) (err error) {
	from, err := c.from.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := c.to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from) // shares the blocks where the host's file system can
	if err := errors.Join(err, to.Chmod(info.Mode().Perm()), to.Close()); err != nil {
		return err
	}
	return c.to.Chtimes(name, info.ModTime(), info.ModTime())
}
