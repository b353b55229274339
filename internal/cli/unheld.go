package cli

import (
	"context"
	"net/netip"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
)

// unheld refuses a static address that a container on record got by DHCP and runs with.
// What Proxmox's own configurations hold is looked at with the rest of the placement.
func (a *app) unheld(ctx context.Context, hostID string, spec lxc.Spec) error {
	want, err := netip.ParsePrefix(spec.Network.IPv4)
	if err != nil {
		return nil //nolint:nilerr // none is asked for
	}
	known, err := a.store.Containers(ctx, store.Filter{HostID: hostID})
	if err != nil {
		return err
	}
	for _, c := range known {
		if c.CTID == 0 || c.Address != want.Addr().String() {
			continue
		}
		p, err := a.open(ctx)
		if err != nil {
			return err
		}
		// It counts while it is there; whoever cannot be asked is no reason to refuse.
		node, cfg, err := p.pve.Locate(ctx, c.Node, c.CTID)
		if err != nil || cfg.Net0.VLAN != spec.Network.VLAN || cfg.MAC != c.MAC {
			continue
		}
		if st, err := p.pve.Status(ctx, node, c.CTID); err != nil || !st.Running {
			continue
		}
		return &pve.Error{Kind: pve.Invalid, Op: "use the address " + c.Address, Field: "ip", Reason: "the container " + c.Hostname + " on record has it, and runs",
			Hints: []string{"choose another with --ip", "what it is: " + a.command("show", c.RecordID)}}
	}
	return nil
}
