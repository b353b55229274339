package node

import (
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// nodeMemory is the RAM of the simulated node, in bytes.
const nodeMemory = 24 * gib

// guestMemory is what a running guest uses of it, in bytes.
const guestMemory = 13 << 20

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
	pid := n.pid(c.VMID)
	c.Running = pid != 0 // it may have gone down, or come up again, by itself
	m := map[string]any{
		"vmid": c.VMID, "name": c.name(), "type": "lxc", "status": "stopped", "uptime": 0, "cpu": 0, "cpus": c.cpus(),
		"mem": 0, "maxmem": mib("memory", 512<<20), "swap": 0, "maxswap": mib("swap", 0),
		"disk": 0, "maxdisk": c.diskSize(), "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0,
	}
	if pid != 0 {
		m["status"], m["pid"], m["mem"], m["disk"] = "running", pid, int64(guestMemory), int64(290<<20)
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
		if c := n.own(id); c != nil {
			rows = append(rows, n.status(c))
		}
		n.mu.Unlock()
	}
	return rows
}

// IDs are the node's containers, in order.
func (n *Node) IDs() []int { return n.ids(func(c *container) bool { return c.at() == n.name }) }

// ids are those containers of the cluster, in order.
func (n *Node) ids(which func(*container) bool) (ids []int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.sorted() {
		if which(c) {
			ids = append(ids, c.VMID)
		}
	}
	return ids
}

func (n *Node) load1() map[string]any {
	return map[string]any{
		"uptime": 1 + int(time.Since(n.bootTime()).Seconds()), "cpu": 0.0123, "maxcpu": runtime.NumCPU(),
		"mem": n.memoryUsed(), "maxmem": int64(nodeMemory), "disk": int64(9 * gib), "maxdisk": int64(94 * gib),
	}
}

// NodeStatus is GET /nodes/NODE/status.
func (n *Node) NodeStatus() map[string]any {
	used := n.memoryUsed()
	return map[string]any{
		"uptime": 1 + int(time.Since(n.bootTime()).Seconds()), "cpu": 0.0123, "wait": 0, "idle": 0,
		"pveversion": "pve-manager/" + n.Profile().Version + "/" + n.Profile().RepoID, "kversion": "Linux " + n.prof.Kernel,
		"current-kernel": map[string]any{"sysname": "Linux", "release": n.prof.Kernel, "machine": "x86_64", "version": "#1 SMP"},
		"boot-info":      map[string]any{"mode": "efi", "secureboot": 0},
		"cpuinfo": map[string]any{"cpus": runtime.NumCPU(), "cores": runtime.NumCPU(), "sockets": 1, "model": "simulated",
			"mhz": "2400.000", "flags": "fpu vme de pse tsc msr pae mce cx8 apic sep", "hvm": "1", "user_hz": 100},
		"memory":  map[string]any{"total": int64(nodeMemory), "used": used, "free": nodeMemory - used, "available": nodeMemory - used},
		"swap":    map[string]any{"total": 0, "used": 0, "free": 0},
		"rootfs":  map[string]any{"total": int64(94 * gib), "used": int64(9 * gib), "avail": int64(85 * gib), "free": int64(85 * gib)},
		"loadavg": []string{"0.10", "0.10", "0.10"}, "ksm": map[string]any{"shared": 0},
	}
}

// memoryUsed is the memory that the node has in use, in bytes: 2 GiB of its own or what the
// fault node-memory says, and what its guests use.
func (n *Node) memoryUsed() int64 {
	used := int64(2 * gib)
	for _, v := range n.faults.Values(driver.FaultNodeMemory) {
		if name, gibs, _ := strings.Cut(v, "="); name == n.name {
			f, _ := strconv.ParseFloat(gibs, 64)
			used = int64(f * gib)
		}
	}
	for _, id := range n.IDs() {
		if n.pid(id) != 0 {
			used += guestMemory
		}
	}
	return min(used, nodeMemory)
}

func (n *Node) bootTime() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.boot
}
