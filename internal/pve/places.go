package pve

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Places are the names of what a new container can be put on.
type Places struct {
	Nodes    []string `json:"nodes,omitempty"`
	Storages []string `json:"storages,omitempty"` // that take root disks
	Bridges  []string `json:"bridges,omitempty"`
	Pools    []string `json:"pools,omitempty"` // that the login sees
	OS       []string `json:"os,omitempty"`    // products of OS templates, as debian-12-standard; see OSNames
}

// Places asks for the names of nodes, storages, bridges and pools: of one node, or with "" of
// all.
// It takes the cheap way to each of them, so that it can be asked while somebody types.
func (c *Client) Places(ctx context.Context, node string) (Places, error) {
	var p Places
	var nodes []struct{ Node, Status text }
	var stores []struct{ Storage, Node, Content text }
	var pools []struct{ PoolID text }
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := c.get(gctx, "list the pools", "/pools", &pools); !IsKind(err, Forbidden) {
			return err
		}
		return nil // the login may not list them
	})
	g.Go(func() error { return c.get(gctx, "list the nodes", "/nodes", &nodes) })
	g.Go(func() error { return c.get(gctx, "list the storages", "/cluster/resources?type=storage", &stores) })
	if err := g.Wait(); err != nil {
		return p, err
	}
	for _, s := range stores {
		if (node == "" || s.Node.String() == node) && slices.Contains(strings.Split(s.Content.String(), ","), "rootdir") {
			p.Storages = append(p.Storages, s.Storage.String())
		}
	}
	for _, pool := range pools {
		p.Pools = append(p.Pools, pool.PoolID.String())
	}
	var mu sync.Mutex
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, n := range nodes {
		name := n.Node.String()
		p.Nodes = append(p.Nodes, name)
		if n.Status == "offline" || node != "" && name != node {
			continue
		}
		g.Go(func() error {
			var raw []struct{ Iface text }
			err := c.get(gctx, "list the bridges of node "+name, join("nodes", name, "network")+"?type=any_bridge", &raw)
			if IsKind(err, Forbidden) {
				return nil // the login may not list them
			}
			mu.Lock()
			defer mu.Unlock()
			for _, b := range raw {
				p.Bridges = append(p.Bridges, b.Iface.String())
			}
			return err
		})
	}
	err := g.Wait()
	for _, names := range []*[]string{&p.Nodes, &p.Storages, &p.Bridges, &p.Pools} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return p, err
}

// OSNames asks a node, or with "" the first one that is online, for the products of the OS
// templates on its storages and in its appliance index, without TurnKey's appliances. It asks
// each storage, which may take longer than Places.
func (c *Client) OSNames(ctx context.Context, node string) (Places, error) {
	var p Places
	var stores []struct{ Storage, Node, Content text }
	if node == "" {
		nodes, err := c.Nodes(ctx)
		if err != nil {
			return p, err
		}
		if i := slices.IndexFunc(nodes, func(n Node) bool { return n.Online }); i >= 0 {
			node = nodes[i].Name
		}
	}
	if err := c.get(ctx, "list the storages", "/cluster/resources?type=storage", &stores); err != nil {
		return p, err
	}
	var mu sync.Mutex
	ask := func(list func(context.Context) ([]archive, error)) func() error {
		return func() error {
			found, err := list(ctx)
			if IsKind(err, Forbidden) {
				return nil // the login may not list them
			}
			mu.Lock()
			defer mu.Unlock()
			for _, a := range found {
				if product := a.product(); !strings.Contains(product, "-turnkey-") && !strings.HasPrefix(product, lxc.BakedPrefix) {
					p.OS = append(p.OS, product)
				}
			}
			return err
		}
	}
	var g errgroup.Group
	g.SetLimit(8)
	g.Go(ask(func(ctx context.Context) ([]archive, error) { return c.index(ctx, node) }))
	for _, s := range stores {
		if s.Node.String() == node && slices.Contains(strings.Split(s.Content.String(), ","), "vztmpl") {
			g.Go(ask(func(ctx context.Context) ([]archive, error) { return c.archives(ctx, node, s.Storage.String()) }))
		}
	}
	err := g.Wait()
	slices.Sort(p.OS)
	p.OS = slices.Compact(p.OS)
	return p, err
}
