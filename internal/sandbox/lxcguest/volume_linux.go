package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// volumeDir is the folder of a volume that is no guest's root file system.
func (d *Driver) volumeDir(volume string) string {
	return filepath.Join(d.guestsDir(), "..", "volumes", strings.NewReplacer("/", "_", ":", "_").Replace(volume))
}

// rootParts are what makes up a root file system: a layer over a template's, or a copy.
var rootParts = []string{"lower", "upper", "work", "rootfs"}

// Keep copies a stopped guest's root file system to a volume.
func (d *Driver) Keep(ctx context.Context, vmid int, volume string) error {
	to := d.volumeDir(volume)
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o755)); err != nil {
		return err
	}
	if err := unmount(d.path(vmid, "rootfs")); err != nil {
		return err
	}
	for _, part := range rootParts {
		if _, err := os.Stat(d.path(vmid, part)); err != nil {
			continue
		}
		if err := copyFolder(ctx, d.path(vmid, part), filepath.Join(to, part)); err != nil {
			return err
		}
	}
	return d.mount(vmid)
}

// Take makes a volume the root file system, and keeps the one that was as another volume. The
// folders of volumes stay the guest's.
func (d *Driver) Take(ctx context.Context, c driver.Config, volume, old string) error {
	if d.Pid(c.VMID) != 0 {
		return fmt.Errorf("CT %d is running", c.VMID)
	}
	from, to := d.volumeDir(volume), d.volumeDir(old)
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("there is no volume %s", volume)
	}
	data := d.path(c.VMID, "data.new")
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o755), os.RemoveAll(data), os.MkdirAll(data, 0o700)); err != nil {
		return err
	}
	for i, m := range c.Mounts {
		if m.Source == "" {
			if err := d.carry(ctx, d.inRoot(c.VMID, m.Path), filepath.Join(data, strconv.Itoa(i))); err != nil {
				return err
			}
		}
	}
	if err := unmount(d.path(c.VMID, "rootfs")); err != nil {
		return err
	}
	for _, part := range rootParts {
		if err := os.Rename(d.path(c.VMID, part), filepath.Join(to, part)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Rename(filepath.Join(from, part), d.path(c.VMID, part)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := d.mount(c.VMID); err != nil {
		return err
	}
	for i, m := range c.Mounts {
		if m.Source == "" {
			if err := d.carry(ctx, filepath.Join(data, strconv.Itoa(i)), d.inRoot(c.VMID, m.Path)); err != nil {
				return err
			}
		}
	}
	return errors.Join(os.RemoveAll(data), os.RemoveAll(from))
}

// inRoot is a folder of the guest, "" where a link leads to it: a guest could make one that
// leads out.
func (d *Driver) inRoot(vmid int, path string) string {
	at := d.path(vmid, "rootfs")
	for part := range strings.SplitSeq(strings.Trim(filepath.Clean("/"+path), "/"), "/") {
		at = filepath.Join(at, part)
		if info, err := os.Lstat(at); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return ""
		}
	}
	return at
}

// carry copies a folder to the place of another one. There is nothing to do without either.
func (d *Driver) carry(ctx context.Context, from, to string) error {
	if from == "" || to == "" {
		return nil
	}
	if _, err := os.Lstat(from); err != nil {
		return nil //nolint:nilerr // nobody has made it
	}
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(filepath.Dir(to), 0o755)); err != nil {
		return err
	}
	return copyFolder(ctx, from, to)
}

// mountData is the folder of a volume that has what a mount point had.
const mountData = "data"

// SaveMount moves what is in a folder of a guest to a volume.
func (d *Driver) SaveMount(ctx context.Context, vmid int, folder, volume string, keep bool) error {
	from, to := d.inRoot(vmid, folder), d.volumeDir(volume)
	if info, err := os.Lstat(from); from == "" || err != nil || !info.IsDir() {
		return nil //nolint:nilerr // nobody has made it
	}
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o755)); err != nil {
		return err
	}
	if err := copyFolder(ctx, from, filepath.Join(to, mountData)); err != nil || keep {
		return err
	}
	entries, err := os.ReadDir(from)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(from, e.Name())))
	}
	return err
}

// LoadMount moves what is in a volume to a folder of a guest.
func (d *Driver) LoadMount(ctx context.Context, vmid int, folder, volume string) error {
	to, from := d.inRoot(vmid, folder), filepath.Join(d.volumeDir(volume), mountData)
	if _, err := os.Stat(from); to == "" || err != nil {
		return nil //nolint:nilerr // it is new, or another guest has it
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := copyFolder(ctx, from+"/.", to); err != nil {
		return err
	}
	return os.RemoveAll(d.volumeDir(volume))
}

// Rename gives a volume another name; one that is mounted has no folder here.
func (d *Driver) Rename(from, to string) error {
	err := os.Rename(d.volumeDir(from), d.volumeDir(to))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Drop removes a volume.
func (d *Driver) Drop(volume string) error { return os.RemoveAll(d.volumeDir(volume)) }
