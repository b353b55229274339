package node

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// snapshot is one section of a config file: the config as it was, but for its
// description, which is the snapshot's own. A worker that dies leaves its state.
type snapshot struct {
	Conf        map[string]string `json:"conf"` // its parent, too
	Time        int64             `json:"snaptime"`
	Description string            `json:"description,omitempty"`
	State       string            `json:"snapstate,omitempty"` // prepare or delete, while that goes on
}

// snapName is pve-configid; it becomes a folder's name in the drivers.
var snapName = lazy.Regexp(`(?i)^[a-z][a-z0-9_-]+$`)

func noSnapshot(name string) *Error { return fail("snapshot '%s' does not exist", name) }

// snapshot finds one of a container's.
func (c *container) snapshot(name string) (*snapshot, error) {
	if s := c.Snapshots[name]; s != nil {
		return s, nil
	}
	return nil, noSnapshot(name)
}

// locked changes a config under its flock, which is held for that alone: what
// takes long is guarded by the lock in the config.
func (n *Node) locked(ctx context.Context, vmid int, change func(*container) error) error {
	unlock, err := n.lock(ctx, vmid, n.opt.LockTimeout)
	if err != nil {
		return err
	}
	defer unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	if err := change(c); err != nil {
		return err
	}
	return n.save()
}

// TakeSnapshot is POST /lxc/ID/snapshot. Only reserved names are refused at once:
// an unknown container, a lock, a name in use and a storage that cannot are the
// worker's to find out. Order and words are pve-container's and
// pve-guest-common's; none of this was recorded on a genuine node, and what LVM
// prints besides (warnings of thin pools) is left out.
func (n *Node) TakeSnapshot(a Auth, vmid int, p Params) (string, error) {
	name := p["snapname"]
	if name == "current" || name == "vzdump" {
		return "", fail("unable to use snapshot name '%s' (reserved name)", name)
	}
	if !snapName().MatchString(name) {
		return "", badParam("snapname", "invalid format - invalid configuration ID '"+name+"'\n")
	}
	return n.fork(a, "vzsnapshot", strconv.Itoa(vmid), func(ctx context.Context, w *worker) error {
		if err := n.prepareSnapshot(ctx, vmid, name, p["description"]); err != nil {
			return err
		}
		err := n.keep(ctx, w, vmid, name)
		if n.life().Err() != nil {
			return n.life().Err() // killed with the node: lock and half a snapshot stay
		}
		if err == nil {
			return n.locked(ctx, vmid, func(c *container) error { return c.commit(name) })
		}
		if ctx.Err() != nil {
			err = fail("received interrupt")
		}
		w.Log("snapshot create failed: starting cleanup")
		_ = n.drv.DeleteSnapshot(context.WithoutCancel(ctx), vmid, name)
		_ = n.locked(context.WithoutCancel(ctx), vmid, func(c *container) error { c.forget(name); return nil })
		return fail("%s", strings.TrimSpace(err.Error()))
	})
}

// commit makes a prepared snapshot a whole one, unless root unlocked the
// container meanwhile.
func (c *container) commit(name string) error {
	if c.Conf["lock"] != "snapshot" {
		return fail("missing snapshot lock")
	}
	s, err := c.snapshot(name)
	if err != nil {
		return err
	}
	s.State = ""
	delete(c.Conf, "lock")
	c.Conf["parent"] = name
	return nil
}

func (n *Node) prepareSnapshot(ctx context.Context, vmid int, name, description string) error {
	return n.locked(ctx, vmid, func(c *container) error {
		if c.Conf["template"] == "1" {
			return fail("you can't take a snapshot if it's a template")
		}
		if err := c.checkLock(); err != nil {
			return err
		}
		if c.Snapshots[name] != nil {
			return fail("snapshot name '%s' already used", name)
		}
		if !n.canSnapshot(c.Conf) {
			return fail("snapshot feature is not available")
		}
		s := &snapshot{Conf: map[string]string{}, Time: n.opt.Now().Unix(), Description: description, State: "prepare"}
		copyConfig(s.Conf, c.Conf)
		if c.Snapshots == nil {
			c.Snapshots = map[string]*snapshot{}
		}
		c.Snapshots[name] = s
		c.Conf["lock"] = "snapshot"
		return nil
	})
}

// keep lets the driver do the work and logs the output of the storage.
func (n *Node) keep(ctx context.Context, w *worker, vmid int, name string) error {
	if text, ok := n.faults.Take(driver.FaultSnapshotFail); ok {
		if text == "" {
			text = "lvcreate 'pve/snap_vm-" + strconv.Itoa(vmid) + "-disk-0_" + name + "' error:   Cannot create new thin volume, free space in thin pool pve/data reached threshold."
		}
		return fail("%s", text)
	}
	for hangs := true; hangs && ctx.Err() == nil; {
		if _, hangs = n.faults.Has(driver.FaultSnapshotHang); hangs {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if err := n.drv.Snapshot(ctx, vmid, name); err != nil {
		return err
	}
	n.logVolumes(w, vmid, `  Logical volume "snap_%s_`+name+`" created.`)
	return ctx.Err()
}

// logVolumes is what lvm prints for each of a container's volumes; zfs, btrfs and
// rbd print nothing.
func (n *Node) logVolumes(w *worker, vmid int, format string) {
	n.mu.Lock()
	var lines []string
	if c := n.st.Containers[vmid]; c != nil {
		for _, v := range volumes(c.Conf) {
			id, name, _ := strings.Cut(v, ":")
			if s, err := n.storage(id); err == nil && s.Type == "lvmthin" {
				lines = append(lines, strings.ReplaceAll(format, "%s", name))
			}
		}
	}
	n.mu.Unlock()
	for _, l := range lines {
		w.Log(l)
	}
}

// forget takes a snapshot out of the config: what came from it comes from its
// parent now.
func (c *container) forget(name string) {
	if s := c.Snapshots[name]; s != nil {
		heir := s.Conf["parent"]
		unlink := func(conf map[string]string) {
			if conf["parent"] != name {
				return
			}
			if conf["parent"] = heir; heir == "" {
				delete(conf, "parent")
			}
		}
		unlink(c.Conf)
		for other, s := range c.Snapshots {
			if other != name {
				unlink(s.Conf)
			}
		}
	}
	delete(c.Snapshots, name)
	delete(c.Conf, "lock")
}

// DeleteSnapshot is DELETE /lxc/ID/snapshot/NAME; everything is the worker's to
// find out. With force a storage's failure would be borne, which here has none.
func (n *Node) DeleteSnapshot(a Auth, vmid int, p Params) (string, error) {
	name := p["snapname"]
	return n.fork(a, "vzdelsnapshot", strconv.Itoa(vmid), func(ctx context.Context, w *worker) error {
		err := n.locked(ctx, vmid, func(c *container) error {
			s, err := c.snapshot(name)
			if err != nil {
				return err
			}
			if err := c.checkLock(); err != nil {
				return err
			}
			if c.Conf["template"] == "1" {
				return fail("you can't delete a snapshot if vm is a template")
			}
			s.State, c.Conf["lock"] = "delete", "snapshot-delete"
			return nil
		})
		if err != nil {
			return err
		}
		if err := n.drv.DeleteSnapshot(ctx, vmid, name); err != nil {
			return fail("%v", err)
		}
		if ctx.Err() != nil {
			return fail("received interrupt") // the lock stays, as Proxmox leaves it
		}
		n.logVolumes(w, vmid, `  Logical volume "snap_%s_`+name+`" successfully removed.`)
		return n.locked(ctx, vmid, func(c *container) error { c.forget(name); return nil })
	})
}

// copyConfig is __snapshot_copy_config.
func copyConfig(to, from map[string]string) {
	for k, v := range from {
		if k != "lock" && k != "description" && !numbered(k, "unused") {
			to[k] = v
		}
	}
}

// applySnapshot is __snapshot_apply_config: description and unused disks are
// today's, all else is the snapshot's.
func (c *container) applySnapshot(name string, s *snapshot) {
	conf := maps.Clone(c.Conf)
	maps.DeleteFunc(conf, func(k, _ string) bool { return k != "description" && !numbered(k, "unused") })
	copyConfig(conf, s.Conf)
	conf["parent"] = name
	c.Conf, c.Pending, c.Dropped = conf, nil, nil
}
