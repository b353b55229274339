package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// errKilled means that a worker was killed: it cleans nothing up, and its task has no
// exit status.
var errKilled = errors.New("killed")

// create is the vzcreate worker. On a failure and on SIGTERM it removes everything that
// it has made. Only a killed worker leaves the config with its lock, and disks that no
// config names yet.
func (n *Node) create(ctx context.Context, w *worker, c *creation) error {
	err := n.build(ctx, w, c)
	if err == nil {
		return nil
	}
	if n.life().Err() != nil || errors.Is(err, errKilled) {
		return err // killed, or the whole node was
	}
	if ctx.Err() != nil {
		err = fail("received interrupt")
	}
	_ = n.drv.Destroy(context.WithoutCancel(ctx), c.vmid)
	n.mu.Lock()
	n.drop(c.vmid)
	for key := range c.disks {
		n.free(properties(c.conf[key], "volume")["volume"])
	}
	_ = n.save()
	n.mu.Unlock()
	return fail("unable to create CT %d - %s", c.vmid, strings.TrimSpace(err.Error()))
}

func (n *Node) build(ctx context.Context, w *worker, c *creation) error {
	if err := n.makeDisks(w, c); err != nil {
		return err
	}
	n.mu.Lock()
	t := n.template(c.template)
	err := n.allThere(c.conf)
	n.mu.Unlock()
	if err != nil {
		return err
	}
	if t == nil {
		if n.prof.Major >= 9 { // it asks first whether this is an OCI archive
			w.Log("volume '" + c.template + "' does not exist")
		}
		return fail("volume '%s' does not exist", c.template)
	}
	oci, err := t.isImage()
	if err != nil {
		return err
	}
	if oci {
		err = n.readImage(w, c, t)
	} else {
		w.Log("extracting archive '" + cache + t.File() + "'")
		if n.uploaded(t) {
			err = n.detectArchive(w, c, t)
		}
	}
	if err != nil {
		return err
	}
	if text, ok := n.faults.Take(driver.FaultCreateFail); ok {
		if text == "" {
			text = "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --zstd --totals' failed: exit code 2"
		}
		return fail("%s", text)
	}
	late := func(when string) bool { return when == "late" }
	if _, ok := n.faults.TakeIf(driver.FaultCreateDies, func(v string) bool { return !late(v) }); ok {
		return errKilled
	}
	if _, ok := n.faults.Take(driver.FaultCreateHang); ok {
		<-ctx.Done()
		return ctx.Err()
	}
	if v, ok := n.faults.Take(driver.FaultCreateSlow); ok {
		if err := n.busy(ctx, v); err != nil {
			return err
		}
	}
	n.mu.Lock()
	full := &container{VMID: c.vmid, Conf: c.conf, OS: t.File(), Systemd: c.systemd, Leases: map[string]string{}, Made: c.made}
	if claimed := n.st.Containers[c.vmid]; claimed != nil {
		claimed.Leases = full.Leases // so that another create takes another address
	}
	cfg := n.driverConfig(full)
	n.mu.Unlock()
	x := &extraction{w: w, t: t, commit: func() { n.commit(firstConfig(full)) }}
	if oci {
		cfg.Image, x.done = t.Path, true
		x.commit()
	}
	if err := n.drv.Create(ctx, cfg, c.secrets, x.line); err != nil {
		return err
	}
	if err := n.attachAll(ctx, full); err != nil {
		return err
	}
	if _, ok := n.faults.TakeIf(driver.FaultCreateDies, late); ok {
		x.finish()
		return errKilled
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	x.finish()
	full.Pool = c.pool
	n.commit(full)
	n.warn(w, full)
	return nil
}

// commit writes the config. Writing its first half drops the lock, long before the worker
// finishes with the container.
func (n *Node) commit(full *container) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.put(full)
	n.named(full)
	_ = n.save()
}

// firstConfig is the config that the worker writes after it has unpacked the archive,
// before it sets up the mounted root file system. It has no lock any more, and no
// hostname or network yet.
func firstConfig(full *container) *container {
	c := *full
	c.Conf = map[string]string{}
	for _, key := range []string{"arch", "ostype", "rootfs", "unprivileged"} {
		if v, ok := full.Conf[key]; ok {
			c.Conf[key] = v
		}
	}
	return &c
}

// extraction puts a driver's lines where Proxmox has them: after the archive is
// unpacked, when the config is written and the root file system is set up.
type extraction struct {
	w      *worker
	t      *Template
	commit func()
	done   bool
	total  bool
}

func (x *extraction) line(s string) {
	switch {
	case strings.HasPrefix(s, "extracting archive"):
		return
	case strings.HasPrefix(s, "Detected container architecture"):
		x.finish()
		return
	case strings.HasPrefix(s, "Total bytes read"):
		x.total = true
	case strings.HasPrefix(s, "Creating SSH host key"):
		x.finish()
	}
	x.w.Log(s)
}

func (x *extraction) finish() {
	if x.done {
		return
	}
	x.done = true
	if !x.total {
		size := x.t.Size * 2
		x.w.Log(fmt.Sprintf("Total bytes read: %d (%dMiB, 68MiB/s)", size, size>>20))
	}
	if v, ok := strings.CutPrefix(x.t.File(), "debian-"); ok {
		v, _, _ = strings.Cut(v, "-")
		if n, err := strconv.Atoi(v); err == nil && n > 14 {
			x.w.Log("WARN: The container's Debian version '" + v + "' is newer than the tested version '14'. While everything may work fine, full compatibility cannot be guaranteed. Please check for PVE system updates.")
		}
	}
	x.w.Log("Detected container architecture: amd64")
	x.commit()
}

func (n *Node) warn(w *worker, full *container) {
	n.warnNesting(w, full)
	if text, ok := n.faults.Take(driver.FaultCreateWarnings); ok {
		if text == "" {
			text = "Systemd 257 detected. You may need to enable nesting."
		}
		w.Log("WARN: " + text)
	}
}

// warnNesting is check_systemd_nesting, at every create and start of version 9.
func (n *Node) warnNesting(w *worker, c *container) {
	v, nesting := c.systemd(), properties(c.Conf["features"], "")["nesting"] == "1"
	if n.prof.Nesting && v > 241 && !nesting && c.Conf["ostype"] != "unmanaged" {
		w.Log(fmt.Sprintf("WARN: Systemd %d detected. You may need to enable nesting.", v))
	}
}

// makeDisks allocates the volumes and writes their names into the config.
func (n *Node) makeDisks(w *worker, c *creation) error {
	keys := make([]string, 0, len(c.disks))
	for k := range c.disks {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] == "rootfs" || keys[j] != "rootfs" && keys[i] < keys[j] })
	for _, key := range keys {
		d := c.disks[key]
		n.mu.Lock()
		s, err := n.storage(d.storage)
		var avail int64
		if err == nil {
			avail = s.Total - n.used(s)
		}
		n.mu.Unlock()
		if err != nil {
			return err
		}
		_, full := n.faults.TakeIf(driver.FaultStorageFull, func(v string) bool { return v == "" || v == s.ID })
		if full || d.size > avail {
			return fail("%s", noSpace(s, c.vmid))
		}
		volid, log, err := n.allocate(s.ID, c.vmid, d.size)
		if err != nil {
			return err
		}
		for _, l := range log {
			w.Log(l)
		}
		p := maps.Clone(d.options)
		p["volume"], p["size"] = volid, printSize(d.size)
		c.conf[key] = printProperties(p, "volume", true)
		c.made = n.opt.Now().Unix()
	}
	return nil
}

// diskTurn is how long a create has the disk before the next one has it.
const diskTurn = 50 * time.Millisecond

// busy keeps the node's disk busy for d. Creates that run at once take turns, so that three
// of them take three times as long, as on a real node.
func (n *Node) busy(ctx context.Context, d string) error {
	left, err := time.ParseDuration(d)
	for ; err == nil && left > 0; left -= diskTurn {
		select {
		case n.disk <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-time.After(min(left, diskTurn)):
		case <-ctx.Done():
			err = ctx.Err()
		}
		<-n.disk
	}
	return err
}
