package node

import (
	"context"
	"strings"
)

// Resize is PUT /lxc/ID/resize: a task that grows a disk; disks never shrink.
func (n *Node) Resize(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	key := p["disk"]
	n.mu.Lock()
	c, err := n.find(vmid)
	var old string
	if err == nil {
		old = c.Conf[key]
	}
	n.mu.Unlock()
	if err != nil {
		return "", err
	}
	if old == "" {
		const missing = "property is missing and it is not optional"
		return "", &Error{Status: 500, Message: "format error", Params: map[string]string{"mp": missing, "volume": missing}}
	}
	d := properties(old, "volume")
	if m := volumeID().FindStringSubmatch(d["volume"]); m != nil {
		if err := n.Check(a, "/storage/"+m[1], "Datastore.AllocateSpace"); err != nil {
			return "", err
		}
	}
	size := parseSize(strings.TrimPrefix(p["size"], "+"))
	if strings.HasPrefix(p["size"], "+") {
		size += parseSize(d["size"])
	}
	if size < parseSize(d["size"]) {
		return "", fail("unable to shrink disk size")
	}
	if size == parseSize(d["size"]) {
		return "", fail("disk is already at specified size")
	}
	return n.power(ctx, a, "resize", vmid, func(ctx context.Context, _ *worker) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		c, err := n.find(vmid)
		if err != nil {
			return err
		}
		if err := c.checkLock(); err != nil {
			return err
		}
		if id, _, _ := strings.Cut(d["volume"], ":"); volumeFormat(d["volume"]) == "subvol" {
			if s, err := n.storage(id); err == nil && s.Type == "dir" {
				return fail("can't resize this image format")
			}
		}
		d["size"] = printSize(size)
		c.Conf[key] = printProperties(d, "volume", true)
		if err := n.save(); err != nil {
			return err
		}
		return n.reconfigure(ctx, c)
	})
}

// reconfigure applies the settings that take effect in a running guest; mu held.
func (n *Node) reconfigure(ctx context.Context, c *container) error {
	if n.pid(c.VMID) == 0 {
		return nil
	}
	if err := n.drv.Reconfigure(ctx, n.driverConfig(c)); err != nil {
		return fail("%v", err)
	}
	return nil
}
