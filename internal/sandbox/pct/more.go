package pct

import (
	"context"
	"errors"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

func (t *Tool) resize(c *call) error  { return t.power(c, t.node.Resize) }
func (t *Tool) suspend(c *call) error { return t.power(c, t.suspending) }
func (t *Tool) resume(c *call) error  { return t.power(c, t.resuming) }

func (t *Tool) suspending(ctx context.Context, a node.Auth, vmid int, _ node.Params) (string, error) {
	return t.node.Suspend(ctx, a, vmid)
}

func (t *Tool) resuming(_ context.Context, a node.Auth, vmid int, _ node.Params) (string, error) {
	return t.node.Resume(a, vmid)
}

func (t *Tool) clone(c *call) error {
	upid, err := t.node.Clone(t.ctx, node.Root, c.params)
	return t.follow(c, upid, err)
}

func (t *Tool) template(c *call) error {
	upid, err := t.node.MakeTemplate(t.ctx, node.Root, c.vmid)
	return t.follow(c, upid, err)
}

func (t *Tool) migrate(c *call) error { return t.power(c, t.node.Migrate) }

// moveVolume has its storage as an optional third word.
func (t *Tool) moveVolume(c *call) error {
	for i, key := range []string{"storage", "target-vmid", "target-volume"} {
		if i < len(c.extra) {
			c.params[key] = c.extra[i]
		}
	}
	if len(c.extra) > 3 {
		return errors.New("400 too many arguments\npct move-volume <vmid> <volume> [<storage>] [<target-vmid>] [<target-volume>] [OPTIONS]")
	}
	return t.power(c, t.node.MoveVolume)
}

func (t *Tool) restore(c *call) error {
	c.params["restore"] = "1"
	return t.create(c)
}

// rescan finds nothing: no volume comes and goes beside the node's back.
func (t *Tool) rescan(c *call) error {
	_, err := fmt.Fprintln(c.p.Stdout, "rescan volumes...")
	return err
}

// enter is root's shell in the container.
func (t *Tool) enter(c *call) error {
	if err := t.running(c.vmid, fmt.Sprintf("container '%d' not running!", c.vmid)); err != nil {
		return err
	}
	return t.inside(c.p, c.vmid, []string{"/bin/sh"}, guestEnv(c.p.Env(), c.params["keep-env"] == "1"), t.node.Exec)
}

// mount makes the root file system readable on the node. The folder there cannot be written
// to, as it can on a genuine one.
func (t *Tool) mount(c *call) error {
	if err := t.node.Mount(c.vmid); err != nil {
		return err
	}
	fmt.Fprintf(c.p.Stdout, "mounted CT %d in '/var/lib/lxc/%d/rootfs'\n", c.vmid, c.vmid)
	return nil
}

func (t *Tool) unmount(c *call) error { return t.node.Unmount(c.vmid) }

// cannot is a verb that genuine nodes have and this one does not.
func (t *Tool) cannot(c *call) error {
	return errors.New("pct " + c.verb + ": the simulated node cannot do that")
}
