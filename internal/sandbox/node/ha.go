package node

import (
	"context"
	"strconv"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// ha reports whether a container is an HA resource: a fault says so, there is no
// /cluster/ha/resources here.
func (n *Node) ha(vmid int) bool {
	_, ok := n.faults.HasIf(driver.FaultHAManaged, func(v string) bool { return v == "" || v == strconv.Itoa(vmid) })
	return ok
}

// haView is what status/current says of it. Of a resource's further keys only
// its state is known here.
func (n *Node) haView(vmid int, running bool) map[string]any {
	if !n.ha(vmid) {
		return map[string]any{"managed": 0}
	}
	state := "stopped"
	if running {
		state = "started"
	}
	return map[string]any{"managed": 1, "state": state}
}

// request is a start or stop of an HA resource: a task that asks for it and ends
// well at once. What the HA manager then does is another task, of root.
func (n *Node) request(a Auth, verb string, vmid int, do func(ctx context.Context) (string, error)) (string, error) {
	return n.fork(a, "ha"+verb, strconv.Itoa(vmid), func(_ context.Context, w *worker) error {
		w.Log("Requesting HA " + verb + " for CT " + strconv.Itoa(vmid))
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
