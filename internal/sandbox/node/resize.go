package node

import (
	"context"
	"strings"
)

// Resize is PUT /lxc/ID/resize: a task that grows a disk; disks never shrink.
func (n *Node) Resize(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	if _, _, err := n.mayResize(a, vmid, p); err != nil {
		return "", err
	}
	return n.power(ctx, a, "resize", vmid, func(ctx context.Context, _ *worker) error {
		d, size, err := n.mayResize(a, vmid, p)
		if err != nil {
			return err
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		c, err := n.find(vmid)
		if err != nil {
			return err
		}
		if id, _, _ := strings.Cut(d["volume"], ":"); volumeFormat(d["volume"]) == "subvol" {
			if s, err := n.storage(id); err == nil && s.Type == "dir" {
				return fail("can't resize this image format")
			}
		}
		d["size"] = printSize(size)
		c.Conf[p["disk"]] = printProperties(d, "volume", true)
		if err := n.save(); err != nil {
			return err
		}
		return n.reconfigure(ctx, c)
	})
}

// mayResize returns the properties of a disk, and the size that it may get.
func (n *Node) mayResize(a Auth, vmid int, p Params) (d map[string]string, size int64, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err == nil {
		err = c.checkLock()
	}
	if err == nil {
		err = modified(c.digest(), p["digest"])
	}
	if err != nil {
		return nil, 0, err
	}
	if c.Conf[p["disk"]] == "" {
		return nil, 0, noVolume(p["disk"])
	}
	d = properties(c.Conf[p["disk"]], "volume")
	m := volumeID().FindStringSubmatch(d["volume"])
	if m == nil {
		return nil, 0, fail("unable to parse volume ID '%s'", d["volume"])
	}
	if owner := ownerOf(d["volume"], vmid); owner != vmid {
		return nil, 0, fail("can't resize mount point owned by another container (%d)", owner)
	}
	n.mu.Unlock()
	err = n.Check(a, "/storage/"+m[1], "Datastore.AllocateSpace")
	n.mu.Lock()
	if err != nil {
		return nil, 0, err
	}
	if !n.there(d["volume"]) {
		return nil, 0, n.notThere(d["volume"])
	}
	now := n.sizeOf(d["volume"])
	if size = parseSize(strings.TrimPrefix(p["size"], "+")); strings.HasPrefix(p["size"], "+") {
		size += now
	}
	switch {
	case size < now:
		return nil, 0, fail("unable to shrink disk size")
	case size == now:
		return nil, 0, fail("disk is already at specified size")
	}
	return d, size, nil
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
