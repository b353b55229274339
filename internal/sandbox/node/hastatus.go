package node

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// perlTime is Perl's localtime as text.
const perlTime = "Mon Jan _2 15:04:05 2006"

// HAStatus is GET /cluster/ha/status/current. While nothing is managed there is no master, and
// no node has reported.
func (n *Node) HAStatus() []map[string]any {
	rows := []map[string]any{{"id": "quorum", "type": "quorum", "node": n.name, "status": "OK", "quorate": 1}}
	if !n.quorate() {
		rows[0]["status"], rows[0]["quorate"] = "No quorum on node '"+n.name+"'!", 0
	}
	now := n.opt.Now()
	busy := n.haState() != ""
	if busy {
		rows = append(rows, map[string]any{"id": "master", "type": "master", "node": n.name, "timestamp": now.Unix(),
			"status": fmt.Sprintf("%s (active, %s)", n.name, now.Format(perlTime))})
	}
	if n.prof.Major >= 9 {
		state := map[bool][2]string{true: {"armed", "active"}, false: {"standby", "standby"}}[busy]
		rows = append(rows, map[string]any{"id": "fencing", "type": "fencing", "node": n.name, "armed-state": state[0],
			"status": state[0] + " (CRM watchdog " + state[1] + ")"})
	}
	for _, p := range n.nodes {
		if busy {
			rows = append(rows, p.lrmRow(now))
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.sorted() {
		if c.HA != nil {
			rows = append(rows, n.serviceRow(c))
		}
	}
	return rows
}

func (n *Node) quorate() bool {
	online := 0
	for _, p := range n.nodes {
		online += flag(p.Up())
	}
	return 2*online > len(n.nodes)
}

// lrmRow is the local resource manager of a node, which has last reported when it went off.
func (n *Node) lrmRow(now time.Time) map[string]any {
	n.mu.Lock()
	active, off, at := 0, n.off, now
	for _, c := range n.st.Containers {
		active += flag(c.HA != nil && c.at() == n.name && c.HA.state() == "started")
	}
	if off {
		at = n.sentAt
	}
	n.mu.Unlock()
	state, watchdog := "idle", "watchdog standby"
	switch away := n.haState() == "maintenance"; {
	case off && now.Sub(at) > 30*time.Second:
		state = "old timestamp - dead?"
	case away:
		state, watchdog = "maintenance mode", "watchdog active"
	case active > 0:
		state, watchdog = "active", "watchdog active"
	}
	if n.prof.Major >= 9 {
		state += ", " + watchdog
	}
	return map[string]any{"id": "lrm:" + n.name, "type": "lrm", "node": n.name, "timestamp": at.Unix(),
		"status": fmt.Sprintf("%s (%s, %s)", n.name, state, at.Format(perlTime))}
}

// serviceRow is a resource as the manager sees it; mu held.
func (n *Node) serviceRow(c *container) map[string]any {
	sid := "ct:" + strconv.Itoa(c.VMID)
	m := map[string]any{"id": "service:" + sid, "type": "service", "sid": sid, "node": c.at(), "request_state": c.HA.state()}
	state, running := "queued", n.drv.Pid(c.VMID) != 0
	switch {
	case c.HA.state() == "ignored":
		state = "ignored"
	case time.Since(c.HA.added) >= n.opt.HAPause && n.home(c).off:
		state = "fence"
		m["crm_state"] = state
	case time.Since(c.HA.added) >= n.opt.HAPause:
		state = map[bool]string{true: "started", false: "stopped"}[running]
		m["crm_state"] = state
		if want := c.HA.state(); want == "started" && !running {
			state = "starting"
		} else if want != "started" && running {
			state = "stopping"
		}
	}
	for _, k := range []string{"group", "max_restart", "max_relocate", "failback", "comment"} {
		if v, ok := c.HA.Options[k]; ok && (k != "group" || !n.prof.HARules) {
			m[k] = v
			if i, err := strconv.Atoi(v); err == nil && haOptions[k] {
				m[k] = i
			}
		}
	}
	m["state"], m["status"] = state, fmt.Sprintf("%s (%s, %s)", sid, c.at(), state)
	return m
}

// HAManagerStatus is GET /cluster/ha/status/manager_status.
func (n *Node) HAManagerStatus() map[string]any {
	status := map[string]any{}
	lrm := map[string]any{}
	now := n.opt.Now().Unix()
	if n.haState() != "" {
		nodes, services := map[string]any{}, map[string]any{}
		for _, p := range n.nodes {
			nodes[p.name] = p.haState()
			mode := "active"
			if p.haState() == "maintenance" {
				mode = "maintenance"
			}
			lrm[p.name] = map[string]any{"mode": mode, "state": "wait_for_agent_lock", "timestamp": now, "results": map[string]any{}}
		}
		n.mu.Lock()
		for _, c := range n.sorted() {
			if c.HA != nil {
				services["ct:"+strconv.Itoa(c.VMID)] = map[string]any{"node": c.at(), "state": c.HA.state(), "running": flag(n.drv.Pid(c.VMID) != 0)}
			}
		}
		n.mu.Unlock()
		status = map[string]any{"master_node": n.name, "timestamp": now, "node_status": nodes, "service_status": services}
	}
	m := map[string]any{"manager_status": status, "quorum": map[string]any{"node": n.name, "quorate": flag(n.quorate())}}
	if len(lrm) > 0 {
		m["lrm_status"] = lrm
	}
	return m
}

// Maintenance is ha-manager crm-command node-maintenance: no route of the API does this.
func (n *Node) Maintenance(name string, on bool) error {
	if n.Peer(name) == nil {
		return fail("no such cluster node '%s'", name)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.st.Maintenance = slices.DeleteFunc(n.st.Maintenance, func(s string) bool { return s == name })
	if on {
		n.st.Maintenance = append(n.st.Maintenance, name)
	}
	return n.save()
}
