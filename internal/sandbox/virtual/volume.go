package virtual

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// volumeDir is the folder of a volume that is no guest's root file system, beside the guests.
func volumeDir(volume string) string {
	return path.Join("volumes", strings.NewReplacer("/", "_", ":", "_").Replace(volume))
}

// Keep copies a root file system to a volume.
func (d *Driver) Keep(_ context.Context, vmid int, volume string) error {
	to := filepath.Join(d.o.Dir, volumeDir(volume))
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o700)); err != nil {
		return err
	}
	return d.withFS(vmid, func(f *fsys.FS) error {
		return f.CopyTo(filepath.Join(to, rootfsDir), filepath.Join(to, ownersFile))
	})
}

// Take makes a volume the root file system, and keeps the one that was as another volume. All
// names are below one folder, which no link in a guest can lead out of.
func (d *Driver) Take(_ context.Context, c driver.Config, volume, old string) error {
	if _, err := d.guest(c.VMID); err == nil {
		return fmt.Errorf("container %d is running", c.VMID)
	}
	top, err := os.OpenRoot(d.o.Dir)
	if err != nil {
		return err
	}
	defer top.Close()
	guest := path.Join("guests", filepath.Base(d.dir(c.VMID)))
	from, to := volumeDir(volume), volumeDir(old)
	if _, err := top.Stat(from); err != nil {
		return fmt.Errorf("there is no volume %s", volume)
	}
	if err := errors.Join(top.RemoveAll(to), top.MkdirAll(to, 0o700)); err != nil {
		return err
	}
	for _, part := range []string{rootfsDir, ownersFile} {
		if err := top.Rename(path.Join(guest, part), path.Join(to, part)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := top.Rename(path.Join(from, part), path.Join(guest, part)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, m := range c.Mounts {
		if m.Source == "" {
			if err := carry(top, to, guest, m.Path); err != nil {
				return err
			}
		}
	}
	return top.RemoveAll(from)
}

// carry moves the folder of a mount point, with its owners, to the new root file system.
func carry(top *os.Root, from, to, mount string) error {
	rel := strings.Trim(path.Clean("/"+mount), "/")
	if rel == "" {
		return nil
	}
	source, target := path.Join(from, rootfsDir, rel), path.Join(to, rootfsDir, rel)
	if _, err := top.Lstat(source); err != nil {
		return nil //nolint:nilerr // nobody has made it
	}
	if err := errors.Join(top.RemoveAll(target), top.MkdirAll(path.Dir(target), 0o755)); err != nil {
		return err
	}
	if err := top.Rename(source, target); err != nil {
		return err
	}
	was, err := owners(top, from)
	if err != nil {
		return err
	}
	now, err := owners(top, to)
	if err != nil {
		return err
	}
	for name, meta := range was {
		if at := strings.Trim(name, "/"); at == rel || strings.HasPrefix(at, rel+"/") {
			now[name] = meta
		}
	}
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return top.WriteFile(path.Join(to, ownersFile), text, 0o600)
}

func owners(top *os.Root, dir string) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	text, err := top.ReadFile(path.Join(dir, ownersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(text, &all)
}

// Rename gives a volume another name; one that is mounted has no folder here.
func (d *Driver) Rename(from, to string) error {
	err := os.Rename(filepath.Join(d.o.Dir, volumeDir(from)), filepath.Join(d.o.Dir, volumeDir(to)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Drop removes a volume.
func (d *Driver) Drop(volume string) error {
	return os.RemoveAll(filepath.Join(d.o.Dir, volumeDir(volume)))
}
