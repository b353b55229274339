package node

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// stale is how long pmxcfs keeps what a node has reported of itself and its guests. A node
// that is off is offline at once; its guests look as they did until then.
const stale = 5 * time.Minute

// report is what pvestatd sends about the node's guests; mu held.
func (n *Node) report() map[int]map[string]any {
	now := map[int]map[string]any{}
	for id, c := range n.st.Containers {
		if c.at() != n.name {
			continue
		}
		now[id] = n.status(c)
		if now[id]["status"] == "running" {
			now[id]["cpu"] = load / c.cores()
		}
	}
	return now
}

// heard is the report that the others have of this node, nil for none; mu held.
func (n *Node) heard() map[int]map[string]any {
	now := n.opt.Now()
	age := now.Sub(n.sentAt)
	switch {
	case n.off && (n.sent == nil || age >= stale):
		return nil
	case !n.off && (n.sent == nil || age >= n.opt.Broadcast || age < 0):
		n.sent, n.sentAt = n.report(), now
	}
	return n.sent
}

// NodeList is GET /nodes. fingerprint belongs to the certificate of the first node's API.
func (n *Node) NodeList(a Auth, fingerprint string) []map[string]any {
	rows := []map[string]any{}
	for _, p := range n.shuffled() {
		m := p.nodeRow(a)
		m["ssl_fingerprint"] = fingerprint
		if !p.first() {
			m["ssl_fingerprint"] = otherFingerprint(fingerprint, p.name)
		}
		rows = append(rows, m)
	}
	return rows
}

// otherFingerprint is that of a certificate which nobody is shown: only the first node has an
// API of its own.
func otherFingerprint(first, name string) string {
	sum := sha256.Sum256([]byte(first + name))
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// nodeRow is extract_node_stats. Until pvestatd has reported for the first time, a node's
// status is unknown and it has no load; one that is off keeps its sizes for some minutes.
func (n *Node) nodeRow(a Auth) map[string]any {
	m := map[string]any{"node": n.name, "id": "node/" + n.name, "type": "node", "status": "unknown"}
	n.mu.Lock()
	off, known := n.off, time.Since(n.boot) >= n.opt.Broadcast
	if off {
		known = n.heard() != nil
	}
	n.mu.Unlock()
	if off {
		m["status"] = "offline"
	}
	if !known {
		return m
	}
	if m["level"] = ""; !off {
		m["status"] = "online"
	}
	if n.Check(a, "/nodes/"+n.name, "Sys.Audit") == nil {
		for k, v := range n.load1() {
			if !off || strings.HasPrefix(k, "max") {
				m[k] = v
			}
		}
	}
	return m
}

// ip is the node's own address.
func (n *Node) ip() netip.Addr { return n.address(slices.Index(n.nodes, n)) }

// address is the node's own address, the last of the network's for nodes besides the first,
// which has the bridge's.
func (n *Node) address(i int) netip.Addr {
	gw := n.Gateway()
	switch {
	case !gw.IsValid():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case i == 0 || !gw.Is4():
		return gw
	}
	last := lastOf(n.st.Subnet)
	for range i {
		last = last.Prev()
	}
	return last
}

// lastOf is the last address of a network, its broadcast address.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

// ClusterStatus is GET /cluster/status. A node that is in no cluster has a row alone.
func (n *Node) ClusterStatus() []map[string]any {
	rows := []map[string]any{}
	for i, p := range n.nodes {
		m := map[string]any{"id": "node/" + p.name, "name": p.name, "type": "node", "ip": n.address(i).String(),
			"local": flag(p == n), "online": flag(p.Up()), "nodeid": i + 1, "level": ""}
		if !n.Clustered() {
			m["nodeid"] = 0
		}
		rows = append(rows, m)
	}
	if !n.Clustered() {
		return rows
	}
	return append([]map[string]any{{"id": "cluster", "name": clusterName, "type": "cluster", "nodes": len(rows), "version": len(rows),
		"quorate": flag(n.quorate())}}, rows...)
}

const clusterName = "sandbox"

// NextID is GET /cluster/nextid: the smallest id that is free now, of the range that the
// datacenter's options may set. Nothing reserves it.
func (n *Node) NextID(p Params) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	lower, upper := n.idRange()
	id := lower
	if v, ok := p["vmid"]; ok {
		id, _ = strconv.Atoi(v)
		if n.st.Containers[id] != nil {
			return nil, badParam("vmid", "VM "+v+" already exists")
		}
	} else if _, race := n.faults.Take(driver.FaultIDRace); race && len(n.st.Containers) > 0 {
		id = n.sorted()[0].VMID
	} else {
		for n.st.Containers[id] != nil {
			id++
		}
		if id >= upper {
			return nil, fail("unable to get any free VMID in range [%d, %d]", lower, upper)
		}
	}
	if n.Profile().NextIDInt {
		return id, nil
	}
	return strconv.Itoa(id), nil
}

// Resources is GET /cluster/resources: the guests, storages and nodes that the caller may audit.
func (n *Node) Resources(a Auth, kind string) []map[string]any {
	rows := []map[string]any{}
	if kind == "" || kind == "vm" {
		rows = n.guests(a)
	}
	if kind == "" || kind == "node" {
		for _, p := range n.shuffled() {
			m := p.nodeRow(a)
			if m["status"] == "online" {
				m["cgroup-mode"] = 2
			}
			if state := p.haState(); state != "" {
				m["hastate"] = state
			}
			rows = append(rows, m)
		}
	}
	if kind == "" || kind == "storage" {
		rows = append(rows, n.storageResources(a)...)
	}
	if kind == "" {
		for _, id := range n.poolIDs() {
			if n.Check(a, "/pool/"+id, "Pool.Audit") == nil {
				rows = append(rows, map[string]any{"id": "/pool/" + id, "pool": id, "type": "pool"})
			}
		}
	}
	if (kind == "" || kind == "sdn") && n.CheckAny(a, "/sdn/zones/localnetwork", "SDN.Audit", "SDN.Use") == nil {
		for _, p := range n.nodes {
			rows = append(rows, map[string]any{"id": "sdn/" + p.name + "/localnetwork", "sdn": "localnetwork", "node": p.name, "type": "sdn", "status": "ok"})
		}
	}
	return rows
}

// storageResources has a row for each node that a storage is enabled on, shared ones too.
func (n *Node) storageResources(a Auth) []map[string]any {
	rows := []map[string]any{}
	for _, p := range n.nodes {
		p.mu.Lock()
		known := !p.off || p.heard() != nil
		p.mu.Unlock()
		for _, s := range p.StorageList(a, Params{"enabled": "1"}) {
			id := s["storage"].(string)
			m := map[string]any{
				"id": "storage/" + p.name + "/" + id, "storage": id, "node": p.name, "type": "storage", "status": "unknown",
				"plugintype": s["type"], "content": s["content"], "shared": s["shared"],
			}
			if known {
				m["status"], m["disk"], m["maxdisk"] = "available", s["used"], s["total"]
			}
			rows = append(rows, m)
		}
	}
	return rows
}

// guests are the containers as the cluster's broadcast has them: which there are, and where,
// is always true, but name and state come from a status that each node sends
// every 10 s, and of a new one there is none yet.
func (n *Node) guests(a Auth) []map[string]any {
	sent, ids := map[int]map[string]any{}, []int{}
	n.mu.Lock()
	for _, p := range n.nodes {
		maps.Copy(sent, p.heard())
	}
	for _, c := range n.sorted() {
		ids = append(ids, c.VMID)
	}
	n.mu.Unlock()
	rows := []map[string]any{}
	for _, id := range ids {
		if n.Check(a, "/vms/"+strconv.Itoa(id), "VM.Audit") != nil {
			continue
		}
		n.mu.Lock()
		if c := n.st.Containers[id]; c != nil {
			rows = append(rows, n.guestRow(c, sent[id]))
		}
		n.mu.Unlock()
	}
	return rows
}

// guestRow is extract_vm_stats; mu held.
func (n *Node) guestRow(c *container, sent map[string]any) map[string]any {
	m := map[string]any{"id": "lxc/" + strconv.Itoa(c.VMID), "vmid": c.VMID, "type": "lxc", "node": c.at(), "status": "unknown"}
	if sent != nil {
		m["template"] = 0
	}
	for k, v := range sent {
		if k != "cpus" && !strings.HasPrefix(k, "pressure") && k != "swap" && k != "maxswap" && k != "pid" {
			m[k] = v
		}
	}
	if v, ok := sent["cpus"]; ok {
		m["maxcpu"] = v
	}
	if n.prof.MemHost && m["name"] != nil {
		m["memhost"] = 0
	}
	if c.Pool != "" {
		m["pool"] = c.Pool
	}
	for _, k := range []string{"lock", "tags"} { // read from the config itself
		delete(m, k)
		if v := c.Conf[k]; v != "" {
			m[k] = v
		}
	}
	if c.HA != nil {
		m["hastate"] = c.HA.state()
	}
	return m
}
