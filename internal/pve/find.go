package pve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// Entry is one container in a list.
type Entry struct {
	CTID     int
	Node     string
	Name     string
	Running  bool
	Template bool // a Proxmox template, not a container that could run
	Tags     []string
}

type listed struct {
	VMID, Name, Status, Tags, Template, Type, Node text
}

func (l listed) entry(node string) Entry {
	return Entry{CTID: l.VMID.int(), Node: node, Name: l.Name.String(), Running: l.Status == "running",
		Template: l.Template.bool(), Tags: splitTags(l.Tags.String())}
}

// List lists all containers that the login may see, by ctid, without those of offline
// nodes.
func (c *Client) List(ctx context.Context) ([]Entry, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	lists := make([][]Entry, len(nodes))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, n := range nodes {
		if !n.Online {
			continue
		}
		g.Go(func() error {
			var raw []listed
			if err := c.get(gctx, "list the containers of node "+n.Name, join("nodes", n.Name, "lxc"), &raw); err != nil {
				return err
			}
			for _, l := range raw {
				lists[i] = append(lists[i], l.entry(n.Name))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(lists...)
	sort.Slice(all, func(i, j int) bool { return all[i].CTID < all[j].CTID })
	return all, nil
}

// Locate reads the configuration of a container that was on node and may have moved to
// another one, and returns its present node. The error is NotFound if no node has it. A
// node that cannot be reached is ignored if another one has the container.
func (c *Client) Locate(ctx context.Context, node string, ctid int) (string, Config, error) {
	if node != "" {
		cfg, err := c.Config(ctx, node, ctid)
		var said *Error
		if down := errors.As(err, &said) && said.Status == 595; down {
			if now, _, findErr := c.Find(ctx, ctid); findErr != nil || now == node {
				return node, cfg, err
			}
		} else if !IsKind(err, NotFound) {
			return node, cfg, err
		}
	}
	now, _, err := c.Find(ctx, ctid)
	if err != nil {
		return node, Config{}, err
	}
	cfg, err := c.Config(ctx, now, ctid)
	return now, cfg, err
}

// ErrMachine is the cause of Refused for the id of a virtual machine.
var ErrMachine = errors.New("a virtual machine")

// Find returns the node and the name of a container with this id. The error is NotFound
// if no node has it, Refused if it is a virtual machine.
func (c *Client) Find(ctx context.Context, ctid int) (node, name string, err error) {
	op := fmt.Sprintf("find container %d", ctid)
	// The cluster's list may be 10 s old, and has a new container's id before its name.
	// The nodes themselves are asked about everything that it lacks.
	var raw []listed
	if err := c.get(ctx, op, "/cluster/resources?type=vm", &raw); err != nil {
		return "", "", err
	}
	for _, l := range raw {
		if l.VMID.int() != ctid {
			continue
		}
		if l.Type == "qemu" {
			return "", "", &Error{Kind: Refused, Op: op, Reason: strconv.Itoa(ctid) + " is a virtual machine, not a container", Err: ErrMachine}
		}
		if l.Name != "" {
			return l.Node.String(), l.Name.String(), nil
		}
		node = l.Node.String()
	}
	all, err := c.List(ctx)
	if err != nil {
		return "", "", err
	}
	for _, e := range all {
		if e.CTID == ctid {
			return e.Node, e.Name, nil
		}
	}
	if node != "" {
		return node, "", nil
	}
	return "", "", &Error{Kind: NotFound, Op: op, Reason: fmt.Sprintf("Proxmox has no container %d that %s may see", ctid, c.Login())}
}
