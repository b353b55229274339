package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Clone copies a guest's root file system, or a snapshot of it, with the SSH host keys in it:
// Proxmox makes new ones at a create alone. A running guest is frozen meanwhile, as vzdump
// does in its mode suspend. If the new guest's users have other ids, everything goes through
// tar, which runs as each guest's own root. A clone that fails leaves nothing.
func (d *Driver) Clone(ctx context.Context, from int, snapshot string, c driver.Config) (err error) {
	if _, err := os.Stat(d.path(c.VMID)); err == nil {
		return fmt.Errorf("CT %d has a root file system already", c.VMID)
	}
	own := d.own(from)
	source := d.path(from, own)
	if snapshot != "" {
		source = d.path(from, "snapshots", snapshot, own)
	}
	if _, err := os.Stat(source); err != nil {
		return fmt.Errorf("CT %d has no root file system: %w", from, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.remove(c.VMID))
		}
	}()
	if err := os.MkdirAll(d.path(c.VMID), 0o755); err != nil {
		return err
	}
	if own == "upper" {
		if err := copyFile(d.path(c.VMID, "lower"), d.path(from, "lower"), 0o644); err != nil {
			return err
		}
	}
	thaw := d.freeze(ctx, from)
	err = copyFolder(ctx, source, d.path(c.VMID, own))
	thaw()
	if err != nil {
		return err
	}
	if err := empty(d.path(c.VMID, own), c.Without); err != nil {
		return err
	}
	for _, sub := range []string{"upper", "work", "rootfs"} {
		if err := os.MkdirAll(d.path(c.VMID, sub), 0o755); err != nil {
			return err
		}
	}
	if own == "rootfs" { // what upper says of a layer's owner
		if err := os.Chown(d.path(c.VMID, "upper"), d.base(from), d.base(from)); err != nil {
			return err
		}
	}
	if was, now := d.base(from), rootOf(c.Unprivileged); was != now {
		return d.shift(ctx, c.VMID, was != 0, c.Unprivileged)
	}
	return nil
}

// empty removes what the guest has in folders; no link leads out of dir. What the OS template
// has there stays.
func empty(dir string, folders []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, folder := range folders {
		name := strings.Trim(path.Clean("/"+folder), "/")
		f, err := root.Open(name)
		if err != nil {
			continue // nobody has made it
		}
		names, err := f.Readdirnames(-1)
		_ = f.Close()
		for _, n := range names {
			err = errors.Join(err, root.RemoveAll(path.Join(name, n)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shift packs a guest's root file system as root of a guest of one kind and unpacks it as root
// of the other kind. What the guest has then is no layer any more.
func (d *Driver) shift(ctx context.Context, vmid int, was, now bool) error {
	if err := d.mount(vmid); err != nil {
		return err
	}
	fresh := d.path(vmid, "fresh")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	if err := pack(ctx, d.path(vmid, "rootfs"), was, func(r io.Reader) error { return untar(ctx, r, fresh, now, "--xattrs", "--acls") }); err != nil {
		return err
	}
	if err := unmount(d.path(vmid, "rootfs")); err != nil {
		return err
	}
	for _, part := range []string{"lower", "upper", "work", "rootfs"} {
		if err := os.RemoveAll(d.path(vmid, part)); err != nil {
			return err
		}
	}
	owner := rootOf(now)
	if err := errors.Join(os.Mkdir(d.path(vmid, "upper"), 0o755), os.Chown(d.path(vmid, "upper"), owner, owner)); err != nil {
		return err
	}
	return os.Rename(fresh, d.path(vmid, "rootfs"))
}

// pack hands a folder over as a tar stream, read as root of the guests of a kind.
func pack(ctx context.Context, dir string, unprivileged bool, to func(io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "tar", "-cpf", "-", "--numeric-owner", "--one-file-system", "--xattrs", "--acls", "--sparse", "-C", dir, ".")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if unprivileged {
		inUserNamespace(cmd)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	if err = to(out); err != nil {
		cancel() // a tar that nobody reads would not end
	}
	if ended := cmd.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("cannot pack %s: %w", filepath.Base(dir), ended)
	}
	return err
}

// Root is the folder of a guest's root file system on this machine, which is mounted then.
func (d *Driver) Root(vmid int) (string, error) { return d.path(vmid, "rootfs"), d.mount(vmid) }
