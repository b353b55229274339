package pve_test

import (
	"fmt"
	"testing"
	"time"
)

// The answers are those of genuine Proxmox; only what is asked for here is left.
func TestUsage(t *testing.T) {
	f := newFake(t)
	c := f.client(t)
	f.on("GET /nodes/pve1/lxc/100/status/current", ok(`{"maxdisk":270553174016,"name":"web-01","diskwrite":0,"swap":0,"maxmem":536870912,"uptime":6,"vmid":100,"cpu":0,"netin":220,"disk":16750960640,"mem":12677120,"netout":516,"cpus":"0.5","maxswap":536870912,"diskread":0,"status":"running"}`))
	f.on("GET /nodes/pve1/lxc/101/status/current", ok(`{"maxdisk":4294967296,"maxmem":536870912,"uptime":0,"cpu":0,"netin":0,"disk":0,"mem":0,"netout":0,"cpus":2,"status":"stopped"}`))
	f.on("GET /nodes/pve1/lxc/102/status/current", ok(`{"status":"running","mem":-1,"cpu":"x"}`))
	u, err := c.Usage(t.Context(), "pve1", 100)
	if err != nil || !u.Running || *u.Uptime != 6*time.Second || *u.Cores != 0.5 || *u.Memory != 12677120 || *u.DiskMax != 270553174016 || *u.NetIn != 220 || *u.DiskRead != 0 {
		t.Errorf("%+v %v", u, err)
	}
	// Proxmox reports 0 for what a stopped container uses; that is nothing that was measured.
	u, err = c.Usage(t.Context(), "pve1", 101)
	if err != nil || u.Running || u.Memory != nil || u.Disk != nil || u.CPU != nil || u.Uptime != nil || *u.Cores != 2 || *u.MemoryMax != 512<<20 {
		t.Errorf("%+v %v", u, err)
	}
	// A field that is missing or no number is unknown, not 0.
	u, err = c.Usage(t.Context(), "pve1", 102)
	if err != nil || !u.Running || u.Memory != nil || u.CPU != nil || u.Uptime != nil || u.NetIn != nil || u.MemoryMax != nil {
		t.Errorf("%+v %v", u, err)
	}
}

func TestLoads(t *testing.T) {
	f := newFake(t)
	f.on("GET /cluster/resources", ok(`[{"vmid":100,"type":"lxc","status":"running","cpu":-0.00421216204265937},{"vmid":101,"type":"lxc","status":"running","cpu":0.25},
		{"vmid":102,"type":"lxc","status":"unknown"},{"vmid":103,"type":"qemu","status":"running","cpu":0.5},{"vmid":104,"type":"lxc","status":"running"},{"vmid":105,"type":"lxc","status":"stopped","cpu":0}]`))
	loads, err := f.client(t).Loads(t.Context())
	if got := fmt.Sprint(loads); err != nil || got != "map[100:0 101:0.25]" {
		t.Error(got, err)
	}
}
