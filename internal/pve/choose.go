package pve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
)

// storage is one storage of the node.
type storage struct {
	name, kind string
	content    []string
	usable     bool // enabled and active
	avail      int64
	known      bool // avail is known
}

func (s storage) holds(content string) bool { return slices.Contains(s.content, content) }

const gib = 1 << 30

// askNode is the second and third round of questions: storages with their OS templates,
// and bridges.
func (r *resolver) askNode(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.askStorages(gctx) })
	g.Go(func() error { return r.askBridges(gctx) })
	return g.Wait()
}

// askStorages asks for the storages and for the OS templates on them.
func (r *resolver) askStorages(ctx context.Context) error {
	if err := r.askStorageList(ctx); err != nil {
		return err
	}
	return r.askArchives(ctx)
}

func (r *resolver) askStorageList(ctx context.Context) error {
	var raw []struct{ Storage, Type, Content, Enabled, Active, Avail text }
	if err := r.c.get(ctx, "list the storages of node "+r.out.Node, join("nodes", r.out.Node, "storage"), &raw); err != nil {
		return err
	}
	for _, s := range raw {
		st := storage{name: s.Storage.String(), kind: s.Type.String(), content: strings.Split(s.Content.String(), ",")}
		st.usable = s.Enabled != "0" && s.Active != "0"
		st.avail, st.known = s.Avail.int64()
		r.storages = append(r.storages, st)
	}
	sort.Slice(r.storages, func(i, j int) bool { return r.storages[i].name < r.storages[j].name })
	return nil
}

// askArchives lists the OS templates on the storages that can have some.
func (r *resolver) askArchives(ctx context.Context) error {
	lists := make([][]archive, len(r.storages))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, s := range r.storages {
		if s.usable && s.holds("vztmpl") {
			g.Go(func() (err error) { lists[i], err = r.c.archives(gctx, r.out.Node, s.name); return })
		}
	}
	err := g.Wait()
	for _, a := range slices.Concat(lists...) {
		if strings.HasPrefix(a.name, lxc.BakedPrefix) {
			r.baked = append(r.baked, a)
		} else {
			r.archives = append(r.archives, a)
		}
	}
	return err
}

// chooseStorage picks the storage of the root disk.
func (r *resolver) chooseStorage(context.Context) error {
	var able []storage
	var names, why []string
	for _, s := range r.storages {
		if reason := r.unfit(s); reason != "" {
			why = append(why, s.name+" "+reason)
			continue
		}
		able = append(able, s)
		names = append(names, s.name)
	}
	if want := r.spec.Storage; want != "" {
		i := slices.IndexFunc(r.storages, func(s storage) bool { return s.name == want })
		if i < 0 {
			return r.absent("storage", want, "node "+r.out.Node+" has no such storage, or the login may not see it", names)
		}
		if reason := r.unfit(r.storages[i]); reason != "" {
			e := r.absent("storage", want, "it "+reason, names)
			e.Kind = Refused
			if !r.storages[i].holds("rootdir") {
				e.Hints = append(e.Hints, fmt.Sprintf("or allow it on the node: pvesm set %s --content %s,rootdir", want, strings.Join(r.storages[i].content, ",")))
			}
			return e
		}
		r.out.Storage = want
		return nil
	}
	if len(able) == 0 {
		e := &Error{Kind: Refused, Op: "choose a storage", Field: "storage", Reason: "none of node " + r.out.Node + " takes the container's disk"}
		if len(why) > 0 {
			e.Reason += ": " + strings.Join(why, "; ")
		} else {
			e.Reason = "node " + r.out.Node + " has no storage that is enabled for it"
		}
		return e
	}
	sort.SliceStable(able, func(i, j int) bool { return able[i].rank() > able[j].rank() })
	if len(able) > 1 && able[0].rank() == able[1].rank() {
		return ambiguous("storage", names)
	}
	r.out.Storage = able[0].name
	if len(able) == 1 {
		r.note("storage %s, the only one that takes the disk", able[0].name)
	} else {
		r.note("storage %s (%s) rather than %s (%s); --storage chooses another", able[0].name, able[0].kind, able[1].name, able[1].kind)
	}
	return nil
}

// unfit returns the reason why a storage cannot hold the root disk, and the new volumes that
// go with it, or "".
func (r *resolver) unfit(s storage) string {
	more := newGiB(r.spec, s.name, s.name)
	wants := "the disk wants"
	if more > 0 {
		wants = "the disk and the volumes want"
	}
	return s.unfit(max(r.spec.DiskGiB, 1)+more, wants)
}

// unfit returns the reason why a storage cannot hold so many GiB of disks, or "".
func (s storage) unfit(size int, wants string) string {
	need := int64(size) * gib
	switch {
	case !s.holds("rootdir"):
		return "does not take containers (content rootdir is not among its " + strings.Join(s.content, ", ") + ")"
	case !s.usable:
		return "is disabled or not active"
	case s.known && s.avail < need:
		return fmt.Sprintf("has %.1f GiB free, %s %d GiB", float64(s.avail)/gib, wants, size)
	}
	return ""
}

// rank orders storages by how well they suit a root disk: first those with thin volumes
// and snapshots, then plain volumes, then directories. Among equals, those that Proxmox's
// installer makes come first.
func (s storage) rank() int {
	rank := map[string]int{"lvmthin": 6, "zfspool": 6, "btrfs": 6, "rbd": 6, "lvm": 4, "zfs": 4}[s.kind]
	if slices.Contains([]string{"local-lvm", "local-zfs", "local-btrfs"}, s.name) {
		rank++
	}
	return rank
}

// bridge is one bridge, or VNet, of the node.
type bridge struct {
	name, kind string
	noVLANs    bool // not VLAN aware, and without a port that could carry a VLAN
}

func (r *resolver) askBridges(ctx context.Context) error {
	var raw []struct {
		Iface, Type text
		Aware       text  `json:"bridge_vlan_aware"`
		Ports       *text `json:"bridge_ports"`
	}
	path := join("nodes", r.out.Node, "network") + "?type=any_bridge"
	err := r.c.get(ctx, "list the bridges of node "+r.out.Node, path, &raw)
	if IsKind(err, Forbidden) {
		return nil // then the user must choose
	}
	for _, b := range raw {
		if b.Type == "" || b.Type == "bridge" || b.Type == "OVSBridge" || b.Type == "vnet" {
			noVLANs := b.Type == "bridge" && !b.Aware.bool() && b.Ports != nil && strings.TrimSpace(b.Ports.String()) == ""
			r.bridges = append(r.bridges, bridge{b.Iface.String(), b.Type.String(), noVLANs})
		}
	}
	sort.Slice(r.bridges, func(i, j int) bool { return r.bridges[i].name < r.bridges[j].name })
	return err
}

func (r *resolver) plainBridge(name string) bool {
	i := slices.IndexFunc(r.bridges, func(b bridge) bool { return b.name == name })
	return i < 0 || r.bridges[i].kind != "vnet"
}

// chooseBridge picks the bridges. Proxmox itself checks them only when the container starts.
// A further interface that names none is on the bridge of the first.
func (r *resolver) chooseBridge(ctx context.Context) error {
	if err := r.chooseFirstBridge(ctx); err != nil {
		return err
	}
	for _, n := range r.spec.Interfaces {
		if n.Bridge != "" && len(r.bridges) > 0 && !slices.ContainsFunc(r.bridges, func(b bridge) bool { return b.name == n.Bridge }) {
			var names []string
			for _, b := range r.bridges {
				names = append(names, b.name)
			}
			return &Error{Kind: Invalid, Op: "use bridge " + n.Bridge, Field: "net", Reason: "node " + r.out.Node + " has no such bridge",
				Hints: []string{"there is: " + strings.Join(names, ", ")}}
		}
		r.out.Bridges = append(r.out.Bridges, cmp.Or(n.Bridge, r.out.Bridge))
	}
	return nil
}

// chooseFirstBridge picks the bridge of eth0.
func (r *resolver) chooseFirstBridge(context.Context) error {
	var names []string
	for _, b := range r.bridges {
		names = append(names, b.name)
	}
	want := r.spec.Network.Bridge
	switch {
	case want != "" && (len(names) == 0 || slices.Contains(names, want)):
		r.out.Bridge = want
	case want != "":
		return r.noBridge()
	case len(names) == 0:
		r.out.Bridge = "vmbr0"
		r.note("bridge vmbr0, Proxmox's first; %s may not list the bridges", r.c.Login())
	case len(names) == 1:
		r.out.Bridge = names[0]
		r.note("bridge %s, the only one", names[0])
	case slices.Contains(names, "vmbr0"):
		r.out.Bridge = "vmbr0"
		r.note("bridge vmbr0, Proxmox's first; --bridge chooses another")
	default:
		return ambiguous("bridge", names)
	}
	return nil
}

// chooseTemplate finds the OS template: the named volume, or the newest that matches the
// prefix on any storage of the node, or the newest in the appliance index.
// Of several wishes it takes the first that can be had.
func (r *resolver) chooseTemplate(ctx context.Context) error {
	var none error
	for _, os := range r.spec.OSChoices() {
		choose := r.chooseOS
		if oci.Is(os) {
			choose = r.chooseImage
		}
		err := choose(ctx, os)
		e := (*Error)(nil)
		if !errors.As(err, &e) || !e.noTemplate {
			return err
		}
		r.out.Image, r.out.Found = nil, nil
		if len(r.spec.OSElse) > 0 && oci.Is(os) {
			r.note("not %s: %s", os, e.Reason)
		}
		if before := (*Error)(nil); errors.As(none, &before) && before.Field == "image" {
			e.Hints = append(e.Hints, before.Error())
		}
		none = err
	}
	return none
}

func (r *resolver) chooseOS(ctx context.Context, prefix string) error {
	storage, wish := "", prefix
	here := r.archives
	if s, name, ok := strings.Cut(prefix, ":vztmpl/"); ok {
		prefix, storage = name, s
		here = slices.DeleteFunc(slices.Clone(here), func(a archive) bool { return a.storage != s || a.name != name })
	} else {
		here = r.runnable(ctx, here, prefix)
	}
	found, fit := best(here, prefix)
	if fit == 2 {
		r.take(wish, found, false)
		return nil
	}
	index, err := r.c.index(ctx, r.out.Node)
	if err != nil && fit == 0 && !IsKind(err, Forbidden) && !IsKind(err, Refused) {
		return err
	}
	if storage != "" {
		index = slices.DeleteFunc(index, func(a archive) bool { return a.name != prefix })
	} else {
		all := index
		if index = r.runnable(ctx, all, prefix); fit == 0 {
			if _, other := best(all, prefix); other > 0 && r.arch != "" {
				r.foreign = " for the node's architecture, " + r.arch
			}
		}
	}
	remote, rfit := best(index, prefix)
	switch {
	case fit == 0 && rfit == 0:
		return r.noTemplate(ctx, index, prefix)
	case rfit > fit:
		if remote.storage, err = r.downloadStorage(ctx, storage); err != nil {
			return err
		}
		remote.volID = remote.storage + ":vztmpl/" + remote.name
		r.take(wish, remote, true)
	default:
		r.take(wish, found, false)
	}
	return nil
}

// elsewhere looks for an OS template on the other nodes that are online; "" if none has it.
func (r *resolver) elsewhere(ctx context.Context, prefix string) (node string, found archive) {
	for _, n := range r.nodes {
		if !n.Online || n.Name == r.out.Node {
			continue
		}
		other := &resolver{c: r.c, out: &Placement{Node: n.Name}}
		if other.askStorages(ctx) != nil {
			continue // it only improves a message
		}
		if found, fit := best(other.archives, prefix); fit > 0 {
			return n.Name, found
		}
	}
	return "", archive{}
}

func (r *resolver) take(wish string, a archive, download bool) {
	r.out.Template = Template{VolID: a.volID, Name: a.name, Storage: a.storage, Download: download, Location: a.from}
	if download {
		r.note("OS template %s, to be downloaded to %s", a.name, a.storage)
	} else if a.volID != wish {
		r.note("OS template %s on %s", a.name, a.storage)
	}
}

// downloadStorage is where a missing OS template is stored: the named storage, otherwise
// local, otherwise the one with the most free space.
func (r *resolver) downloadStorage(ctx context.Context, want string) (string, error) {
	var able []storage
	for _, s := range r.storages {
		if s.usable && s.holds("vztmpl") && (want == "" || s.name == want) {
			able = append(able, s)
		}
	}
	if len(able) == 0 {
		field := "none of node " + r.out.Node + " takes OS templates (content vztmpl)"
		if want != "" {
			field = "storage " + want + " of node " + r.out.Node + " takes no OS templates (content vztmpl)"
		}
		return "", &Error{Kind: Refused, Op: "choose a storage for the OS template", Field: "os", Reason: field,
			Hints: []string{"on the node: pvesm set local --content vztmpl,iso,backup"}}
	}
	rank := func(s storage) int {
		may := r.perms.has(ctx, "/storage/"+s.name, "Datastore.AllocateTemplate")
		return 2*flag(may) + flag(s.name == "local")
	}
	return slices.MaxFunc(able, func(a, b storage) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.avail, b.avail))
	}).name, nil
}

// noTemplate is the error for an OS without a template. It lists the ones that exist, and
// names another node that has the template.
func (r *resolver) noTemplate(ctx context.Context, index []archive, prefix string) error {
	names := map[string]bool{}
	for _, a := range append(slices.Clone(r.archives), index...) {
		names[a.product()] = true
	}
	var choices []string
	for n := range names {
		choices = append(choices, n)
	}
	slices.Sort(choices)
	e := &Error{Kind: Invalid, Op: "find the OS template " + strings.Join(r.spec.OSChoices(), " or "), Field: "os", noTemplate: true,
		Reason: "neither a storage of node " + r.out.Node + " nor its appliance index has one" + r.foreign}
	if node, a := r.elsewhere(ctx, prefix); node != "" {
		e.Hints = append(e.Hints, fmt.Sprintf("node %s has %s on its storage %s: --node %s", node, a.name, a.storage, node))
	}
	if len(choices) > 0 {
		shown := choices[:min(len(choices), 20)]
		e.Hints = append(e.Hints, "there is: "+strings.Join(shown, ", "))
	}
	e.Hints = append(e.Hints, "an old index is renewed on the node: pveam update")
	return e
}
