package node

import (
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
	}
	c.Conf[key] = printProperties(p, "volume", true)
	for k, v := range c.Conf {
		if numbered(k, "unused") && v == p["volume"] {
			delete(c.Conf, k)
		}
	}
	if old["volume"] != p["volume"] {
		n.leaveUnused(c, old)
	}
	n.named(c)
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
	volid, _ := newVolume(s, c.VMID, n.freeDisk(storage, c.VMID), size)
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

// leaveUnused is add_unused_volume: a volume that no mount point has any more stays, under
// the first free key; mu held.
func (n *Node) leaveUnused(c *container, was map[string]string) {
	volid := was["volume"]
	if !volumeID().MatchString(volid) || newDisk().MatchString(volid) {
		return
	}
	for _, v := range c.Conf {
		if properties(v, "volume")["volume"] == volid {
			return
		}
	}
	n.st.Strays = append(n.st.Strays, volume{Volid: volid, VMID: c.VMID, Size: parseSize(was["size"]), CTime: c.Made, Node: c.Node})
	for i := range maxUnused {
		if key := "unused" + strconv.Itoa(i); c.Conf[key] == "" {
			c.Conf[key] = volid
			return
		}
	}
}

// dropKey removes a key from the config. A mount point leaves its volume unused, and an
// unused volume is freed; mu held.
func (n *Node) dropKey(c *container, key string) {
	was := properties(c.Conf[key], "volume")
	delete(c.Conf, key)
	switch {
	case numbered(key, "mp"):
		n.leaveUnused(c, was)
	case numbered(key, "unused"):
		for _, s := range c.Snapshots {
			if slices.Contains(volumes(s.Conf), was["volume"]) {
				return // the snapshot still has it
			}
		}
		n.free(was["volume"])
		_ = n.drv.Drop(was["volume"])
	}
}

// applyPending applies at a start what waited for it; mu held.
func (n *Node) applyPending(c *container) {
	for _, k := range c.Dropped {
		n.dropKey(c, k)
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
	owner := ownedVolume().FindStringSubmatch(m[2])
	if n.Check(a, "/storage/"+m[1], "Datastore.Allocate") == nil || owner != nil && owner[1] == strconv.Itoa(vmid) {
		return nil
	}
	if err := n.Check(a, "/storage/"+m[1], "Datastore.Audit"); err != nil || owner == nil {
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
