package node

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// restore is a create from a backup: restore=1. Values of the request come before those of
// the backup. With force it replaces a stopped container of that id.
func (n *Node) restore(ctx context.Context, a Auth, p Params) (string, error) {
	vmid, volid := p.vmid(), p["ostemplate"]
	n.mu.Lock()
	old, b := n.st.Containers[vmid], n.findBackup(volid)
	err := n.unused(vmid)
	n.mu.Unlock()
	switch {
	case old != nil && !p.bool("force"):
		return "", err
	case old != nil && n.pid(vmid) != 0:
		return "", fail("unable to restore CT %d - vm is running", vmid)
	case old != nil && old.Conf["protection"] == "1":
		return "", fail("unable to restore CT %d - protection mode enabled", vmid)
	}
	if err := n.checkAllocate(a, vmid, p["pool"]); err != nil {
		return "", err
	}
	m := volumeID().FindStringSubmatch(volid)
	if m == nil {
		return "", n.checkPath(a)
	}
	if !strings.HasPrefix(m[2], "backup/") {
		return "", fail("unable to use volume %s - content type needs to be 'backup'", volid)
	}
	if b != nil {
		if err := n.mayUseBackup(a, m[1], b.VMID); err != nil {
			return "", err
		}
	}
	set := maps.Clone(p)
	for _, key := range notConfig {
		delete(set, key)
	}
	unprivileged := p.bool("unprivileged")
	if _, given := p["unprivileged"]; !given && b != nil {
		unprivileged = b.Conf["unprivileged"] == "1"
	}
	if err := n.checkModify(a, vmid, p["pool"], nil, set, nil, unprivileged); err != nil {
		return "", err
	}
	unlock := func() {}
	if old == nil {
		if unlock, err = n.claim(ctx, vmid); err != nil {
			return "", err
		}
	} else if unlock, err = n.lock(ctx, vmid, n.opt.LockTimeout); err != nil {
		return "", err
	}
	upid, err := n.fork(a, "vzrestore", strconv.Itoa(vmid), func(ctx context.Context, w *worker) error {
		err := n.unpack(ctx, w, a, p, set)
		if err != nil && old == nil {
			_ = n.drv.Destroy(context.WithoutCancel(ctx), vmid)
			n.mu.Lock()
			n.drop(vmid)
			n.freeUnreferenced(vmid)
			_ = n.save()
			n.mu.Unlock()
		}
		unlock()
		if err != nil {
			return fail("unable to restore CT %d - %s", vmid, err)
		}
		if p.bool("start") {
			_, _ = n.Start(ctx, a, vmid, nil)
		}
		return nil
	})
	if err != nil {
		unlock()
	}
	return upid, err
}

// unpack is the vzrestore worker.
func (n *Node) unpack(ctx context.Context, w *worker, a Auth, p, set Params) error {
	volid, vmid := p["ostemplate"], p.vmid()
	n.mu.Lock()
	b := n.findBackup(volid)
	n.mu.Unlock()
	if b == nil {
		return fail("volume '%s' does not exist", volid)
	}
	w.Log("recovering backed-up configuration from '" + volid + "'")
	conf := maps.Clone(b.Conf)
	maps.Copy(conf, set)
	if v, given := p["unprivileged"]; given {
		conf["unprivileged"] = v
	}
	for _, key := range slices.Sorted(maps.Keys(b.Conf)) {
		if numbered(key, "net") && p.bool("unique") && set[key] == "" {
			of := properties(conf[key], "")
			delete(of, "hwaddr")
			conf[key] = printProperties(of, "name", false)
		}
		if key != "rootfs" && !numbered(key, "mp") {
			continue
		}
		if err := n.restoreDisk(w, a, vmid, key, p["storage"], b, conf); err != nil {
			return err
		}
	}
	c := &creation{vmid: vmid, conf: conf, template: "local:vztmpl/" + b.OS}
	if err := c.normalise(); err != nil {
		return err
	}
	full := &container{VMID: vmid, Conf: conf, OS: b.OS, Systemd: b.Systemd, Pool: p["pool"], Leases: map[string]string{}, Made: n.opt.Now().Unix()}
	w.Log("restoring '" + volid + "' now..")
	w.Log("extracting archive '/var/lib/vz/dump/" + b.file() + "'")
	if err := n.drv.Destroy(ctx, vmid); err != nil {
		return err
	}
	n.mu.Lock()
	cfg := n.driverConfig(full)
	n.mu.Unlock()
	if err := n.drv.Clone(ctx, b.Copy, "", cfg); err != nil {
		return err
	}
	w.Log("Total bytes read: " + strconv.FormatInt(b.Size*2, 10) + " (" + strconv.FormatInt(b.Size>>19, 10) + "MiB, 68MiB/s)")
	w.Log("merging backed-up and given configuration..")
	n.commit(full)
	n.warnNesting(w, full)
	return ctx.Err()
}

// restoreDisk makes a volume of the size that the backup's had, or that is asked for.
func (n *Node) restoreDisk(w *worker, a Auth, vmid int, key, storage string, b *backup, conf map[string]string) error {
	p := properties(conf[key], "volume")
	id, _, ok := strings.Cut(p["volume"], ":")
	if !ok {
		return nil // a bind mount
	}
	size := parseSize(properties(b.Conf[key], "volume")["size"])
	if m := newDisk().FindStringSubmatch(p["volume"]); m != nil {
		gibs, _ := strconv.ParseFloat(m[2], 64)
		size = int64(gibs * gib)
	} else if storage != "" {
		id = storage
	}
	if err := n.Check(a, "/storage/"+id, "Datastore.AllocateSpace"); err != nil {
		return err
	}
	volid, log, err := n.allocate(id, vmid, size)
	if err != nil {
		return err
	}
	for _, line := range log {
		w.Log(line)
	}
	p["volume"], p["size"] = volid, printSize(size)
	conf[key] = printProperties(p, "volume", true)
	return nil
}
