package node

import (
	"context"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Rollback is POST /lxc/ID/snapshot/NAME/rollback. It kills a running container first. With
// start, a second task starts the container; if that task fails, the rollback is done all the
// same. A failure after the lock was set leaves the lock.
func (n *Node) Rollback(a Auth, vmid int, p Params) (string, error) {
	name := p["snapname"]
	return n.fork(a, "vzrollback", strconv.Itoa(vmid), func(ctx context.Context, w *worker) error {
		unlock, err := n.lock(ctx, vmid, n.opt.LockTimeout)
		if err != nil {
			return err
		}
		err = n.rollback(ctx, w, vmid, name)
		unlock()
		if err == nil && p.bool("start") {
			_, _ = n.Start(ctx, a, vmid, nil)
		}
		return err
	})
}

// rollback has the config's flock. Proxmox lets go of it while the volumes are
// rolled back; as the config is locked then, the difference is in the words of
// those who come meanwhile.
func (n *Node) rollback(ctx context.Context, w *worker, vmid int, name string) error {
	if err := n.mayRollback(vmid, name); err != nil {
		return err
	}
	ran := n.pid(vmid) != 0
	if err := n.drv.Stop(ctx, vmid); err != nil {
		return fail("%v", err)
	}
	n.stopped(vmid)
	if err := n.setLock(vmid, "rollback"); err != nil {
		return err
	}
	if text, ok := n.faults.Take(driver.FaultRollbackFail); ok {
		if text == "" {
			text = "command '/sbin/lvcreate -an -n vm-" + strconv.Itoa(vmid) + "-disk-0 -s pve/snap_vm-" + strconv.Itoa(vmid) + "-disk-0_" + name + "' failed: exit code 5"
		}
		return fail("%s", text)
	}
	if err := n.takeRootOf(vmid, name); err != nil {
		return err
	}
	if err := n.drv.Rollback(ctx, vmid, name); err != nil {
		return fail("%v", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n.logVolumes(w, vmid, `  Logical volume "%s" successfully removed.`)
	n.logVolumes(w, vmid, `  Logical volume "%s" created.`)
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	s, err := c.snapshot(name)
	if err != nil {
		return err
	}
	was := c.Conf
	c.applySnapshot(name, s)
	c.Unclean = ran
	for _, key := range slices.Sorted(maps.Keys(was)) {
		if key == "rootfs" || numbered(key, "mp") {
			old := properties(was[key], "volume")
			delete(old, "mp") // the folder has what the snapshot had
			if err := n.leaveUnused(c, old); err != nil {
				return err
			}
		}
	}
	n.tidyUnused(c)
	n.named(c)
	return n.save()
}

// takeRootOf makes the volume that was the root file system at the snapshot that again.
func (n *Node) takeRootOf(vmid int, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	s, err := c.snapshot(name)
	if err != nil {
		return err
	}
	was, now := properties(s.Conf["rootfs"], "volume")["volume"], properties(c.Conf["rootfs"], "volume")["volume"]
	if was == now {
		return nil
	}
	if err := n.drv.Take(context.Background(), n.driverConfig(c), was, now); err != nil {
		return fail("%v", err)
	}
	return nil
}

func (n *Node) mayRollback(vmid int, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	if c.Conf["template"] == "1" {
		return fail("you can't rollback if vm is a template")
	}
	s, err := c.snapshot(name)
	if err != nil {
		return err
	}
	if err := n.newest(c, s, name); err != nil {
		return err
	}
	if s.State != "" {
		return fail("unable to rollback to incomplete snapshot (snapstate = %s)", s.State)
	}
	return c.checkLock()
}

// newest: zfs rolls back to the newest snapshot alone. mu held.
func (n *Node) newest(c *container, s *snapshot, name string) error {
	for _, v := range volumes(s.Conf) {
		id, volume, _ := strings.Cut(v, ":")
		st, err := n.storage(id)
		if err != nil {
			return err
		}
		for _, other := range c.Snapshots {
			if st.Type == "zfspool" && other.Time > s.Time {
				return fail("can't rollback, '%s' is not most recent snapshot on '%s'", name, volume)
			}
		}
	}
	return nil
}

func (n *Node) setLock(vmid int, lock string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	c.Conf["lock"] = lock
	return n.save()
}

// volumes are what a config's root file system and mount points lie on, bind
// mounts included.
func volumes(conf map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(conf)) {
		if k == "rootfs" || numbered(k, "mp") {
			out = append(out, properties(conf[k], "volume")["volume"])
		}
	}
	return out
}

// canSnapshot is has_feature: every volume's storage can, for a container's
// formats. A directory could with qcow2 alone, which no container has. mu held.
func (n *Node) canSnapshot(conf map[string]string) bool {
	if _, no := n.faults.Has(driver.FaultNoSnapshots); no {
		return false
	}
	for _, v := range volumes(conf) {
		id, _, _ := strings.Cut(v, ":")
		s, err := n.storage(id)
		if err != nil || !slices.Contains([]string{"lvmthin", "zfspool", "btrfs", "rbd"}, s.Type) {
			return false
		}
	}
	return true
}

// Feature is GET /lxc/ID/feature. Of clone and copy only what a storage that can
// snapshot says is known here.
func (n *Node) Feature(vmid int, p Params) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return nil, err
	}
	conf := c.Conf
	if name := p["snapname"]; name != "" {
		s, err := c.snapshot(name)
		if err != nil {
			return nil, err
		}
		conf = s.Conf
	}
	return map[string]any{"hasFeature": flag(n.canSnapshot(conf))}, nil
}

// Snapshots is GET /lxc/ID/snapshot. Proxmox gives them in the order of a Perl
// hash, here the oldest comes first; current, the state of now, comes last.
func (n *Node) Snapshots(vmid int) ([]map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(c.Snapshots))
	sort.SliceStable(names, func(i, j int) bool { return c.Snapshots[names[i]].Time < c.Snapshots[names[j]].Time })
	rows := []map[string]any{}
	for _, name := range names {
		s := c.Snapshots[name]
		m := map[string]any{"name": name, "snaptime": s.Time, "description": kept(s.Description)}
		if p, ok := s.Conf["parent"]; ok {
			m["parent"] = p
		}
		if s.State != "" {
			m["snapstate"] = s.State
		}
		rows = append(rows, m)
	}
	now := map[string]any{"name": "current", "description": "You are here!", "digest": c.digest(), "running": flag(n.pid(vmid) != 0)}
	if p, ok := c.Conf["parent"]; ok {
		now["parent"] = p
	}
	return append(rows, now), nil
}

// SnapshotConfig is GET /lxc/ID/snapshot/NAME/config: the container's as it was.
func (n *Node) SnapshotConfig(vmid int, name string) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return nil, err
	}
	s, err := c.snapshot(name)
	if err != nil {
		return nil, err
	}
	return s.view(), nil
}

func (s *snapshot) view() map[string]any {
	m := map[string]any{"snaptime": s.Time}
	for k, v := range s.Conf {
		m[k] = typed(k, v)
	}
	if s.Description != "" {
		m["description"] = typed("description", s.Description)
	}
	if s.State != "" {
		m["snapstate"] = s.State
	}
	return m
}

// SetSnapshotConfig is PUT /lxc/ID/snapshot/NAME/config, which sets a description.
func (n *Node) SetSnapshotConfig(ctx context.Context, vmid int, p Params) error {
	text, ok := p["description"]
	if !ok {
		return nil
	}
	return n.locked(ctx, vmid, func(c *container) error {
		if err := c.checkLock(); err != nil {
			return err
		}
		s, err := c.snapshot(p["snapname"])
		if err != nil {
			return err
		}
		s.Description = text
		return nil
	})
}
