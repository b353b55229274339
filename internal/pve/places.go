package pve

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Places are the names of what a new container can be put on.
type Places struct {
	Nodes    []string `json:"nodes,omitempty"`
	Storages []string `json:"storages,omitempty"` // that take root disks
	Bridges  []string `json:"bridges,omitempty"`
}

// Places asks for the names of nodes, storages and bridges: of one node, or with "" of all.
// It takes the cheap way to each of them, so that it can be asked while somebody types.
func (c *Client) Places(ctx context.Context, node string) (Places, error) {
	var p Places
	var nodes []struct{ Node, Status text }
	var stores []struct{ Storage, Node, Content text }
	g, gctx := errgroup.WithContext(ctx)
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
	for _, names := range []*[]string{&p.Nodes, &p.Storages, &p.Bridges} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return p, err
}
