package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// cloning is a clone that has passed its checks.
type cloning struct {
	from, to int
	snapname string
	storage  string // "": that of each volume
	full     bool
	pool     string
	conf     map[string]string // of the new container, without its volumes
	disks    map[string]string // of the old one
}

// MayClone is the permission of clone.
func (n *Node) MayClone(a Auth, p Params) error {
	if err := n.Check(a, "/vms/"+p["vmid"], "VM.Clone"); err != nil {
		return err
	}
	err := n.Check(a, "/vms/"+p["newid"], "VM.Allocate")
	if err != nil && p["pool"] != "" {
		err = n.Check(a, "/pool/"+p["pool"], "VM.Allocate")
	}
	return err
}

// Clone is POST /lxc/ID/clone. The source has the lock disk meanwhile, the new container
// the lock create.
func (n *Node) Clone(ctx context.Context, a Auth, p Params) (string, error) {
	newid, _ := strconv.Atoi(p["newid"])
	c := &cloning{from: p.vmid(), to: newid, snapname: p["snapname"], storage: p["storage"], pool: p["pool"]}
	if c.pool != "" {
		if err := n.PoolExists(c.pool); err != nil {
			return "", err
		}
	}
	if t := p["target"]; t != "" && t != n.name && t != "localhost" {
		return "", fail("no such cluster node '%s'", t)
	}
	err := n.locked(ctx, c.from, func(src *container) error {
		if c.storage != "" {
			if _, err := n.storage(c.storage); err != nil {
				return err
			}
		}
		if err := src.checkLock(); err != nil {
			return err
		}
		if err := n.unused(c.to); err != nil {
			return err
		}
		src.Conf["lock"] = "disk"
		n.put(&container{VMID: c.to, Conf: map[string]string{"lock": "create"}})
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := n.prepareClone(a, c, p); err != nil {
		n.endClone(c, err)
		return "", err
	}
	return n.fork(a, "vzclone", strconv.Itoa(c.from), func(ctx context.Context, w *worker) error {
		w.Log(fmt.Sprintf("creating a clone of container %d with ID %d", c.from, c.to))
		err := n.clone(ctx, w, c)
		if n.life().Err() != nil {
			return n.life().Err() // killed with the node: both locks stay
		}
		if err != nil && ctx.Err() != nil {
			err = fail("interrupted by signal")
		}
		n.endClone(c, err)
		if err != nil {
			return fail("clone failed: %s", err)
		}
		return nil
	})
}

// prepareClone reads the source's config and decides about each key.
func (n *Node) prepareClone(a Auth, c *cloning, p Params) error {
	running := n.pid(c.from) != 0
	n.mu.Lock()
	src := n.st.Containers[c.from]
	conf := maps.Clone(src.Conf)
	template := conf["template"] == "1"
	if s := src.Snapshots[c.snapname]; s != nil {
		conf = maps.Clone(s.Conf)
	} else if c.snapname != "" {
		n.mu.Unlock()
		return noSnapshot(c.snapname)
	}
	n.mu.Unlock()
	c.full = !template
	if _, given := p["full"]; given {
		c.full = p.bool("full")
	}
	if c.storage != "" && !c.full {
		return fail("parameter 'storage' not allowed for linked clones")
	}
	c.conf, c.disks = map[string]string{}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(conf)) {
		if err := n.cloneKey(a, c, key, conf[key], running, template); err != nil {
			return err
		}
	}
	for _, key := range []string{"lock", "parent", "template"} {
		delete(c.conf, key)
	}
	for _, key := range []string{"hostname", "description"} {
		if p[key] != "" {
			c.conf[key] = p[key]
		}
	}
	return nil
}

func (n *Node) cloneKey(a Auth, c *cloning, key, value string, running, template bool) error {
	switch {
	case numbered(key, "unused"):
	case numbered(key, "net"):
		p := properties(value, "")
		delete(p, "hwaddr")
		c.conf[key] = completeNet(printProperties(p, "name", false))
		if !a.isRoot() {
			return n.checkBridge(a, c.conf[key])
		}
	case key == "rootfs" || numbered(key, "mp"):
		return n.cloneDisk(a, c, key, value, running, template)
	default:
		c.conf[key] = value
	}
	return nil
}

// cloneDisk says whether a volume can be cloned as it was asked for.
func (n *Node) cloneDisk(a Auth, c *cloning, key, value string, running, template bool) error {
	volid := properties(value, "volume")["volume"]
	m := volumeID().FindStringSubmatch(volid)
	if m == nil {
		return fail("unable to clone mountpoint '%s' (type bind)", key)
	}
	id := m[1]
	if c.storage != "" {
		id = c.storage
	}
	if err := n.Check(a, "/storage/"+id, "Datastore.AllocateSpace"); err != nil {
		return err
	}
	if c.full && running && c.snapname == "" {
		return fail("Full clone of a running container is only possible from a snapshot")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.storage(id)
	if err != nil {
		return err
	}
	if !c.full && (!template && c.snapname == "" || !slices.Contains(linking, s.Type)) {
		return fail("Linked clone feature for '%s' is not available", volid)
	}
	c.disks[key] = value
	return nil
}

// linking are the storages whose base volumes a container's linked clone can have.
var linking = []string{"lvmthin", "zfspool", "btrfs", "rbd"}

// clone is the vzclone worker.
func (n *Node) clone(ctx context.Context, w *worker, c *cloning) error {
	full := &container{VMID: c.to, Conf: c.conf, Leases: map[string]string{}, Made: n.opt.Now().Unix(), Pool: c.pool}
	for _, key := range slices.Sorted(maps.Keys(c.disks)) {
		p := properties(c.disks[key], "volume")
		id, _, _ := strings.Cut(p["volume"], ":")
		kind := "linked clone of mount point"
		if c.full {
			kind = "full clone of mountpoint"
		}
		if c.storage != "" {
			id = c.storage
		}
		w.Log(fmt.Sprintf("create %s %s (%s)", kind, key, p["volume"]))
		volid, log, err := n.allocate(id, c.to, parseSize(p["size"]))
		if err != nil {
			return err
		}
		for _, line := range copied(log, c.full) {
			w.Log(line)
		}
		p["volume"] = volid
		c.conf[key] = printProperties(p, "volume", true)
	}
	n.mu.Lock()
	src := n.st.Containers[c.from]
	full.OS, full.Systemd = src.OS, src.Systemd
	if f := n.st.Firewalls[c.from]; f != nil {
		n.st.Firewalls[c.to] = f.copy()
	}
	if claimed := n.st.Containers[c.to]; claimed != nil {
		claimed.Leases = full.Leases
	}
	cfg := n.driverConfig(full)
	n.mu.Unlock()
	if err := n.drv.Clone(ctx, c.from, c.snapname, cfg); err != nil {
		return fail("%v", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n.commit(full)
	n.warnNesting(w, full)
	return nil
}

// copied returns the lines about one volume. A linked clone makes no file system. A full
// one is copied by rsync, which prints statistics.
func copied(log []string, full bool) []string {
	if !full {
		return slices.DeleteFunc(log, func(l string) bool { return !strings.Contains(l, "Logical volume") })
	}
	return append(log, strings.Split(rsyncStats, "\n")...)
}

const rsyncStats = `
Number of files: 10,785 (reg: 8,309, dir: 1,083, link: 1,393)
Number of created files: 10,783 (reg: 8,309, dir: 1,081, link: 1,393)
Number of deleted files: 0
Number of regular files transferred: 8,307
Total file size: 251,322,073 bytes
Total transferred file size: 247,482,406 bytes
Literal data: 247,482,406 bytes
Matched data: 0 bytes
File list size: 458,731
File list generation time: 0.001 seconds
File list transfer time: 0.000 seconds
Total bytes sent: 248,190,777
Total bytes received: 167,965

sent 248,190,777 bytes  received 167,965 bytes  55,190,831.56 bytes/sec
total size is 251,322,073  speedup is 1.01`

// endClone unlocks the source. If the clone failed, it removes its volumes and config.
func (n *Node) endClone(c *cloning, err error) {
	if err != nil {
		_ = n.drv.Destroy(context.WithoutCancel(n.life()), c.to)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if src := n.st.Containers[c.from]; src != nil && src.Conf["lock"] == "disk" {
		delete(src.Conf, "lock")
	}
	if err != nil {
		n.drop(c.to)
		for key := range c.disks {
			n.free(properties(c.conf[key], "volume")["volume"])
		}
	}
	_ = n.save()
}

// MakeTemplate is POST /lxc/ID/template: a task whose id the API does not tell.
func (n *Node) MakeTemplate(ctx context.Context, a Auth, vmid int) (upid string, err error) {
	running := n.pid(vmid) != 0
	err = n.locked(ctx, vmid, func(c *container) error {
		if err := c.checkLock(); err != nil {
			return err
		}
		switch {
		case len(c.Snapshots) > 0:
			return fail("unable to create template, because CT contains snapshots")
		case c.Conf["template"] == "1":
			return fail("you can't convert a template to a template")
		case running:
			return fail("you can't convert a CT to template if the CT is running")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return n.fork(a, "vztemplate", strconv.Itoa(vmid), func(ctx context.Context, _ *worker) error {
		return n.locked(ctx, vmid, n.intoTemplate)
	})
}

// intoTemplate renames the volumes to base volumes; mu held.
func (n *Node) intoTemplate(c *container) error {
	base := map[string]string{}
	for key, value := range c.Conf {
		if key != "rootfs" && !numbered(key, "mp") {
			continue
		}
		p := properties(value, "volume")
		id, _, _ := strings.Cut(p["volume"], ":")
		s, err := n.storage(id)
		if err != nil {
			return err
		}
		if s.Type == "lvm" || s.Type == "dir" && volumeFormat(p["volume"]) == "subvol" {
			return fail("Template feature is not available for '%s'", p["volume"])
		}
		p["volume"] = strings.NewReplacer("vm-", "base-", "subvol-", "basevol-").Replace(p["volume"])
		base[key] = printProperties(p, "volume", true)
	}
	maps.Copy(c.Conf, base)
	c.Conf["template"] = "1"
	return nil
}
