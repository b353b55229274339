package node

import (
	"context"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Exec runs a process in a running guest, as lxc-attach does. It takes no lock and makes no
// task. If the process cannot start, Exec returns an *Error: there is no such container, or
// "container 'ID' not running!".
func (n *Node) Exec(ctx context.Context, vmid int, e driver.Exec) (int, error) {
	if err := n.Exists(vmid); err != nil {
		return 0, err
	}
	if n.pid(vmid) == 0 {
		return 0, fail("container '%d' not running!", vmid)
	}
	return n.drv.Exec(ctx, vmid, e)
}

// Attach is Exec on a pty.
func (n *Node) Attach(vmid int, e driver.Exec) (driver.Attached, error) {
	if err := n.Exists(vmid); err != nil {
		return nil, err
	}
	if n.pid(vmid) == 0 {
		return nil, fail("container '%d' not running!", vmid)
	}
	return n.drv.Attach(vmid, e)
}

// Push is pct push: under the config lock, and a push_file task in the node's
// history. perm, user and group may be "".
func (n *Node) Push(ctx context.Context, a Auth, vmid int, path string, r io.Reader, perm, user, group string) error {
	return n.file(ctx, a, "push_file", vmid, func(ctx context.Context) error {
		return n.drv.Push(ctx, vmid, path, r, perm, user, group)
	})
}

// Pull is pct pull, likewise a pull_file task; open is called with the file once
// it is there.
func (n *Node) Pull(ctx context.Context, a Auth, vmid int, path string, w io.Writer) error {
	return n.file(ctx, a, "pull_file", vmid, func(ctx context.Context) error {
		f, err := n.drv.Pull(ctx, vmid, path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

func (n *Node) file(ctx context.Context, a Auth, typ string, vmid int, run func(context.Context) error) error {
	if err := n.Exists(vmid); err != nil {
		return err
	}
	if n.pid(vmid) == 0 {
		return fail("container '%d' not running!", vmid)
	}
	unlock, err := n.lock(ctx, vmid, n.opt.LockTimeout)
	if err != nil {
		return err
	}
	defer unlock()
	return n.Run(ctx, a, typ, strconv.Itoa(vmid), run)
}

// Address is where the node's guests' addresses of one container stand, for
// tests and for the sandbox's own messages.
func (n *Node) Addresses(ctx context.Context, vmid int) ([]driver.Interface, error) {
	return n.drv.Interfaces(ctx, vmid)
}

// TemplateDir is where downloaded archives lie.
func (n *Node) TemplateDir() string { return n.opt.Dir + string(os.PathSeparator) + "template" }

// Wait returns when the guest does not run any more, or ctx ends.
func (n *Node) Wait(ctx context.Context, vmid int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n.pid(vmid) != 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
