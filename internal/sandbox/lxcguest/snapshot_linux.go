package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// own is the folder of what is the guest's alone: its layer over the OS template,
// or all of it where there is no layer.
func (d *Driver) own(vmid int) string {
	if _, err := os.Stat(d.path(vmid, "lower")); err == nil {
		return "upper"
	}
	return "rootfs"
}

// Snapshot copies the guest's own folder, with a running guest frozen meanwhile
// as on a real node. Where it cannot be frozen (no freezer in reach) it goes on,
// and what it writes just then may be kept in half.
func (d *Driver) Snapshot(ctx context.Context, vmid int, name string) error {
	own, to := d.own(vmid), d.path(vmid, "snapshots", name)
	if _, err := os.Stat(to); err == nil {
		return fmt.Errorf("CT %d has a snapshot %s already", vmid, name)
	}
	half := to + ".new" // no snapshot's name has a dot
	if err := errors.Join(os.RemoveAll(half), os.MkdirAll(half, 0o700)); err != nil {
		return err
	}
	defer d.freeze(ctx, vmid)()
	if err := copyFolder(ctx, d.path(vmid, own), filepath.Join(half, own)); err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	return os.Rename(half, to)
}

// freeze stops a running guest's processes, and returns the function that lets them go on.
func (d *Driver) freeze(ctx context.Context, vmid int) (thaw func()) {
	if d.Pid(vmid) == 0 {
		return func() {}
	}
	if err := d.lxc(ctx, "lxc-freeze", vmid); err != nil {
		d.opt.Log(err.Error())
		return func() {}
	}
	return func() { _ = d.lxc(context.WithoutCancel(ctx), "lxc-unfreeze", vmid) }
}

func (d *Driver) lxc(ctx context.Context, tool string, vmid int) error {
	return run(ctx, tool, "-n", strconv.Itoa(vmid), "-P", d.guestsDir())
}

// copyFolder keeps owners, whiteouts and attributes; to must not be there.
func copyFolder(ctx context.Context, from, to string) error {
	return run(ctx, "cp", "-a", "--reflink=auto", from, to)
}

// Rollback takes the layer off, replaces it and puts it on again.
func (d *Driver) Rollback(ctx context.Context, vmid int, name string) error {
	if d.Pid(vmid) != 0 {
		return fmt.Errorf("CT %d is running", vmid)
	}
	own := d.own(vmid)
	from, to := d.path(vmid, "snapshots", name, own), d.path(vmid, own)
	if _, err := os.Stat(from); err != nil {
		return err
	}
	fresh, old := to+".new", to+".old"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := copyFolder(ctx, from, fresh); err != nil {
		return err
	}
	if own == "upper" {
		if err := unmount(d.path(vmid, "rootfs")); err != nil {
			return err
		}
		if err := errors.Join(os.RemoveAll(d.path(vmid, "work")), os.Mkdir(d.path(vmid, "work"), 0o755)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(to, old); err != nil && !errors.Is(err, os.ErrNotExist) { // killed here before
		return err
	}
	if err := os.Rename(fresh, to); err != nil {
		return err
	}
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	return d.mount(vmid)
}

// DeleteSnapshot removes the copy.
func (d *Driver) DeleteSnapshot(_ context.Context, vmid int, name string) error {
	to := d.path(vmid, "snapshots", name)
	return errors.Join(os.RemoveAll(to), os.RemoveAll(to+".new"))
}

// CutLinks kills the processes that serve the guests' SSH connections; sshd
// itself listens on.
func (d *Driver) CutLinks(ctx context.Context) error {
	d.mu.Lock()
	var ids []int
	for id := range d.guests {
		ids = append(ids, id)
	}
	d.mu.Unlock()
	for _, id := range ids {
		// a guest without sshd or pkill has no link that we could cut
		_, _ = d.Exec(ctx, id, driver.Exec{
			Argv: []string{"sh", "-c", `pkill -KILL -P "$(cat /run/sshd.pid)"`}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}})
	}
	return nil
}
