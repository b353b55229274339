package node

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// ownedVolume finds in a volume's name the id of the guest that owns it.
var ownedVolume = lazy.Regexp(`^(?:\d+/)?(?:vm|subvol|base|basevol)-(\d+)-[^/]+$`)

// maxUnused is Proxmox's number of keys unusedN.
const maxUnused = 256

// checkMount is what may be set as a mount point before anything is changed; mu held.
func (n *Node) checkMount(c *container, key, value string) error {
	if c.Conf["protection"] == "1" {
		return fail("can't update CT %d drive '%s' - protection mode enabled", c.VMID, key)
	}
	volume := properties(value, "volume")["volume"]
	id, _, isVolume := strings.Cut(volume, ":")
	if strings.HasPrefix(volume, "/") || !isVolume {
		return nil
	}
	i := slices.IndexFunc(n.st.Storages, func(s Storage) bool { return s.ID == id })
	switch {
	case i < 0:
		return fail("storage '%s' does not exist", id)
	case !n.st.Storages[i].holds("rootdir"):
		return fail("storage '%s' does not allow content type 'rootdir' (Container)", id)
	}
	return nil
}

// applyMount is apply_pending_mountpoint: it allocates a new volume, and the volume that was
// there before becomes unused. An error is for errors.KEY of the answer; mu held.
func (n *Node) applyMount(c *container, key, value string) error {
	p := properties(value, "volume")
	old := properties(c.Conf[key], "volume")
	if m := newDisk().FindStringSubmatch(p["volume"]); m != nil {
		size, _ := strconv.ParseFloat(m[2], 64)
		volid, err := n.allocateFor(c, m[1], int64(size*gib))
		if err != nil {
			return err
		}
		p["volume"], p["size"] = volid, printSize(int64(size*gib))
	} else if size := n.sizeOf(p["volume"]); size > 0 {
		p["size"] = printSize(size)
	} else if volumeID().MatchString(p["volume"]) && !n.there(p["volume"]) {
		if n.pid(c.VMID) != 0 {
			return n.notThere(p["volume"])
		}
		n.st.Missing = append(n.st.Missing, p["volume"]) // it is set; the start fails
	}
	c.Conf[key] = printProperties(p, "volume", true)
	for k, v := range c.Conf {
		if numbered(k, "unused") && v == p["volume"] {
			delete(c.Conf, k)
		}
	}
	n.named(c)
	switch {
	case old["volume"] != p["volume"]:
		if err := n.leaveUnused(c, old); err != nil {
			return err
		}
	case old["mp"] != p["mp"]:
		if err := n.drv.SaveMount(n.ctx, c.VMID, old["mp"], p["volume"], false); err != nil {
			return fail("%v", err)
		}
	}
	if err := n.drv.LoadMount(n.ctx, c.VMID, p["mp"], p["volume"]); err != nil {
		return fail("%v", err)
	}
	return nil
}

// attachAll gives a new container what is in the volumes that were there before it.
func (n *Node) attachAll(ctx context.Context, c *container) error {
	for key, v := range c.Conf {
		if p := properties(v, "volume"); numbered(key, "mp") {
			if err := n.drv.LoadMount(ctx, c.VMID, p["mp"], p["volume"]); err != nil {
				return fail("%v", err)
			}
		}
	}
	return nil
}

// allocateFor makes a volume for a container; mu held.
func (n *Node) allocateFor(c *container, storage string, size int64) (string, error) {
	s, err := n.storage(storage)
	if err != nil {
		return "", err
	}
	_, full := n.faults.TakeIf(driver.FaultStorageFull, func(v string) bool { return v == "" || v == s.ID })
	if full || size > s.Total-n.used(s) {
		return "", fail("%s", noSpace(s, c.VMID))
	}
	volid, _ := n.nextVolume(s, c.VMID, size)
	return volid, nil
}

// sizeOf is the size of a volume that is there, 0 if none is; mu held.
func (n *Node) sizeOf(volid string) int64 {
	id, _, _ := strings.Cut(volid, ":")
	for _, v := range n.disks(id) {
		if v.Volid == volid {
			return v.Size
		}
	}
	return 0
}

// leaveUnused is add_unused_volume: a volume that a mount point had stays, under the free key
// with the lowest number, and what was in its folder goes into it. The key goes again with the next write of the config if another mount
// point has the volume; mu held.
func (n *Node) leaveUnused(c *container, was map[string]string) error {
	volid := was["volume"]
	if !volumeID().MatchString(volid) || newDisk().MatchString(volid) {
		return nil
	}
	free := ""
	for i := maxUnused - 1; i >= 0; i-- {
		switch key := "unused" + strconv.Itoa(i); c.Conf[key] {
		case volid:
			return nil
		case "":
			free = key
		}
	}
	if free == "" {
		return fail("Too many unused volumes - please delete them first.")
	}
	for _, v := range c.Conf {
		if properties(v, "volume")["volume"] == volid {
			return nil
		}
	}
	c.Conf[free] = volid
	if was["mp"] != "" {
		if err := n.drv.SaveMount(n.ctx, c.VMID, was["mp"], volid, false); err != nil {
			return fail("%v", err)
		}
	}
	if !n.mounted(volid) {
		n.st.Strays = append(n.st.Strays, volume{Volid: volid, VMID: ownerOf(volid, c.VMID), Size: parseSize(was["size"]), CTime: c.Made, Node: c.Node})
	}
	return nil
}

// mounted reports whether a config names a volume as the root or a mount point; mu held.
func (n *Node) mounted(volid string) bool {
	for _, c := range n.st.Containers {
		if slices.ContainsFunc(c.volumes(), func(v volume) bool { return v.Volid == volid && n.has(volid, v.Node) }) {
			return true
		}
	}
	return false
}

// dropKey removes a key from the config. A mount point leaves its volume unused, and an
// unused volume is freed if the container owns it and no snapshot has it; mu held.
func (n *Node) dropKey(c *container, key string) error {
	was := properties(c.Conf[key], "volume")
	delete(c.Conf, key)
	switch volid := was["volume"]; {
	case numbered(key, "mp"):
		return n.leaveUnused(c, was)
	case !numbered(key, "unused"), c.snapshotHas(volid), slices.Contains(volumes(c.Pending), volid):
	case ownerOf(volid, c.VMID) == c.VMID && !n.mounted(volid):
		n.free(volid)
		_ = n.drv.Drop(volid)
	}
	return nil
}

// snapshotHas reports whether a snapshot names a volume.
func (c *container) snapshotHas(volid string) bool {
	for _, s := range c.Snapshots {
		if slices.Contains(volumes(s.Conf), volid) {
			return true
		}
	}
	return false
}

// applyPending applies at a start what waited for it; mu held.
func (n *Node) applyPending(c *container) {
	for _, k := range c.Dropped {
		_ = n.dropKey(c, k) // the start goes on
	}
	for k, v := range c.Pending {
		switch {
		case k == "rootfs":
			_ = n.setRoot(c, v)
		case !numbered(k, "mp") || n.applyMount(c, k, v) != nil:
			c.Conf[k] = v
		}
	}
	c.Pending, c.Dropped = nil, nil
}

// checkVolume is check_volume_access on a mount point's volume. The caller needs space on
// the storage for a new one, and of another guest's volume a right on that guest.
func (n *Node) checkVolume(a Auth, vmid int, volume string) error {
	if strings.HasPrefix(volume, "/") {
		return forbid("mount point type bind is only allowed for root@pam")
	}
	if m := newDisk().FindStringSubmatch(volume); m != nil {
		return n.Check(a, "/storage/"+m[1], "Datastore.AllocateSpace")
	}
	m := volumeID().FindStringSubmatch(volume)
	if m == nil {
		return n.checkPath(a)
	}
	n.mu.Lock()
	i := slices.IndexFunc(n.st.Storages, func(s Storage) bool { return s.ID == m[1] })
	var bad error
	owner := ownedVolume().FindStringSubmatch(m[2])
	switch kind, _, _ := strings.Cut(m[2], "/"); {
	case i < 0:
		bad = fail("storage '%s' does not exist", m[1])
	case owner == nil && slices.Contains([]string{"vztmpl", "iso", "backup", "snippets", "import"}, kind):
		bad = fail("unable to use volume %s - content type needs to be 'rootdir'", volume)
	case owner == nil:
		bad = n.st.Storages[i].badVolume(m[2])
	}
	n.mu.Unlock()
	if bad != nil {
		return bad
	}
	if n.Check(a, "/storage/"+m[1], "Datastore.Allocate") == nil || owner[1] == strconv.Itoa(vmid) {
		return nil
	}
	if err := n.Check(a, "/storage/"+m[1], "Datastore.Audit"); err != nil {
		return err
	}
	return n.Check(a, "/vms/"+owner[1], "VM.Config.Disk")
}

// unapplied are the errors of changes that were refused while they were applied. Nothing of
// the request is kept then.
func unapplied(key string, running bool, err error) error {
	text := fmt.Sprintf("unable to apply pending change %s : %v\n", key, err)
	if running {
		text = fmt.Sprintf("unable to hotplug %s: %v\n", key, err)
	}
	return badParam(key, text)
}
