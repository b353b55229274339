package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Create puts an empty layer over the unpacked OS template and sets it up. It leaves
// nothing behind when it fails.
func (d *Driver) Create(ctx context.Context, c driver.Config, s driver.Secrets, log func(string)) (err error) {
	if _, err := os.Stat(d.path(c.VMID)); err == nil {
		return fmt.Errorf("CT %d has a root file system already", c.VMID)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.remove(c.VMID))
		}
	}()
	archive := c.TemplatePath
	if c.Image != "" {
		archive = c.Image
	}
	lower, size, err := d.unpacked(ctx, archive, c.Image != "", c.Unprivileged)
	if err != nil {
		return err
	}
	if c.Image == "" {
		log(fmt.Sprintf("extracting archive '/var/lib/vz/template/cache/%s'", filepath.Base(c.OSTemplate)))
		log(fmt.Sprintf("Total bytes read: %d (%dMiB)", size, size>>20))
	}
	for _, sub := range []string{"upper", "work", "rootfs"} {
		if err := os.MkdirAll(d.path(c.VMID, sub), 0o755); err != nil {
			return err
		}
	}
	owner := rootOf(c.Unprivileged)
	// The guest sees the owner and mode of the upper folder as those of /.
	if err := os.Chown(d.path(c.VMID, "upper"), owner, owner); err != nil {
		return err
	}
	if err := os.WriteFile(d.path(c.VMID, "lower"), []byte(lower), 0o644); err != nil {
		return err
	}
	if err := d.mount(c.VMID); err != nil {
		// Some file systems cannot carry a layer, for example that of a container.
		d.opt.Log(err.Error() + "; copying it instead")
		if err := d.copyRoot(ctx, c.VMID, lower); err != nil {
			return err
		}
	}
	if c.Image != "" {
		return settle(ctx, d.path(c.VMID, "rootfs"), owner, c, s, d.net.nameservers(), log)
	}
	log("Detected container architecture: amd64")
	return setup(ctx, d.path(c.VMID, "rootfs"), owner, c, s, d.net.nameservers(), log)
}

func rootOf(unprivileged bool) int {
	if unprivileged {
		return idBase
	}
	return 0
}

// mount mounts the guest's root file system, unless it is mounted.
func (d *Driver) mount(vmid int) error {
	root := d.path(vmid, "rootfs")
	var st, parent unix.Stat_t
	if unix.Stat(root, &st) == nil && unix.Stat(d.path(vmid), &parent) == nil && st.Dev != parent.Dev {
		return nil
	}
	lower, err := os.ReadFile(d.path(vmid, "lower"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // a copy
	}
	if err != nil {
		return err
	}
	opts := "lowerdir=" + string(lower) + ",upperdir=" + d.path(vmid, "upper") + ",workdir=" + d.path(vmid, "work")
	if d.opt.Throwaway {
		opts += ",volatile"
	}
	// The kernel refuses a layer that was volatile before; only a crash could have hurt it.
	if err := os.RemoveAll(d.path(vmid, "work", "work", "incompat")); err != nil {
		return err
	}
	if err := unix.Mount("overlay", root, "overlay", 0, opts); err != nil {
		return fmt.Errorf("cannot mount the root file system of CT %d: %w", vmid, err)
	}
	return nil
}

// copyRoot gives the guest a copy of the root file system if no layer is possible.
func (d *Driver) copyRoot(ctx context.Context, vmid int, lower string) error {
	if err := os.Remove(d.path(vmid, "lower")); err != nil {
		return err
	}
	return run(ctx, "cp", "-a", "--reflink=auto", lower+"/.", d.path(vmid, "rootfs"))
}

// Destroy removes the root file system of a stopped guest.
func (d *Driver) Destroy(ctx context.Context, vmid int) error {
	if err := d.Stop(ctx, vmid); err != nil {
		return err
	}
	return d.remove(vmid)
}

// remove unmounts before it deletes, because the folder below the overlay is shared.
func (d *Driver) remove(vmid int) error {
	if err := unmount(d.path(vmid, "rootfs")); err != nil {
		return err
	}
	if _, err := os.Stat(d.path(vmid, "lower")); err == nil {
		if err := os.Remove(d.path(vmid, "rootfs")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err // still mounted
		}
	}
	return os.RemoveAll(d.path(vmid))
}

// Remove removes every guest of a sandbox that is not in use.
func Remove(dir, name string) error {
	if dir == "" {
		dir = DefaultDir
	}
	d := &Driver{dir: filepath.Join(dir, "sandboxes", name), guests: map[int]*running{}}
	d.sweep(context.Background())
	entries, err := os.ReadDir(d.guestsDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		vmid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if err := d.remove(vmid); err != nil {
			return err
		}
	}
	return os.RemoveAll(d.dir)
}
