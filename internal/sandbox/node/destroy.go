package node

import (
	"context"
	"slices"
	"strconv"
)

// Destroy is DELETE /lxc/ID.
func (n *Node) Destroy(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	if err := n.mayDestroy(vmid, p); err != nil {
		return "", err
	}
	running := fail("unable to destroy CT %d - container is running", vmid)
	if n.pid(vmid) != 0 && !p.bool("force") {
		return "", running
	}
	return n.power(ctx, a, "vzdestroy", vmid, func(ctx context.Context, w *worker) error {
		if err := n.mayDestroy(vmid, p); err != nil {
			return err
		}
		if n.pid(vmid) != 0 {
			if !p.bool("force") {
				return running
			}
			w.Log("forced to stop CT " + strconv.Itoa(vmid) + " before destroying!")
			if err := n.drv.Stop(ctx, vmid); err != nil {
				return fail("%v", err)
			}
		}
		return n.destroy(ctx, w, vmid, p)
	})
}

// mayDestroy: with snapshots it may; they go, too.
func (n *Node) mayDestroy(vmid int, p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	if c.Conf["protection"] == "1" {
		return fail("can't remove CT %d - protection mode enabled", vmid)
	}
	if err := c.checkLock(); err != nil {
		return err
	}
	if n.managed(c) && !p.bool("purge") {
		return fail("unable to remove CT %d - used in HA resources and purge parameter not set.", vmid)
	}
	return nil
}

func (n *Node) destroy(ctx context.Context, w *worker, vmid int, p Params) error {
	if err := n.drv.Destroy(ctx, vmid); err != nil {
		return fail("%v", err)
	}
	if p.bool("purge") {
		w.Log("purging CT " + strconv.Itoa(vmid) + " from related configurations..")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.st.Containers[vmid]
	n.drop(vmid)
	if c != nil {
		n.freeAll(c)
	}
	if p.bool("destroy-unreferenced-disks") {
		n.freeUnreferenced(vmid)
	}
	vm := "/vms/" + strconv.Itoa(vmid)
	n.st.Access.ACL = slices.DeleteFunc(n.st.Access.ACL, func(x ACL) bool { return x.Path == vm })
	return n.save()
}

// freeAll frees the volumes of a container that is no more, as far as it owned them: also
// unused ones that a snapshot had. mu held.
func (n *Node) freeAll(c *container) {
	for _, v := range c.volumes() {
		switch {
		case v.VMID == c.VMID:
			_ = n.drv.Drop(v.Volid)
		case !n.mounted(v.Volid) && !slices.Contains(n.st.Missing, v.Volid): // "ignore deletion of …, CT N isn't the owner"
			n.st.Strays = append(n.st.Strays, v)
		}
	}
	for key, text := range c.Conf {
		if volid := properties(text, "volume")["volume"]; numbered(key, "unused") && ownerOf(volid, c.VMID) == c.VMID {
			n.free(volid)
			_ = n.drv.Drop(volid)
		}
	}
}
