package pve

import (
	"context"
	"fmt"
)

// Offer is one thing to choose: a node, a storage or a bridge.
type Offer struct {
	Name string
	Note string // what it is: "lvmthin, 1021 GiB free"
	Kind string // of a storage (dir, zfspool, …) or a bridge (bridge, vnet, …)
}

// Offers are the places for containers on one node.
type Offers struct {
	Version  Version
	Storages []Offer // that take a container's disk, the best first
	Archives []Offer // storages that take OS templates, local first
	Bridges  []Offer
}

// OnlineNodes lists the nodes that are not known to be off.
func (c *Client) OnlineNodes(ctx context.Context) ([]Offer, error) {
	all, err := c.Nodes(ctx)
	var online []Offer
	for _, n := range all {
		if n.Online {
			online = append(online, Offer{Name: n.Name})
		}
	}
	return online, err
}

// OffersOf asks a node for its storages and bridges. It lists only those that the login
// may see.
func (c *Client) OffersOf(ctx context.Context, node string) (Offers, error) {
	r := &resolver{c: c, out: &Placement{Node: node}}
	r.spec.DiskGiB = 1
	var o Offers
	var err error
	if o.Version, err = c.Version(ctx); err != nil {
		return o, err
	}
	if err := r.askNode(ctx); err != nil {
		return o, err
	}
	for _, s := range r.storages {
		note := s.kind
		if s.known {
			note += fmt.Sprintf(", %.0f GiB free", float64(s.avail)/gib)
		}
		offer := Offer{Name: s.name, Note: note, Kind: s.kind}
		if r.unfit(s) == "" {
			at := 0
			for at < len(o.Storages) && rankOf(o.Storages[at]) >= s.rank() {
				at++
			}
			o.Storages = append(o.Storages[:at], append([]Offer{offer}, o.Storages[at:]...)...)
		}
		switch {
		case !s.usable || !s.holds("vztmpl"):
		case s.name == "local":
			o.Archives = append([]Offer{offer}, o.Archives...)
		default:
			o.Archives = append(o.Archives, offer)
		}
	}
	for _, b := range r.bridges {
		o.Bridges = append(o.Bridges, Offer{Name: b.name, Note: b.kind, Kind: b.kind})
	}
	return o, nil
}

func rankOf(o Offer) int { return storage{name: o.Name, kind: o.Kind}.rank() }
