package virtual

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

const (
	rootfsDir  = "rootfs"
	ownersFile = "owners.json"
)

func (d *Driver) snapshotDir(vmid int, name string) string {
	return filepath.Join(d.dir(vmid), "snapshots", name)
}

// Snapshot copies the root file system. A running guest goes on: a file that is
// written just then is kept as far as it has got.
func (d *Driver) Snapshot(_ context.Context, vmid int, name string) error {
	to := d.snapshotDir(vmid, name)
	if _, err := os.Stat(to); err == nil {
		return fmt.Errorf("container %d has a snapshot %s already", vmid, name)
	}
	half := to + ".new" // no snapshot's name has a dot
	if err := errors.Join(os.RemoveAll(half), os.MkdirAll(half, 0o700)); err != nil {
		return err
	}
	err := d.withFS(vmid, func(f *fsys.FS) error {
		return f.CopyTo(filepath.Join(half, rootfsDir), filepath.Join(half, ownersFile))
	})
	if err != nil {
		return errors.Join(fmt.Errorf("cannot copy the root file system of %d: %w", vmid, fsys.Errno(err)), os.RemoveAll(half))
	}
	return os.Rename(half, to)
}

// withFS hands over a guest's file system, which is open while it runs.
func (d *Driver) withFS(vmid int, do func(*fsys.FS) error) error {
	if g, err := d.guest(vmid); err == nil {
		return do(g.fs)
	}
	return d.openFS(d.dir(vmid), do)
}

func (d *Driver) openFS(dir string, do func(*fsys.FS) error) error {
	f, err := fsys.Open(filepath.Join(dir, rootfsDir), filepath.Join(dir, ownersFile), 0)
	if err != nil {
		return err
	}
	f.SetPool(d.pool())
	return errors.Join(do(f), f.Close())
}

// Rollback puts a copy of the snapshot in the root file system's place.
func (d *Driver) Rollback(_ context.Context, vmid int, name string) error {
	if _, err := d.guest(vmid); err == nil {
		return fmt.Errorf("container %d is running", vmid)
	}
	fresh, old := filepath.Join(d.dir(vmid), "rollback"), filepath.Join(d.dir(vmid), "old")
	if err := errors.Join(os.RemoveAll(fresh), os.RemoveAll(old), os.Mkdir(fresh, 0o700)); err != nil {
		return err
	}
	err := d.openFS(d.snapshotDir(vmid, name), func(f *fsys.FS) error {
		return f.CopyTo(filepath.Join(fresh, rootfsDir), filepath.Join(fresh, ownersFile))
	})
	if err != nil {
		return errors.Join(fmt.Errorf("cannot copy snapshot %s of %d: %w", name, vmid, fsys.Errno(err)), os.RemoveAll(fresh))
	}
	root := filepath.Join(d.dir(vmid), rootfsDir)
	if err := os.Rename(root, old); err != nil && !errors.Is(err, os.ErrNotExist) { // killed here before
		return err
	}
	for _, part := range []string{rootfsDir, ownersFile} {
		if err := os.Rename(filepath.Join(fresh, part), filepath.Join(d.dir(vmid), part)); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(fresh), os.RemoveAll(old))
}

// DeleteSnapshot removes the copy.
func (d *Driver) DeleteSnapshot(_ context.Context, vmid int, name string) error {
	to := d.snapshotDir(vmid, name)
	return errors.Join(os.RemoveAll(to), os.RemoveAll(to+".new"))
}

// CutLinks cuts the SSH connections of every guest.
func (d *Driver) CutLinks(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.guests {
		g.sys.CutLinks()
	}
	return nil
}

// Root is the folder of a guest's root file system on this machine.
func (d *Driver) Root(vmid int) (string, error) { return filepath.Join(d.dir(vmid), rootfsDir), nil }
