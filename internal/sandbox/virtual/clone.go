package virtual

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// Clone copies a root file system, the SSH host keys in it included: Proxmox makes new ones
// at a create alone. The new hostname is written at the first start.
func (d *Driver) Clone(_ context.Context, from int, snapshot string, c driver.Config) error {
	to := d.dir(c.VMID)
	if _, err := os.Stat(filepath.Join(to, rootfsDir)); err == nil {
		return fmt.Errorf("root file system of %d already exists", c.VMID)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	copyTo := func(f *fsys.FS) error {
		return f.CopyTo(filepath.Join(to, rootfsDir), filepath.Join(to, ownersFile))
	}
	var err error
	if snapshot == "" {
		err = d.withFS(from, copyTo)
	} else {
		err = d.openFS(d.snapshotDir(from, snapshot), copyTo)
	}
	if err == nil && len(c.Without) > 0 {
		err = d.openFS(to, func(f *fsys.FS) error { return empty(f, c.Without) })
	}
	if err == nil {
		err = d.saveConfig(c)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot copy the root file system of %d: %w", from, fsys.Errno(err)), os.RemoveAll(to))
	}
	return nil
}

// empty removes what is in folders.
func empty(f *fsys.FS, folders []string) error {
	v := &fsys.View{FS: f, Cwd: "/"}
	for _, dir := range folders {
		list, err := v.ReadDir(dir)
		if err != nil {
			continue // nobody has made it
		}
		for _, i := range list {
			if err := v.RemoveAll(path.Join(dir, i.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
