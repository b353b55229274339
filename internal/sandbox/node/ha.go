package node

import (
	"context"
	"strconv"
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
			case <-n.ctx.Done():
			case <-time.After(n.opt.HAPause):
				_, _ = do(n.ctx) // the manager's task says how it went
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
