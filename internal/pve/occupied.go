package pve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// addressesTimeout limits the look at the other containers. It only prevents a create
// that would go wrong, so it must not delay others for long.
const addressesTimeout = 5 * time.Second

// checkAddresses refuses a static address if the config of another container on the node
// has it, on the same bridge and VLAN. If the container is on another node, it only
// warns, because a bridge of that name may be another network there.
func (r *resolver) checkAddresses(ctx context.Context) error {
	if len(staticAddresses(r.spec.Network)) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, addressesTimeout)
	defer cancel()
	all, err := r.c.List(ctx)
	if err != nil {
		return nil //nolint:nilerr // see addressesTimeout
	}
	held := make([]netip.Addr, len(all))
	var g errgroup.Group
	g.SetLimit(16)
	for i, e := range all {
		g.Go(func() error {
			cfg, err := r.c.Config(ctx, e.Node, e.CTID)
			if err == nil {
				held[i] = r.collides(cfg)
			}
			return nil
		})
	}
	_ = g.Wait()
	for i, e := range all {
		if !held[i].IsValid() {
			continue
		}
		if e.Node != r.out.Node {
			r.out.Warnings = append(r.out.Warnings, fmt.Sprintf("container %d (%s) on node %s has the address %s too", e.CTID, e.Name, e.Node, held[i]))
			continue
		}
		field := "ip"
		if held[i].Is6() {
			field = "ip6"
		}
		return &Error{Kind: Invalid, Op: fmt.Sprintf("use the address %s", held[i]), Field: field,
			Reason: fmt.Sprintf("container %d (%s) has it, on %s", e.CTID, e.Name, r.out.Bridge),
			Hints:  []string{"choose another with --" + field}}
	}
	return nil
}

// collides returns the wanted address that a container already has on one of its
// interfaces.
func (r *resolver) collides(cfg Config) netip.Addr {
	want := r.spec.Network
	for key, value := range cfg.All {
		if !strings.HasPrefix(key, "net") {
			continue
		}
		n, _, _ := parseNet(value)
		if n.Bridge != r.out.Bridge || n.VLAN != want.VLAN {
			continue
		}
		for _, a := range staticAddresses(n) {
			if slices.Contains(staticAddresses(want), a) {
				return a
			}
		}
	}
	return netip.Addr{}
}

// staticAddresses returns the configured addresses of both families.
func staticAddresses(n lxc.Network) []netip.Addr {
	var out []netip.Addr
	for _, cidr := range []string{n.IPv4, n.IPv6} {
		if p, err := netip.ParsePrefix(cidr); err == nil {
			out = append(out, p.Addr())
		}
	}
	return out
}
