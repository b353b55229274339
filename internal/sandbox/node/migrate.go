package node

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// migration is a move of a container to another node.
type migration struct {
	n       *Node
	to      *Node
	w       *worker
	vmid    int
	storage map[string]string // target-storage, by source; "": the default, "=": the same
	restart bool
	timeout string
}

// Migrate is POST /lxc/ID/migrate.
func (n *Node) Migrate(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	if p["target"] == n.name {
		return "", badParam("target", "target is local node.")
	}
	to := n.Peer(p["target"])
	if to == nil {
		return "", fail("no such cluster node '%s'", p["target"])
	}
	if err := n.Exists(vmid); err != nil {
		return "", err
	}
	if n.pid(vmid) != 0 && !p.bool("online") && !p.bool("restart") {
		return "", fail("can't migrate running container without --online or --restart")
	}
	stores, err := n.targetStorages(a, vmid, to, p["target-storage"])
	if err != nil {
		return "", err
	}
	if n.ha(vmid) {
		return n.fork(a, "hamigrate", strconv.Itoa(vmid), func(_ context.Context, w *worker) error {
			w.Log(fmt.Sprintf("Requesting HA migration for CT %d to node %s", vmid, to.name))
			n.haMigrate(vmid, to, p)
			return nil
		})
	}
	return n.migrateNow(ctx, a, vmid, to, stores, p)
}

// migrateNow is a migration by whoever does it: the caller, or the HA manager.
func (n *Node) migrateNow(_ context.Context, a Auth, vmid int, to *Node, stores map[string]string, p Params) (string, error) {
	return n.fork(a, "vzmigrate", strconv.Itoa(vmid), func(ctx context.Context, w *worker) error {
		m := &migration{n: n, to: to, w: w, vmid: vmid, storage: stores, restart: p.bool("restart"), timeout: p["timeout"]}
		if m.timeout == "" {
			m.timeout = "180"
		}
		if n.pid(vmid) != 0 && p.bool("online") {
			return m.end(time.Now(), fail("lxc live migration is currently not implemented"))
		}
		return m.run(ctx)
	})
}

// targetStorages reads target-storage: STORAGE, SOURCE:STORAGE or 1, which stands for the same.
func (n *Node) targetStorages(a Auth, vmid int, to *Node, list string) (map[string]string, error) {
	m := map[string]string{}
	for _, one := range splitList(list) {
		from, id, pair := strings.Cut(one, ":")
		if one == "1" {
			continue
		}
		if err := n.Check(a, "/vms/"+strconv.Itoa(vmid), "VM.Config.Disk"); err != nil {
			return nil, err
		}
		if !pair {
			from, id = "", one
		}
		if err := n.Check(a, "/storage/"+id, "Datastore.AllocateSpace"); err != nil {
			return nil, err
		}
		to.mu.Lock()
		_, err := to.storage(id)
		to.mu.Unlock()
		if err != nil {
			return nil, err
		}
		m[from] = id
	}
	return m, nil
}

func (m *migration) say(level, text string) {
	stamp := m.n.opt.Now().Format(time.DateTime)
	if level != "" {
		stamp += " " + level + ":"
	}
	m.w.Log(stamp + " " + text)
}

// run is PVE::AbstractMigrate's migrate.
func (m *migration) run(ctx context.Context) error {
	began := time.Now()
	unlock, err := m.n.lock(ctx, m.vmid, m.n.opt.LockTimeout)
	if err != nil {
		return m.end(began, err)
	}
	ran, err := m.prepare(ctx)
	if err == nil {
		err = m.move()
		if err != nil && m.n.life().Err() == nil {
			m.say("ERROR", err.Error())
			m.say("", "aborting phase 1 - cleanup resources")
			m.say("", "start final cleanup")
		}
	} else {
		unlock()
		return m.end(began, err)
	}
	unlock()
	at := m.to
	if err != nil {
		at = m.n
	} else {
		m.say("", "start final cleanup")
	}
	if ran && m.restart && m.n.life().Err() == nil {
		m.say("", map[bool]string{true: "start container on target node", false: "start container on source node"}[err == nil])
		upid, startErr := at.startNow(at.life(), Root, m.vmid)
		if startErr == nil {
			_, startErr = at.Follow(ctx, upid, func(string) {})
		}
		if startErr != nil {
			m.say("ERROR", startErr.Error())
		}
	}
	return m.end(began, err)
}

func (m *migration) end(began time.Time, err error) error {
	took := time.Since(began).Round(time.Second)
	lasted := fmt.Sprintf("%02d:%02d:%02d", int(took.Hours()), int(took.Minutes())%60, int(took.Seconds())%60)
	if m.n.life().Err() != nil {
		return m.n.life().Err()
	}
	if err != nil {
		m.say("ERROR", "migration aborted (duration "+lasted+"): "+err.Error())
		return fail("migration aborted")
	}
	m.say("", "migration finished successfully (duration "+lasted+")")
	return nil
}

// prepare checks what can be moved, and shuts the container down for a restart.
func (m *migration) prepare(ctx context.Context) (ran bool, err error) {
	n := m.n
	ran = n.pid(m.vmid) != 0
	n.mu.Lock()
	c, err := n.find(m.vmid)
	if err == nil {
		err = c.checkLock()
	}
	if err == nil {
		err = m.fits(c)
	}
	off := m.to.off
	n.mu.Unlock()
	switch {
	case err != nil:
		return ran, err
	case ran && !m.restart:
		return ran, fail("running container can only be migrated in restart mode")
	case off:
		return ran, fail("Can't connect to destination address using public key")
	case !ran:
		return ran, nil
	}
	m.say("", fmt.Sprintf("shutdown CT %d", m.vmid))
	return ran, n.shutdown(ctx, m.w, m.vmid, Params{"timeout": m.timeout})
}

// fits checks each volume's storage; mu held.
func (m *migration) fits(c *container) error {
	for _, key := range m.keys(c) {
		volume := properties(c.Conf[key], "volume")["volume"]
		id, _, isVolume := strings.Cut(volume, ":")
		if !isVolume {
			if properties(c.Conf[key], "volume")["shared"] == "1" {
				continue
			}
			kind := "bind"
			if strings.HasPrefix(volume, "/dev/") {
				kind = "device"
			}
			return fail("cannot migrate local %s mount point '%s'", kind, key)
		}
		s, err := m.n.storage(id)
		if err != nil {
			return err
		}
		if !s.holds("rootdir") {
			return fail("content type 'rootdir' is not available on storage '%s'", id)
		}
		target := m.target(id)
		t, err := m.to.storage(target)
		if err != nil {
			return err
		}
		if !t.holds("rootdir") {
			return fail("%s: content type 'rootdir' is not available on storage '%s'", volume, target)
		}
	}
	return nil
}

func (m *migration) keys(c *container) (keys []string) {
	for k := range c.Conf {
		if k == "rootfs" || numbered(k, "mp") || numbered(k, "unused") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// target is the storage that a volume goes to.
func (m *migration) target(id string) string {
	if to := m.storage[id]; to != "" {
		return to
	}
	if to := m.storage[""]; to != "" && !m.n.shared(id) {
		return to
	}
	return id
}

// move copies local volumes and hands the config over.
func (m *migration) move() error {
	n := m.n
	n.mu.Lock()
	c, err := n.find(m.vmid)
	n.mu.Unlock()
	if err != nil {
		return err
	}
	m.say("", fmt.Sprintf("starting migration of CT %d to node '%s' (%s)", m.vmid, m.to.name, m.to.ip()))
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range m.keys(c) {
		id, name, isVolume := strings.Cut(properties(c.Conf[key], "volume")["volume"], ":")
		switch s, err := n.storage(id); {
		case !isVolume:
		case err != nil:
			return err
		case s.Shared:
			m.later("", fmt.Sprintf("volume '%s:%s' is on shared storage '%s'", id, name, id))
		case len(c.Snapshots) > 0 && s.Type != "zfspool" && s.Type != "btrfs":
			m.later("WARN", fmt.Sprintf("can't migrate local volume '%s:%s': non-migratable snapshot exists", id, name))
			return fail("can't migrate CT - check log")
		default:
			m.later("", fmt.Sprintf("found local volume '%s:%s' (in current VM config)", id, name))
		}
	}
	m.to.put(c)
	c.Running = false
	for _, key := range m.keys(c) {
		if err := m.carry(c, key); err != nil {
			n.put(c)
			return err
		}
	}
	return n.save()
}

// carry gives a local volume, which has come along with its container, the target's storage;
// mu held.
func (m *migration) carry(c *container, key string) error {
	p := properties(c.Conf[key], "volume")
	id, _, isVolume := strings.Cut(p["volume"], ":")
	if !isVolume || m.n.shared(id) {
		return nil
	}
	was, size := p["volume"], max(m.n.sizeOf(p["volume"]), m.to.sizeOf(p["volume"])) // an unused one is on the source still
	if at := m.target(id); at != id {
		t, err := m.to.storage(at)
		if err != nil {
			return err
		}
		p["volume"], _ = m.to.nextVolume(t, m.vmid, size)
		if c.Conf[key] = printProperties(p, "volume", true); numbered(key, "unused") {
			c.Conf[key] = p["volume"]
		}
	}
	for i, v := range m.n.st.Strays {
		if v.Volid == was && m.n.has(v.Volid, v.Node) {
			m.n.st.Strays[i].Volid, m.n.st.Strays[i].Node = p["volume"], m.to.mark()
		}
	}
	m.later("", fmt.Sprintf("volume '%s' is '%s' on the target", was, p["volume"]))
	if was == p["volume"] {
		return nil
	}
	return m.n.drv.Rename(was, p["volume"])
}

// later is say with mu held.
func (m *migration) later(level, text string) {
	stamp := m.n.opt.Now().Format(time.DateTime)
	if level != "" {
		stamp += " " + level + ":"
	}
	m.n.logLine(m.w.t, stamp+" "+text)
}
