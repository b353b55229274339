package node

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// ha reports whether a container is an HA resource: by /cluster/ha/resources, or because a
// fault says so.
func (n *Node) ha(vmid int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.managed(n.st.Containers[vmid])
}

// managed is ha; mu held. A resource that is ignored counts as none.
func (n *Node) managed(c *container) bool {
	if c == nil {
		return false
	}
	_, fault := n.faults.HasIf(driver.FaultHAManaged, func(v string) bool { return v == "" || v == strconv.Itoa(c.VMID) })
	return fault || c.HA != nil && c.HA.State != "ignored"
}

// haView is what status/current says of it. The HA manager has reported no state of a
// resource before its first round. mu held.
func (n *Node) haView(c *container, running bool) map[string]any {
	switch {
	case !n.managed(c):
		return map[string]any{"managed": 0}
	case c.HA != nil && time.Since(c.HA.added) < n.opt.HAPause:
		return map[string]any{"managed": 1, "state": nil}
	case running:
		return map[string]any{"managed": 1, "state": "started"}
	}
	return map[string]any{"managed": 1, "state": "stopped"}
}

// request is a start or stop of an HA resource: a task that asks for it and ends
// well at once. What the HA manager then does is another task, of root.
func (n *Node) request(a Auth, verb string, vmid int, do func(ctx context.Context) (string, error)) (string, error) {
	return n.fork(a, "ha"+verb, strconv.Itoa(vmid), func(_ context.Context, w *worker) error {
		w.Log("Requesting HA " + verb + " for CT " + strconv.Itoa(vmid))
		n.asked(vmid, map[string]string{"start": "started", "stop": "stopped"}[verb])
		n.workers.Add(1)
		go func() {
			defer n.workers.Done()
			select {
			case <-n.life().Done():
			case <-time.After(n.opt.HAPause):
				_, _ = do(n.life()) // the manager's task says how it went
			}
		}()
		return nil
	})
}

// lockFault locks a container as somebody else's task would: for good, or once
// where the fault has a count. mu held.
func (n *Node) lockFault(c *container) {
	if c.Conf["lock"] != "" {
		return
	}
	var lock string
	_, ok := n.faults.TakeIf(driver.FaultLocked, func(v string) bool {
		name, id, of := cutVMID(v)
		lock = name
		return !of || id == c.VMID
	})
	if ok {
		c.Conf["lock"] = lock
		_ = n.save()
	}
}

// cutVMID splits LOCK or LOCK@VMID.
func cutVMID(v string) (lock string, vmid int, of bool) {
	for i := range v {
		if v[i] == '@' {
			vmid, _ = strconv.Atoi(v[i+1:])
			return v[:i], vmid, true
		}
	}
	if v == "" {
		v = "backup"
	}
	return v, 0, false
}

// haState is what the HA manager says of the node, "" while it has nothing to manage.
func (n *Node) haState() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	busy := len(n.st.Maintenance)+len(n.faults.Values(driver.FaultNodeMaintenance)) > 0
	for _, c := range n.st.Containers {
		busy = busy || c.HA != nil
	}
	switch {
	case n.away():
		return "maintenance"
	case !busy:
		return ""
	case n.off && n.opt.Now().Sub(n.sentAt) >= fenceAfter:
		return "fence"
	case n.off:
		return "unknown"
	}
	return "online"
}

// away reports whether the node is in maintenance; mu held.
func (n *Node) away() bool {
	_, fault := n.faults.HasIf(driver.FaultNodeMaintenance, func(v string) bool { return v == n.name })
	return fault || slices.Contains(n.st.Maintenance, n.name)
}

// fenceAfter is how long the HA manager waits for a node before it takes its resources away:
// a minute until its lock runs out, and one until its watchdog has surely struck.
const fenceAfter = 2 * time.Minute

// recover gives the resources of a node that is off to another node, which starts them. The
// disks of a local storage stay where they are, so that such a start fails.
func (n *Node) recover() {
	n.mu.Lock()
	var moved []*container
	if n.off && n.opt.Now().Sub(n.sentAt) >= fenceAfter {
		for _, c := range n.sorted() {
			if to := n.refuge(); to != nil && c.at() == n.name && c.HA != nil && c.HA.state() == "started" {
				if n.localDisk(c) != "" && c.Disks == "" {
					c.Disks = n.name
				}
				c.Running = false
				to.put(c)
				moved = append(moved, c)
			}
		}
	}
	if len(moved) > 0 {
		_ = n.save()
	}
	n.mu.Unlock()
	for _, c := range moved {
		to := n.home(c)
		_, _ = to.startNow(to.life(), Root, c.VMID) // the task says how it went
	}
}

// refuge is the node with the fewest guests of those that can take more, nil for none; mu held.
func (n *Node) refuge() *Node {
	count := map[string]int{}
	for _, c := range n.st.Containers {
		count[c.at()]++
	}
	var best *Node
	for _, p := range n.nodes {
		if !p.off && !p.away() && (best == nil || count[p.name] < count[best.name]) {
			best = p
		}
	}
	return best
}

// localDisk is a volume of the container that only one node has, "" for none; mu held.
func (n *Node) localDisk(c *container) string {
	for _, v := range c.volumes() {
		if !n.shared(v.storage()) {
			return v.Volid
		}
	}
	return ""
}

// reachable fails for a container whose disks another node has; mu held.
func (n *Node) reachable(c *container) error {
	if c.Disks == "" || c.Disks == n.name {
		for _, v := range c.volumes() {
			if slices.Contains(n.st.Missing, v.Volid) {
				return n.notThere(v.Volid)
			}
		}
		return nil
	}
	id, name, _ := strings.Cut(n.localDisk(c), ":")
	if s, err := n.storage(id); err == nil && strings.HasPrefix(s.Type, "lvm") {
		return fail("no such logical volume pve/%s", name)
	}
	return fail("volume '%s:%s' does not exist", id, name)
}

// haMigrate is the manager's answer to a request to move a resource: containers are moved with
// a restart.
func (n *Node) haMigrate(vmid int, to *Node, p Params) {
	n.workers.Go(func() {
		select {
		case <-n.life().Done():
			return
		case <-time.After(n.opt.HAPause):
		}
		_, _ = n.migrateNow(n.life(), Root, vmid, to, map[string]string{}, Params{"restart": "1", "timeout": p["timeout"]})
	})
}
