package pve

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/placement"
)

// Cluster is what the nodes of a cluster have, as far as the choice of one depends on it.
type Cluster struct {
	Nodes []placement.Node // the caller may account for planned containers in it

	c      *Client
	stores []clusterStorage
}

// clusterStorage is a storage as one node sees it.
type clusterStorage struct {
	node, name string
	content    []string
	shared     bool
}

// Cluster asks for the nodes and their storages: two requests, and /nodes. What the login may
// not see is left out, and the choice goes without it.
func (c *Client) Cluster(ctx context.Context) (*Cluster, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	out := &Cluster{c: c}
	for _, n := range nodes {
		out.Nodes = append(out.Nodes, placement.Node{Name: n.Name, Online: n.Online})
	}
	g, gctx := errgroup.WithContext(ctx)
	var stores map[string][]placement.Storage
	g.Go(func() error { return out.askNodes(gctx) })
	g.Go(func() (err error) { stores, err = out.askStorages(gctx); return })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := range out.Nodes {
		out.Nodes[i].Storages = stores[out.Nodes[i].Name]
	}
	return out, nil
}

// askNodes asks for memory and for the HA manager's state of the nodes. A node that it has in
// maintenance moves its own containers away.
func (k *Cluster) askNodes(ctx context.Context) error {
	var raw []struct {
		Node, Mem, MaxMem, HAState text
	}
	if err := k.c.get(ctx, "list the nodes of the cluster", "/cluster/resources?type=node", &raw); err != nil {
		return unlessForbidden(err)
	}
	for _, r := range raw {
		n := k.node(r.Node.String())
		if n == nil {
			continue
		}
		used, known := r.Mem.int64()
		if total, ok := r.MaxMem.int64(); ok && known {
			n.Total, n.Free = total, total-used
		}
		n.Maintenance = strings.HasPrefix(r.HAState.String(), "maintenance")
	}
	return nil
}

// askStorages asks for the storages of each node.
func (k *Cluster) askStorages(ctx context.Context) (map[string][]placement.Storage, error) {
	var raw []struct{ Storage, Node, Status, Content, Shared, Disk, MaxDisk text }
	if err := k.c.get(ctx, "list the storages of the cluster", "/cluster/resources?type=storage", &raw); err != nil {
		return nil, unlessForbidden(err)
	}
	stores := map[string][]placement.Storage{}
	for _, r := range raw {
		if r.Status != "" && r.Status != "available" {
			continue
		}
		content := strings.Split(r.Content.String(), ",")
		s := placement.Storage{Name: r.Storage.String(), Disks: slices.Contains(content, "rootdir")}
		used, known := r.Disk.int64()
		if total, ok := r.MaxDisk.int64(); ok && known && total > 0 {
			s.Free, s.Known = total-used, true
		}
		stores[r.Node.String()] = append(stores[r.Node.String()], s)
		k.stores = append(k.stores, clusterStorage{node: r.Node.String(), name: s.Name, content: content, shared: r.Shared.bool()})
	}
	return stores, nil
}

// unlessForbidden drops the error of a login that may not look, and of a node that refuses to
// tell.
func unlessForbidden(err error) error {
	if IsKind(err, Forbidden) || IsKind(err, Refused) {
		return nil
	}
	return err
}

func (k *Cluster) node(name string) *placement.Node {
	i := slices.IndexFunc(k.Nodes, func(n placement.Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &k.Nodes[i]
}

// Shared reports whether several nodes share a storage.
func (k *Cluster) Shared(name string) bool {
	return slices.ContainsFunc(k.stores, func(s clusterStorage) bool { return s.name == name && s.shared })
}

// Archives says which nodes that are online have one of the OS templates, the best first. It
// asks each storage that can have some, a shared one once. It is nil, which is any node, for
// images of a registry, for no OS template at all, and if the storages cannot be seen.
func (k *Cluster) Archives(ctx context.Context, choices []string) (map[string]placement.Archive, error) {
	none := !slices.ContainsFunc(choices, func(c string) bool { return c != "" }) // doctor asks for a node alone
	if none || slices.ContainsFunc(choices, oci.Is) || len(k.stores) == 0 {
		return nil, nil
	}
	have, err := k.archives(ctx)
	if err != nil {
		return nil, err
	}
	var index []archive
	known, asked := false, false
	out := map[string]placement.Archive{}
	for _, n := range k.Nodes {
		if !n.Online {
			continue
		}
		state := stateOf(have[n.Name], nil, choices)
		if state != placement.Here {
			if !asked {
				index, err = k.c.index(ctx, n.Name)
				known, asked = err == nil, true
			}
			if state = stateOf(have[n.Name], index, choices); state == placement.Nowhere && !known {
				state = placement.Fetch // nobody knows
			}
		}
		out[n.Name] = state
	}
	return out, nil
}

// stateOf says whether a node with these archives has one that was asked for.
func stateOf(here, index []archive, choices []string) placement.Archive {
	state := placement.Nowhere
	for _, os := range choices {
		if storage, name, ok := strings.Cut(os, ":vztmpl/"); ok {
			if slices.ContainsFunc(here, func(a archive) bool { return a.storage == storage && a.name == name }) {
				return placement.Here
			}
			if slices.ContainsFunc(index, func(a archive) bool { return a.name == name }) {
				state = min(state, placement.Fetch)
			}
			continue
		}
		_, fit := best(here, os)
		_, remote := best(index, os)
		switch {
		case fit == 2, fit == 1 && index != nil && remote < 2:
			return placement.Here
		case remote > 0:
			state = min(state, placement.Fetch)
		}
	}
	return state
}

// archives are the OS templates on the storages of each node.
func (k *Cluster) archives(ctx context.Context) (map[string][]archive, error) {
	var mu sync.Mutex
	have := map[string][]archive{}
	once := map[string]bool{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, s := range k.stores {
		n := k.node(s.node)
		if n == nil || !n.Online || !slices.Contains(s.content, "vztmpl") || s.shared && once[s.name] {
			continue
		}
		once[s.name] = true
		g.Go(func() error {
			list, err := k.c.archives(gctx, s.node, s.name)
			var e *Error
			if errors.As(err, &e) && ctx.Err() == nil {
				return nil // of a storage that does not answer nothing is known
			}
			mu.Lock()
			defer mu.Unlock()
			for _, other := range k.stores {
				if other.node == s.node && other.name == s.name || s.shared && other.name == s.name {
					have[other.node] = append(have[other.node], list...)
				}
			}
			return err
		})
	}
	return have, g.Wait()
}

// place chooses one of several nodes.
func (r *resolver) place(ctx context.Context, wish []string) error {
	k, err := r.c.Cluster(ctx)
	if err != nil {
		return err
	}
	if r.spec.Node == "" && !slices.ContainsFunc(k.Nodes, func(n placement.Node) bool { return n.Online && n.Total > 0 }) {
		var online []string
		for _, n := range k.Nodes {
			if n.Online {
				online = append(online, n.Name)
			}
		}
		return ambiguous("node", online) // nothing speaks for one of them
	}
	w := r.want(wish)
	if w.Archive, err = k.Archives(ctx, r.spec.OSChoices()); err != nil {
		return err
	}
	choice, err := placement.Choose(k.Nodes, w)
	if err != nil {
		return &Error{Kind: Refused, Op: "choose a node", Field: "node", Reason: "none fits: " + err.Error()}
	}
	r.out.Node = choice.Node
	r.note("node %s: %s", choice.Node, choice.Why)
	return nil
}

// want is what the spec asks of a node.
func (r *resolver) want(wish []string) placement.Want {
	return placement.Want{Nodes: wish, Memory: int64(r.spec.MemoryMiB) << 20, Disk: int64(max(r.spec.DiskGiB, 1)) * gib, Storage: r.spec.Storage}
}
