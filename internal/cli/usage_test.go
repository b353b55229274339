package cli

import (
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// Proxmox's cpu is a part of the container's own cores, not of the node's and not of one.
func TestUsageText(t *testing.T) {
	part, two, half := 0.1254, 2.0, 0.5
	mem, most, up := int64(13<<20), int64(256<<20), time.Hour
	u := usageOf(pve.Usage{Running: true, CPU: new(float64), Cores: &two, Memory: &mem, MemoryMax: &most, Uptime: &up}, &part)
	if u.cpuText() != "12.5 % of 2 cores" || share(u.Memory, u.MemoryMax) != "13 MiB of 256 MiB" || u.uptimeText() != "1h 0m" {
		t.Error(u.lines())
	}
	// Without a measured load, the answer of the container itself counts.
	if u := usageOf(pve.Usage{Running: true, CPU: &half, Cores: &half}, nil); u.cpuText() != "50 % of 0.5 cores" || len(u.lines()) != 1 {
		t.Error(u.lines())
	}
	// An unknown value is not shown. A stopped container uses no CPU, whatever the load says.
	if u := usageOf(pve.Usage{Cores: &two, MemoryMax: &most}, &part); u.CPUPercent != nil || len(u.lines()) != 1 || u.lines()[0][1] != "of 256 MiB" {
		t.Error(u.lines())
	}
}
