package template

import "github.com/infrahaus/infrahaus/internal/lxc"

// Standard is the Spec of a template that asks for nothing: what differs from it, a template
// has asked for.
func Standard() lxc.Spec {
	d := newDocument()
	return lxc.Spec{
		Cores: d.Resources.Cores, MemoryMiB: d.Resources.Memory, SwapMiB: d.Resources.Swap, DiskGiB: d.Resources.Disk,
		Unprivileged: d.Unprivileged, Network: lxc.Network{IPv4: d.Network[0].IP},
	}
}
