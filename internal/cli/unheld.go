package cli

import (
	"context"
	"net/netip"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// unheld refuses a static address if a running container on record got the same one by
// DHCP. The addresses in Proxmox's own configurations are checked together with the rest
// of the placement.
func (a *app) unheld(ctx context.Context, hostID string, spec lxc.Spec) error {
	want, err := netip.ParsePrefix(spec.Network.IPv4)
	if err != nil {
		return nil //nolint:nilerr // no static address
	}
	known, err := a.store.Addressed(ctx, hostID, want.Addr().String())
	if err != nil {
		return err
	}
	for _, c := range known {
		if c.CTID == 0 {
			continue
		}
		p, err := a.open(ctx)
		if err != nil {
			return err
		}
		// The address is taken only while that container runs. If Proxmox does not tell,
		// the create goes on.
		node, cfg, err := p.pve.Locate(ctx, c.Node, c.CTID)
		if err != nil || cfg.Net0.VLAN != spec.Network.VLAN || cfg.MAC != c.MAC {
			continue
		}
		if st, err := p.pve.Status(ctx, node, c.CTID); err != nil || !st.Running {
			continue
		}
		return &pve.Error{Kind: pve.Invalid, Op: "use the address " + c.Address, Field: "ip", Reason: "the container " + c.Hostname + " on record has it, and runs",
			Hints: []string{"choose another with --ip", "to see it: " + a.command("show", c.RecordID)}}
	}
	return nil
}
