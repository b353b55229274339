package node

import (
	"net/netip"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// nodeMemory is the RAM of the simulated node, in bytes.
const nodeMemory = 24 * gib

// Now is the time by the node's clock.
func (n *Node) Now() time.Time { return n.opt.Now() }

func (n *Node) sorted() []*container {
	cs := make([]*container, 0, len(n.st.Containers))
	for _, c := range n.st.Containers {
		cs = append(cs, c)
	}
	sort.Slice(cs, func(i, j int) bool { return cs[i].VMID < cs[j].VMID })
	return cs
}

func (c *container) name() string {
	if h := c.Conf["hostname"]; h != "" {
		return h
	}
	return "CT" + strconv.Itoa(c.VMID)
}

// status is one container as vmstatus sees it; mu held.
func (n *Node) status(c *container) map[string]any {
	mib := func(key string, def int64) int64 {
		if v, err := strconv.ParseInt(c.Conf[key], 10, 64); err == nil {
			return v << 20
		}
		return def
	}
	pid := n.drv.Pid(c.VMID)
	c.Running = pid != 0 // it may have gone down, or come up again, by itself
	m := map[string]any{
		"vmid": c.VMID, "name": c.name(), "type": "lxc", "status": "stopped", "uptime": 0, "cpu": 0, "cpus": c.cpus(),
		"mem": 0, "maxmem": mib("memory", 512<<20), "swap": 0, "maxswap": mib("swap", 0),
		"disk": 0, "maxdisk": c.diskSize(), "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0,
	}
	if pid != 0 {
		m["status"], m["pid"], m["mem"], m["disk"] = "running", pid, int64(13<<20), int64(290<<20)
		up := max(1, int(time.Since(c.up).Seconds()))
		m["uptime"], m["netin"], m["netout"] = up, 220+11*up, 516+7*up
	}
	if pid != 0 && n.Profile().Pressure {
		for _, of := range []string{"cpu", "io", "memory"} {
			m["pressure"+of+"some"], m["pressure"+of+"full"] = "0.00", "0.00"
		}
	}
	for _, k := range []string{"lock", "tags"} {
		if v := c.Conf[k]; v != "" {
			m[k] = v
		}
	}
	if c.Conf["template"] == "1" {
		m["template"] = 1
	}
	return m
}

// load is the part of one core that each simulated container uses. pvestatd has measured
// it; status/current says 0, as a worker of the API does that is asked for the first time.
const load = 0.25

// cores is cpus as a number.
func (c *container) cores() float64 {
	switch v := c.cpus().(type) {
	case int:
		return float64(v)
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil && f > 0 {
			return f
		}
	}
	return 1
}

// cpus is cores, or the limit as the string that it is, or the node's.
func (c *container) cpus() any {
	if v, err := strconv.Atoi(c.Conf["cores"]); err == nil {
		return v
	}
	if v := c.Conf["cpulimit"]; v != "" && v != "0" {
		return v
	}
	return runtime.NumCPU()
}

func (c *container) diskSize() int64 {
	if size := parseSize(properties(c.Conf["rootfs"], "volume")["size"]); size > 0 {
		return size
	}
	return 4 * gib
}

// Status is GET /lxc/ID/status/current.
func (n *Node) Status(vmid int) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return nil, err
	}
	m := n.status(c)
	m["ha"] = n.haView(c, m["status"] == "running")
	return m, nil
}

// List is GET /nodes/NODE/lxc: those that the caller may audit.
func (n *Node) List(a Auth) []map[string]any {
	rows := []map[string]any{}
	for _, id := range n.IDs() {
		if n.Check(a, "/vms/"+strconv.Itoa(id), "VM.Audit") != nil {
			continue
		}
		n.mu.Lock()
		if c := n.st.Containers[id]; c != nil {
			rows = append(rows, n.status(c))
		}
		n.mu.Unlock()
	}
	return rows
}

// IDs are the containers there are, in order.
func (n *Node) IDs() []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	var ids []int
	for _, c := range n.sorted() {
		ids = append(ids, c.VMID)
	}
	return ids
}

// NextID is GET /cluster/nextid: the smallest id that is free now. Nothing
// reserves it.
func (n *Node) NextID(p Params) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := 100
	if v, ok := p["vmid"]; ok {
		id, _ = strconv.Atoi(v)
		if n.st.Containers[id] != nil {
			return nil, badParam("vmid", "VM "+v+" already exists")
		}
	} else {
		if _, race := n.faults.Take(driver.FaultIDRace); race && len(n.st.Containers) > 0 {
			id = n.sorted()[0].VMID
		} else {
			for n.st.Containers[id] != nil {
				id++
			}
		}
	}
	if n.Profile().NextIDInt {
		return id, nil
	}
	return strconv.Itoa(id), nil
}

// Nodes is GET /nodes. fingerprint is that of the API's certificate. Until pvestatd has
// reported for the first time, a node's status is unknown and it has no load.
func (n *Node) Nodes(a Auth, fingerprint string) []map[string]any {
	m := map[string]any{"node": Name, "id": "node/" + Name, "type": "node", "status": "unknown", "ssl_fingerprint": fingerprint}
	if time.Since(n.boot) < n.opt.Broadcast {
		return []map[string]any{m}
	}
	m["status"] = "online"
	if n.Check(a, "/nodes/"+Name, "Sys.Audit") == nil {
		for k, v := range n.load1() {
			m[k] = v
		}
		m["level"] = ""
	}
	return []map[string]any{m}
}

func (n *Node) load1() map[string]any {
	return map[string]any{
		"uptime": 1 + int(time.Since(n.boot).Seconds()), "cpu": 0.0123, "maxcpu": runtime.NumCPU(),
		"mem": int64(2 * gib), "maxmem": int64(nodeMemory), "disk": int64(9 * gib), "maxdisk": int64(94 * gib),
	}
}

// NodeStatus is GET /nodes/NODE/status.
func (n *Node) NodeStatus() map[string]any {
	return map[string]any{
		"uptime": 1 + int(time.Since(n.boot).Seconds()), "cpu": 0.0123, "wait": 0, "idle": 0,
		"pveversion": "pve-manager/" + n.Profile().Version + "/" + n.Profile().RepoID, "kversion": "Linux " + n.prof.Kernel,
		"current-kernel": map[string]any{"sysname": "Linux", "release": n.prof.Kernel, "machine": "x86_64", "version": "#1 SMP"},
		"boot-info":      map[string]any{"mode": "efi", "secureboot": 0},
		"cpuinfo": map[string]any{"cpus": runtime.NumCPU(), "cores": runtime.NumCPU(), "sockets": 1, "model": "simulated",
			"mhz": "2400.000", "flags": "fpu vme de pse tsc msr pae mce cx8 apic sep", "hvm": "1", "user_hz": 100},
		"memory":  map[string]any{"total": int64(nodeMemory), "used": int64(2 * gib), "free": int64(22 * gib)},
		"swap":    map[string]any{"total": 0, "used": 0, "free": 0},
		"rootfs":  map[string]any{"total": int64(94 * gib), "used": int64(9 * gib), "avail": int64(85 * gib), "free": int64(85 * gib)},
		"loadavg": []string{"0.10", "0.10", "0.10"}, "ksm": map[string]any{"shared": 0},
	}
}

// ClusterStatus is GET /cluster/status of a node that is in no cluster.
func (n *Node) ClusterStatus() []map[string]any {
	gw := n.Gateway()
	if !gw.IsValid() {
		gw = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return []map[string]any{{
		"id": "node/" + Name, "name": Name, "type": "node", "ip": gw.String(), "local": 1, "online": 1, "nodeid": 0, "level": "",
	}}
}

// Resources is GET /cluster/resources: the guests, storages and nodes that the caller may audit.
func (n *Node) Resources(a Auth, kind string) []map[string]any {
	rows := []map[string]any{}
	if kind == "" || kind == "vm" {
		rows = n.guests(a)
	}
	if kind == "" || kind == "node" {
		for _, m := range n.Nodes(a, "") {
			delete(m, "ssl_fingerprint")
			if m["status"] == "online" {
				m["cgroup-mode"] = 2
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
	if kind == "" || kind == "sdn" {
		if n.CheckAny(a, "/sdn/zones/localnetwork", "SDN.Audit", "SDN.Use") == nil {
			rows = append(rows, map[string]any{"id": "sdn/" + Name + "/localnetwork", "sdn": "localnetwork", "node": Name, "type": "sdn", "status": "ok"})
		}
	}
	return rows
}

func (n *Node) storageResources(a Auth) []map[string]any {
	rows := []map[string]any{}
	for _, s := range n.StorageList(a, nil) {
		id := s["storage"].(string)
		rows = append(rows, map[string]any{
			"id": "storage/" + Name + "/" + id, "storage": id, "node": Name, "type": "storage", "status": "available",
			"plugintype": s["type"], "content": s["content"], "shared": s["shared"], "disk": s["used"], "maxdisk": s["total"],
		})
	}
	return rows
}

// guests are the containers as the cluster's broadcast has them: which there
// are is always true, but name and state come from a status that each node sends
// every 10 s, and of a new one there is none yet.
func (n *Node) guests(a Auth) []map[string]any {
	n.mu.Lock()
	if now := n.opt.Now(); n.sent == nil || now.Sub(n.sentAt) >= n.opt.Broadcast || now.Before(n.sentAt) {
		n.sent, n.sentAt = map[int]map[string]any{}, now
		for id, c := range n.st.Containers {
			n.sent[id] = n.status(c)
			if n.sent[id]["status"] == "running" {
				n.sent[id]["cpu"] = load / c.cores()
			}
		}
	}
	n.mu.Unlock()
	rows := []map[string]any{}
	for _, now := range n.List(a) {
		id := now["vmid"].(int)
		m := map[string]any{"id": "lxc/" + strconv.Itoa(id), "vmid": id, "type": "lxc", "node": Name, "status": "unknown"}
		n.mu.Lock()
		if n.sent[id] != nil {
			m["template"] = 0
		}
		for k, v := range n.sent[id] {
			if k != "cpus" && !strings.HasPrefix(k, "pressure") && k != "swap" && k != "maxswap" && k != "pid" {
				m[k] = v
			}
		}
		if v, ok := n.sent[id]["cpus"]; ok {
			m["maxcpu"] = v
		}
		if n.prof.MemHost && m["name"] != nil {
			m["memhost"] = 0
		}
		if c := n.st.Containers[id]; c != nil && c.Pool != "" {
			m["pool"] = c.Pool
		}
		n.mu.Unlock()
		for _, k := range []string{"lock", "tags"} { // read from the config itself
			delete(m, k)
			if v, ok := now[k]; ok {
				m[k] = v
			}
		}
		rows = append(rows, m)
	}
	return rows
}
