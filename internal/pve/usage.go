package pve

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Usage is what a container uses. A nil field is one that Proxmox did not report, which is
// not the same as 0. Of a stopped container only the limits are known.
type Usage struct {
	Running bool
	Lock    string
	Name    string
	Uptime  *time.Duration

	Cores *float64 // that it may use: a cpulimit can be a fraction
	CPU   *float64 // the part of these cores in use, from 0 to 1

	Memory, MemoryMax     *int64 // bytes
	Swap, SwapMax         *int64
	Disk, DiskMax         *int64 // of the root file system
	NetIn, NetOut         *int64 // since the start
	DiskRead, DiskWritten *int64
}

// Usage reads what a container uses. CPU is often 0 there: each worker of Proxmox's API
// compares with the last time that it was asked itself, and knows nothing the first time.
// Loads has the measured value.
func (c *Client) Usage(ctx context.Context, node string, ctid int) (Usage, error) {
	var raw struct {
		Status, Name, Lock, Uptime                text
		CPU, CPUs                                 text
		Mem, MaxMem, Swap, MaxSwap, Disk, MaxDisk text
		NetIn, NetOut, DiskRead, DiskWrite        text
	}
	op := fmt.Sprintf("read the status of container %d", ctid)
	if err := c.get(ctx, op, join("nodes", node, "lxc", strconv.Itoa(ctid), "status", "current"), &raw); err != nil {
		return Usage{}, err
	}
	u := Usage{Running: raw.Status == "running", Lock: raw.Lock.String(), Name: raw.Name.String(), Cores: raw.CPUs.fraction(),
		MemoryMax: raw.MaxMem.bytes(), SwapMax: raw.MaxSwap.bytes(), DiskMax: raw.MaxDisk.bytes()}
	if !u.Running { // Proxmox reports 0 for all that follows
		return u, nil
	}
	u.CPU = raw.CPU.fraction()
	u.Memory, u.Swap, u.Disk = raw.Mem.bytes(), raw.Swap.bytes(), raw.Disk.bytes()
	u.NetIn, u.NetOut, u.DiskRead, u.DiskWritten = raw.NetIn.bytes(), raw.NetOut.bytes(), raw.DiskRead.bytes(), raw.DiskWrite.bytes()
	if seconds := raw.Uptime.bytes(); seconds != nil {
		up := time.Duration(*seconds) * time.Second
		u.Uptime = &up
	}
	return u, nil
}

// Loads returns the part of its cores that each container uses, by ctid, as the nodes
// measured it in the last 10 s or so. A container that the nodes have not measured yet is
// missing.
func (c *Client) Loads(ctx context.Context) (map[int]float64, error) {
	var raw []struct{ VMID, Type, CPU, Status text }
	if err := c.get(ctx, "read the load of the containers", "/cluster/resources?type=vm", &raw); err != nil {
		return nil, err
	}
	loads := map[int]float64{}
	for _, r := range raw {
		if cpu := r.CPU.fraction(); r.Type == "lxc" && r.Status == "running" && cpu != nil {
			loads[r.VMID.int()] = *cpu
		}
	}
	return loads, nil
}

// fraction is a number that is not negative, nil if there is none. Proxmox computes cpu
// from two counters and sends -0.004 now and then.
func (t text) fraction() *float64 {
	f, err := strconv.ParseFloat(string(t), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	f = max(f, 0)
	return &f
}

// bytes is a whole number that is not negative, nil if there is none.
func (t text) bytes() *int64 {
	n, ok := t.int64()
	if !ok || n < 0 {
		return nil
	}
	return &n
}
