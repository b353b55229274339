package pve

import (
	"context"
	"encoding/json"
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
	all, err := r.c.nets(ctx)
	if err != nil {
		return nil //nolint:nilerr // see addressesTimeout
	}
	for _, e := range all {
		held := r.collides(e.Nets)
		if !held.IsValid() {
			continue
		}
		if e.Node != r.out.Node {
			r.out.Warnings = append(r.out.Warnings, fmt.Sprintf("container %d (%s) on node %s has the address %s too", e.CTID, e.Name, e.Node, held))
			continue
		}
		field := "ip"
		if held.Is6() {
			field = "ip6"
		}
		return &Error{Kind: Invalid, Op: fmt.Sprintf("use the address %s", held), Field: field,
			Reason: fmt.Sprintf("container %d (%s) has it, on %s", e.CTID, e.Name, r.out.Bridge),
			Hints:  []string{"choose another with --" + field}}
	}
	return nil
}

// configured is a container with the interfaces of its configuration.
type configured struct {
	Entry
	Nets []string // net0, net1, … as Proxmox writes them
}

// nets lists all containers with their interfaces. One whose configuration cannot be
// read has none. A client that is shared answers from memory for a while.
func (c *Client) nets(ctx context.Context) (all []configured, err error) {
	if c.memo == nil {
		return c.askNets(ctx)
	}
	err = c.memo.get(ctx, "interfaces", &all, func(raw *json.RawMessage) error {
		list, err := c.askNets(ctx)
		if err == nil {
			*raw, err = json.Marshal(list)
		}
		return err
	})
	return all, err
}

func (c *Client) askNets(ctx context.Context) ([]configured, error) {
	list, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]configured, len(list))
	var g errgroup.Group
	g.SetLimit(16)
	for i, e := range list {
		g.Go(func() error {
			all[i].Entry = e
			cfg, err := c.Config(ctx, e.Node, e.CTID)
			if err != nil {
				return nil //nolint:nilerr // gone, or the login may not see it
			}
			for key, value := range cfg.All {
				if strings.HasPrefix(key, "net") {
					all[i].Nets = append(all[i].Nets, value)
				}
			}
			return nil
		})
	}
	return all, g.Wait()
}

// HeldAddresses are the static addresses in the configurations of all containers, each with
// the container's name. It asks for every configuration.
func (c *Client) HeldAddresses(ctx context.Context) (map[netip.Addr]string, error) {
	all, err := c.nets(ctx)
	if err != nil {
		return nil, err
	}
	held := map[netip.Addr]string{}
	for _, e := range all {
		for _, text := range e.Nets {
			n, _, _ := parseNet(text)
			for _, a := range staticAddresses(n) {
				held[a] = e.Name
			}
		}
	}
	return held, nil
}

// collides returns the wanted address that a container already has on one of its
// interfaces.
func (r *resolver) collides(nets []string) netip.Addr {
	want := r.spec.Network
	for _, value := range nets {
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
