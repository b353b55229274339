package node

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/schema"
)

// What a node says of itself. Proxmox reads most of it from the machine; the simulated node has
// no system below it, and tells only what it has: of the rest it says that it is not there.

// units are the services that the simulated node has, by what systemd calls them. The others of
// Proxmox's list are not installed.
var units = map[string]string{
	"corosync":    "Corosync Cluster Engine",
	"pve-cluster": "The Proxmox VE cluster filesystem",
	"pve-ha-crm":  "PVE Cluster HA Resource Manager Daemon",
	"pve-ha-lrm":  "PVE Local HA Resource Manager Daemon",
	"pvedaemon":   "PVE API Daemon",
	"pveproxy":    "PVE API Proxy Server",
	"pvestatd":    "PVE Status Daemon",
	"sshd":        "OpenBSD Secure Shell server",
}

// Service is GET /nodes/NODE/services/SERVICE/state.
func (n *Node) Service(name string) map[string]any {
	m := map[string]any{"service": name, "name": name, "desc": name + ".service", "state": "dead", "active-state": "inactive", "unit-state": "not-found"}
	if desc, ok := units[name]; ok {
		m["desc"], m["state"], m["active-state"], m["unit-state"] = desc, "running", "active", "enabled"
	}
	if name == "corosync" && !n.Clustered() { // it has no corosync.conf
		m["state"], m["active-state"] = "dead", "inactive"
	}
	return m
}

// Services is GET /nodes/NODE/services.
func (n *Node) Services() []map[string]any {
	rows := []map[string]any{}
	for _, name := range slices.Sorted(strings.SplitSeq(schema.Services, ",")) {
		rows = append(rows, n.Service(name))
	}
	return rows
}

// Subscription is GET /nodes/NODE/subscription: there is no key. The server's id is shown only
// to those who may see the node.
func (n *Node) Subscription(a Auth) map[string]any {
	m := map[string]any{"status": "notfound", "message": "There is no subscription key", "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing"}
	if n.Check(a, "/nodes/"+n.name, "Sys.Audit") == nil {
		sum := sha1.Sum([]byte("sandbox " + n.name))
		m["serverid"] = strings.ToUpper(hex.EncodeToString(sum[:16]))
	}
	return m
}

// Time is GET /nodes/NODE/time. The simulated node is in UTC.
func (n *Node) Time() map[string]any {
	now := n.opt.Now().Unix()
	return map[string]any{"timezone": "UTC", "time": now, "localtime": now}
}

// DNS is GET /nodes/NODE/dns.
func (n *Node) DNS() map[string]any {
	return map[string]any{"search": nodeDomain, "dns1": n.Gateway().String()}
}

const nodeDomain = "sandbox"

// Hosts is GET /nodes/NODE/hosts.
func (n *Node) Hosts() map[string]any {
	text := "127.0.0.1 localhost.localdomain localhost\n"
	for i, p := range n.nodes {
		text += fmt.Sprintf("%s %s.%s %s\n", n.address(i), p.name, nodeDomain, p.name)
	}
	sum := sha1.Sum([]byte(text))
	return map[string]any{"data": text, "digest": hex.EncodeToString(sum[:])}
}

// Report is GET /nodes/NODE/report. It has what the node knows, and says what it lacks.
func (n *Node) Report() string {
	text := "\n==== general system info ====\n\n# hostname\n" + n.name + "\n\n# pveversion --verbose\n"
	for _, p := range n.Profile().Packages {
		text += p[0] + ": " + p[1] + "\n"
	}
	return text + "\n" + noSystem
}

// noSystem is in every text that a genuine node would take from its system.
const noSystem = "This is the infrahaus sandbox. There is no system below its node."

// Syslog is GET /nodes/NODE/syslog.
func (n *Node) Syslog() []LogLine { return []LogLine{{1, noSystem}} }

// NetStat is GET /nodes/NODE/netstat: what went through the first interface of each guest that
// runs, as its status says.
func (n *Node) NetStat() []map[string]any {
	rows := []map[string]any{}
	for _, id := range n.IDs() {
		n.mu.Lock()
		if c := n.own(id); c != nil {
			if m := n.status(c); m["status"] == "running" && c.Conf["net0"] != "" {
				rows = append(rows, map[string]any{"vmid": strconv.Itoa(id), "dev": "net0", "in": fmt.Sprint(m["netin"]), "out": fmt.Sprint(m["netout"])})
			}
		}
		n.mu.Unlock()
	}
	return rows
}

// ClusterLog is GET /cluster/log, newest first: the tasks, of which the log of a genuine cluster
// has its logins besides. Without Sys.Syslog it has the caller's own.
func (n *Node) ClusterLog(a Auth, most int) []map[string]any {
	all := n.Check(a, "/", "Sys.Syslog") == nil
	n.mu.Lock()
	defer n.mu.Unlock()
	rows := []map[string]any{}
	add := func(t *task, at int64, priority int, text string) {
		user := t.User
		if t.TokenID != "" {
			user += "!" + t.TokenID
		}
		if all || user == a.ID() {
			rows = append(rows, map[string]any{"uid": len(rows) + 1, "time": at, "pri": priority, "tag": "pvedaemon", "pid": t.PID,
				"node": t.at(), "user": user, "msg": text})
		}
	}
	for _, t := range n.order {
		add(t, t.StartTime, 6, "starting task "+t.UPID)
		if t.Exit == "" {
			continue
		}
		priority := 3
		if t.Exit == "OK" || strings.HasPrefix(t.Exit, "WARNINGS: ") {
			priority = 6
		}
		add(t, t.EndTime, priority, "end task "+t.UPID+" "+t.Exit)
	}
	slices.SortFunc(rows, func(a, b map[string]any) int {
		return cmp.Or(cmp.Compare(b["time"].(int64), a["time"].(int64)), cmp.Compare(b["uid"].(int), a["uid"].(int)))
	})
	for _, m := range rows {
		m["id"] = fmt.Sprintf("%v:%v", m["uid"], m["node"])
	}
	if most > 0 {
		rows = rows[:min(most, len(rows))]
	}
	return rows
}

// NotBackedUp is GET /cluster/backup-info/not-backed-up: every guest, because the sandbox has no
// backup jobs.
func (n *Node) NotBackedUp(a Auth) []map[string]any {
	rows := []map[string]any{}
	for _, id := range n.ids(func(*container) bool { return true }) {
		if n.Check(a, "/vms/"+strconv.Itoa(id), "VM.Audit") != nil {
			continue
		}
		m := map[string]any{"vmid": id, "type": "lxc"}
		n.mu.Lock()
		if c := n.st.Containers[id]; c != nil && c.Conf["hostname"] != "" {
			m["name"] = c.Conf["hostname"]
		}
		n.mu.Unlock()
		rows = append(rows, m)
	}
	return rows
}

// CorosyncNodes is GET /cluster/config/nodes.
func (n *Node) CorosyncNodes() []map[string]any {
	rows := []map[string]any{}
	for i, p := range n.nodes {
		if n.Clustered() {
			rows = append(rows, map[string]any{"node": p.name, "name": p.name, "nodeid": strconv.Itoa(i + 1), "quorum_votes": "1", "ring0_addr": n.address(i).String()})
		}
	}
	return rows
}

// FirewallMacros is GET /cluster/firewall/macros. The descriptions of a genuine node say more.
func (n *Node) FirewallMacros() []map[string]any {
	rows := []map[string]any{}
	for _, name := range macros {
		rows = append(rows, map[string]any{"macro": name, "descr": name})
	}
	slices.SortFunc(rows, func(a, b map[string]any) int { return strings.Compare(a["macro"].(string), b["macro"].(string)) })
	return rows
}
