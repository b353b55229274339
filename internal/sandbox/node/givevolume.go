package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// MoveVolume is POST /lxc/ID/move_volume: a copy on a storage, in whose place the original
// becomes unused, or a volume's handing over to another container, which renames it.
func (n *Node) MoveVolume(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	key, storage, target := p["volume"], p["storage"], p["target-vmid"]
	to, _ := strconv.Atoi(target)
	switch {
	case storage != "" && target != "":
		return "", fail("either set storage or target-vmid, but not both")
	case target != "":
		return n.giveVolume(a, p, vmid, key, to, cmp.Or(p["target-volume"], key))
	case storage == "":
		const text = "both 'storage' and 'target-vmid' missing, either needs to be set"
		return "", BadParams(map[string]string{"storage": text, "target-vmid": text})
	}
	return n.copyVolume(ctx, a, vmid, key, p)
}

// copyVolume locks the container with disk until the copy is there.
func (n *Node) copyVolume(ctx context.Context, a Auth, vmid int, key string, p Params) (string, error) {
	storage, drop := p["storage"], p.bool("delete")
	if err := n.Check(a, "/storage/"+storage, "Datastore.AllocateSpace"); err != nil {
		return "", err
	}
	var old map[string]string
	err := n.locked(ctx, vmid, func(c *container) error {
		if err := c.checkLock(); err != nil {
			return err
		}
		if old = properties(c.Conf[key], "volume"); n.pid(vmid) != 0 {
			return fail("cannot move volumes of a running container")
		}
		switch {
		case numbered(key, "unused"):
			return fail("cannot move volume '%s', only configured volumes can be moved to another storage", key)
		case old["volume"] == "":
			return noVolume(key)
		case drop && c.snapshotHas(old["volume"]):
			return fail("you can't move a volume with snapshots and delete the source")
		}
		if err := modified(c.digest(), p["digest"]); err != nil {
			return err
		}
		c.Conf["lock"] = "disk"
		return nil
	})
	if err != nil {
		return "", err
	}
	return n.fork(a, "move_volume", strconv.Itoa(vmid), func(ctx context.Context, w *worker) error {
		err := n.copied(ctx, w, vmid, key, storage, old, drop)
		if n.life().Err() != nil {
			return n.life().Err() // killed with the node: the lock stays
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if c := n.st.Containers[vmid]; c != nil {
			delete(c.Conf, "lock")
		}
		if saveErr := n.save(); err == nil {
			err = saveErr
		}
		return err
	})
}

func (n *Node) copied(ctx context.Context, w *worker, vmid int, key, storage string, old map[string]string, drop bool) error {
	if _, dies := n.faults.TakeIf(driver.FaultWorkerDies, func(v string) bool { return v == "move_volume" }); dies {
		return errKilled
	}
	n.mu.Lock()
	size, err := n.movable(storage, old)
	n.mu.Unlock()
	if err != nil {
		return err
	}
	volid, log, err := n.allocate(storage, vmid, size)
	if err != nil {
		return err
	}
	for _, line := range copied(log, true) {
		w.Log(line)
	}
	if key == "rootfs" {
		if err := n.drv.Keep(ctx, vmid, old["volume"]); err != nil {
			return fail("%v", err)
		}
	} else if err := n.drv.SaveMount(ctx, vmid, old["mp"], old["volume"], true); err != nil {
		return fail("%v", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	fresh := properties(c.Conf[key], "volume")
	delete(old, "mp") // the copy stays in its folder
	fresh["volume"] = volid
	c.Conf[key] = printProperties(fresh, "volume", true)
	n.named(c)
	if err := n.leaveUnused(c, old); err != nil {
		return err
	}
	if drop {
		for k, v := range c.Conf {
			if numbered(k, "unused") && v == old["volume"] {
				_ = n.dropKey(c, k) // an unused one always goes
			}
		}
	}
	return n.save()
}

// noVolume is what parse_volume says of a key that a config does not have.
func noVolume(key string) error {
	const missing = "property is missing and it is not optional"
	bad := map[string]string{"volume": missing}
	if numbered(key, "mp") {
		bad["mp"] = missing
	}
	return &Error{Status: 500, Message: "format error", Params: bad}
}

// movable is where the worker finds that a volume cannot be copied to a storage; otherwise it
// returns the volume's size. mu held.
func (n *Node) movable(storage string, old map[string]string) (int64, error) {
	m := volumeID().FindStringSubmatch(old["volume"])
	if m == nil {
		return 0, fail("unable to parse volume ID '%s'", old["volume"])
	}
	if _, err := n.storage(m[1]); err != nil {
		return 0, err
	}
	size := n.sizeOf(old["volume"])
	if size == 0 && !n.there(old["volume"]) {
		return 0, n.notThere(old["volume"])
	}
	s, err := n.storage(storage)
	switch {
	case err != nil:
		return 0, err
	case !s.holds("rootdir"):
		return 0, fail("content type 'rootdir' is not available or configured on storage '%s'", storage)
	case size > s.Total-n.used(s):
		return 0, fail("%s", noSpace(s, 0))
	}
	return size, nil
}

// there reports whether a volume is on its storage; mu held.
func (n *Node) there(volid string) bool {
	id, _, _ := strings.Cut(volid, ":")
	return slices.ContainsFunc(n.disks(id), func(v volume) bool { return v.Volid == volid })
}

// allThere fails for the first volume of a config that no storage has; mu held.
func (n *Node) allThere(conf map[string]string) error {
	for _, volid := range volumes(conf) {
		if volumeID().MatchString(volid) && !newDisk().MatchString(volid) && !n.there(volid) {
			return n.notThere(volid)
		}
	}
	return nil
}

// notThere is how a storage says that it cannot activate a volume that it does not have; mu held.
func (n *Node) notThere(volid string) error {
	id, name, _ := strings.Cut(volid, ":")
	s, err := n.storage(id)
	if err != nil {
		return err
	}
	switch s.Type {
	case "lvmthin", "lvm":
		return fail("no such logical volume pve/%s", name)
	case "zfspool":
		return fail("zfs error: cannot open 'rpool/%s/%s': dataset does not exist", s.ID, name)
	}
	return fail("volume '%s' does not exist", volid)
}

// giveVolume is volume_reassign.
func (n *Node) giveVolume(a Auth, p Params, from int, key string, to int, toKey string) (string, error) {
	if err := n.Check(a, "/vms/"+strconv.Itoa(to), "VM.Config.Disk"); err != nil {
		return "", err
	}
	n.mu.Lock()
	volid, err := n.mayGive(p, from, key, to, toKey)
	n.mu.Unlock()
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(volid, ":")
	if err := n.Check(a, "/storage/"+id, "Datastore.AllocateSpace"); err != nil {
		return "", err
	}
	return n.fork(a, "move_volume", fmt.Sprintf("%d-%s>%d-%s", from, key, to, toKey), func(ctx context.Context, w *worker) error {
		for _, vmid := range []int{from, to} {
			unlock, err := n.lock(ctx, vmid, n.opt.LockTimeout)
			if err != nil {
				return err
			}
			defer unlock()
		}
		n.mu.Lock()
		volid, err := n.mayGive(p, from, key, to, toKey)
		if err == nil {
			err = n.given(volid, from, key, to, toKey)
		}
		n.mu.Unlock()
		if err != nil {
			return err
		}
		w.Log(fmt.Sprintf("moving volume '%s' from container '%d' to '%d'", key, from, to))
		w.Log(fmt.Sprintf("removing volume '%s' from container '%d' config", key, from))
		w.Log(fmt.Sprintf("target container '%d' updated with '%s'", to, toKey))
		return nil
	})
}

// mayGive returns the volume that may be handed over; mu held.
func (n *Node) mayGive(p Params, from int, key string, to int, toKey string) (string, error) {
	switch {
	case key == "rootfs" || toKey == "rootfs":
		return "", fail("Cannot move to/from 'rootfs'")
	case numbered(key, "unused") && !numbered(toKey, "unused"):
		return "", fail("Moving an unused volume to a used one is not possible")
	}
	src, dst := n.st.Containers[from], n.st.Containers[to]
	switch {
	case src == nil:
		return "", fail("could not find CT %d", from)
	case dst == nil:
		return "", fail("could not find CT %d", to)
	case src.at() != dst.at():
		return "", fail("Both containers need to be on the same node (%s != %s)", src.at(), dst.at())
	}
	for _, c := range []*container{src, dst} {
		if err := c.checkLock(); err != nil {
			return "", err
		}
	}
	if src.Conf["template"] == "1" || dst.Conf["template"] == "1" {
		return "", fail("Can't move volumes from or to template CT")
	}
	for _, x := range []struct {
		c   *container
		key string
	}{{src, "digest"}, {dst, "target-digest"}} {
		if err := modified(x.c.digest(), p[x.key]); err != nil {
			return "", fail("Container %d: %v", x.c.VMID, err)
		}
	}
	volid := properties(src.Conf[key], "volume")["volume"]
	switch {
	case volid == "":
		return "", fail("volume '%s' for container '%d' does not exist", key, from)
	case dst.Conf[toKey] != "":
		return "", fail("Target volume key '%s' is already in use for container '%d'", toKey, to)
	case src.snapshotHas(volid):
		return "", fail("Cannot move volume used by a snapshot to another container")
	case strings.HasPrefix(volid, "/"): // Proxmox asks its storage first, which cannot parse a path
		return "", fail("unable to parse volume ID '%s'", volid)
	case n.pid(from) != 0 && !numbered(key, "unused"):
		return "", fail("Cannot move in-use volume while the source CT is running - detach or shutdown first")
	}
	return volid, nil
}

// given renames the volume and writes both configs; mu held.
func (n *Node) given(volid string, from int, key string, to int, toKey string) error {
	id, _, _ := strings.Cut(volid, ":")
	s, err := n.storage(id)
	if err != nil {
		return err
	}
	size := n.sizeOf(volid)
	fresh, _ := n.nextVolume(s, to, size)
	src, dst := n.st.Containers[from], n.st.Containers[to]
	p := properties(src.Conf[key], "volume")
	if p["mp"] != "" {
		if err := n.drv.SaveMount(n.ctx, from, p["mp"], volid, false); err != nil {
			return fail("%v", err)
		}
	}
	if err := n.drv.Rename(volid, fresh); err != nil {
		return fail("%v", err)
	}
	p["volume"] = fresh
	delete(src.Conf, key)
	n.free(volid)
	if numbered(toKey, "unused") {
		dst.Conf[toKey] = fresh
		n.st.Strays = append(n.st.Strays, volume{Volid: fresh, VMID: to, Size: size, CTime: dst.Made, Node: dst.Node})
	} else {
		dst.Conf[toKey] = printProperties(p, "volume", true)
		n.named(dst)
		if err := n.drv.LoadMount(n.ctx, to, p["mp"], fresh); err != nil {
			return fail("%v", err)
		}
	}
	return n.save()
}

// setRoot makes another volume a stopped container's root file system. Proxmox writes the key
// and no more: what was there before stays as a disk that nothing names, unless the same
// request makes it an unused one; mu held.
func (n *Node) setRoot(c *container, value string) error {
	was, now := properties(c.Conf["rootfs"], "volume"), properties(value, "volume")
	if was["volume"] == now["volume"] {
		c.Conf["rootfs"] = value
		return nil
	}
	if n.sizeOf(now["volume"]) == 0 {
		return fail("no such volume '%s'", now["volume"])
	}
	if err := n.drv.Take(context.Background(), n.driverConfig(c), now["volume"], was["volume"]); err != nil {
		return fail("%v", err)
	}
	c.Conf["rootfs"] = value
	n.st.Strays = append(n.st.Strays, volume{Volid: was["volume"], VMID: c.VMID, Size: parseSize(was["size"]), CTime: c.Made, Node: c.Node})
	n.tidyUnused(c)
	n.named(c)
	return nil
}

// tidyUnused removes the keys of unused volumes that are in use again; mu held.
func (n *Node) tidyUnused(c *container) {
	used := map[string]bool{}
	for _, v := range volumes(c.Conf) {
		used[v] = true
	}
	for k, v := range c.Conf {
		if numbered(k, "unused") && used[properties(v, "volume")["volume"]] {
			delete(c.Conf, k)
		}
	}
}
