package pve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/placement"
)

// resolver collects the answers of Resolve's questions.
type resolver struct {
	c    *Client
	spec lxc.Spec
	way  Way
	out  *Placement

	nodes    []Node
	perms    *permissions
	storages []storage
	bridges  []bridge
	archives []archive
	baked    []archive // of template bake, which are no OS's own
	arch     string    // of the node, if it was asked for
	foreign  string    // note for an error: OS templates that only another architecture can run
}

// Resolve chooses everything that the spec leaves open (node, storage, bridge, OS
// template, id) and makes all checks that are possible before anything is created. Resolve
// only reads.
//
// Errors: Invalid if the spec is faulty, or names something that does not exist or an id
// that is taken; Ambiguous if the user must choose; Refused and Forbidden if Proxmox
// would refuse the create. Forbidden has FieldTransport if only privileges of inside are
// missing.
func (c *Client) Resolve(ctx context.Context, spec lxc.Spec, way Way) (*Placement, error) {
	if err := CheckSpec(spec); err != nil {
		return nil, err
	}
	r := &resolver{c: c, spec: spec, way: way, out: &Placement{Notes: []string{}, Warnings: []string{}}}
	if err := r.askCluster(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{
		r.chooseNode, r.checkRequires, r.checkRootOnly, r.askNode, r.checkSight, r.checkPool,
		r.chooseStorage, r.chooseMounts, r.chooseBridge, r.chooseTemplate, r.chooseBaked, r.checkRights, r.checkAddresses,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	r.warn()
	return r.out, nil
}

// askCluster is the first round: the questions that depend on no choice.
func (r *resolver) askCluster(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	// The version comes first in the order of errors: it needs no privilege, so its error
	// is about the connection and the login.
	g.Go(func() (err error) { r.out.Version, err = r.c.Version(gctx); return })
	g.Go(func() (err error) { r.nodes, err = r.c.Nodes(gctx); return })
	g.Go(func() (err error) { r.perms, err = r.c.permissions(gctx); return })
	g.Go(func() (err error) { r.out.CTID, err = r.askID(gctx); return })
	return g.Wait()
}

// askID asks for the next free id, or whether the requested one is free.
func (r *resolver) askID(ctx context.Context) (int, error) {
	if r.spec.CTID == 0 {
		return r.c.nextID(ctx)
	}
	want := strconv.Itoa(r.spec.CTID)
	var answer text
	err := r.c.get(ctx, "use the id "+want, "/cluster/nextid?vmid="+want, &answer)
	var e *Error
	if errors.As(err, &e) && e.Params["vmid"] != "" {
		e.Kind, e.Field, e.Params, e.Message = Invalid, "ctid", nil, ""
		e.Reason = "a container or virtual machine with that id exists"
		e.Hints = []string{"leave --ctid out to have the next free one taken"}
	}
	return r.spec.CTID, err
}

func (r *resolver) chooseNode(ctx context.Context) error {
	var online, offline []string
	for _, n := range r.nodes {
		if n.Online {
			online = append(online, n.Name)
		} else {
			offline = append(offline, n.Name)
		}
	}
	wish, want := placement.Wish(r.spec.Node), ""
	if len(wish) == 1 {
		want = wish[0]
	}
	switch {
	case len(wish) > 1:
		return r.place(ctx, wish)
	case want != "" && slices.Contains(online, want):
		r.out.Node = want
	case want != "" && slices.Contains(offline, want):
		e := r.absent("node", want, "it is offline", online)
		e.Kind = Refused
		return e
	case want != "":
		return r.absent("node", want, "the cluster has no such node", online)
	case len(online) == 1:
		r.out.Node = online[0]
		if len(offline) > 0 {
			r.note("node %s, the only one online", r.out.Node)
		} else {
			r.note("node %s, the only one", r.out.Node)
		}
	case len(online) == 0:
		return &Error{Kind: Refused, Op: "choose a node", Field: "node", Reason: "Proxmox names no node that is online"}
	default:
		return r.place(ctx, nil)
	}
	return nil
}

// warn lists settings that work but may surprise.
func (r *resolver) warn() {
	add := func(format string, a ...any) { r.out.Warnings = append(r.out.Warnings, fmt.Sprintf(format, a...)) }
	for i, n := range r.spec.Networks() {
		if n.Gateway4 != "" && gatewayOutside(n.IPv4, n.Gateway4) {
			add("the gateway %s lies outside %s", n.Gateway4, n.IPv4)
		}
		if n.Gateway6 != "" && gatewayOutside(n.IPv6, n.Gateway6) {
			add("the gateway %s lies outside %s", n.Gateway6, n.IPv6)
		}
		on := r.out.BridgeOf(i)
		carries := !slices.ContainsFunc(r.bridges, func(b bridge) bool { return b.name == on && b.noVLANs })
		if n.VLAN > 0 && !carries {
			add("bridge %s is not VLAN aware and has no port, so that VLAN %d cannot be set up on it", on, n.VLAN)
		}
	}
	if r.spec.OSType == lxc.Unmanaged {
		add("in an unmanaged container Proxmox sets up neither root's password nor SSH keys: both are ignored")
	}
	n := r.spec.Network
	if m := r.out.Version.Major(); m > 0 && m < 8 && !StaticAddress(n).IsValid() {
		add("Proxmox VE %s cannot tell an address got by DHCP: give a static one, or go through the node", r.out.Version.Full)
	}
}

// gatewayOutside reports whether a gateway lies outside the address's network. Proxmox
// then sets a host route, but it is usually a mistake, unless the network is a single
// address.
func gatewayOutside(cidr, gateway string) bool {
	p, err := netip.ParsePrefix(cidr)
	gw, err2 := netip.ParseAddr(gateway)
	return err == nil && err2 == nil && !p.IsSingleIP() && !p.Contains(gw) && !gw.IsLinkLocalUnicast()
}

func (r *resolver) note(format string, a ...any) {
	r.out.Notes = append(r.out.Notes, fmt.Sprintf(format, a...))
}

// absent is the error for a given name that does not exist.
func (r *resolver) absent(field, value, reason string, choices []string) *Error {
	return &Error{Kind: Invalid, Op: "use " + field + " " + value, Field: field, Reason: reason, Choices: choices}
}

func ambiguous(field string, choices []string) error {
	return &Error{Kind: Ambiguous, Op: "choose a " + field, Field: field, Choices: choices,
		Reason: "several would do: " + strings.Join(choices, ", ")}
}
