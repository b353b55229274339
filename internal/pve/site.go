package pve

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Site is the place that a create would choose for a spec, and all that there is to choose
// from. Each part has the error that kept it from being known: nothing here stops at the
// first one.
type Site struct {
	Nodes    []Node
	NodesErr error
	Node     string // the chosen one, or the first that is online where NodeErr is Ambiguous
	NodeErr  error

	Storages     []Storage
	StoragesErr  error
	Storage      string // for the root disk
	StorageErr   error
	ArchiveStore string // for OS templates that have to be downloaded
	ArchiveErr   error

	Bridges    []string
	BridgesErr error
	Bridge     string
	BridgeErr  error

	Templates    []OSTemplate // on the storages of the node
	TemplatesErr error
	Index        []OSTemplate // the appliance index
	IndexErr     error

	Packages    map[string]string // installed version by name; only with Sys.Audit on the node
	PackagesErr error

	// Pool is the one in which the login may create containers, if it may not outside of a
	// pool; "" if it may.
	Pool string

	Rights    []Right
	RightsErr error
	NoRights  bool // the login has no privilege anywhere
}

// Storage is one storage of a node.
type Storage struct {
	Name, Kind string
	Content    []string // what may lie there: rootdir, images, vztmpl, …
	Usable     bool     // enabled and active
	Free       int64    // bytes; -1 is not known
}

// Holds reports whether a storage takes a type of content.
func (s Storage) Holds(content string) bool { return slices.Contains(s.Content, content) }

// OSTemplate is one archive on a storage, or in the appliance index.
type OSTemplate struct {
	File    string // debian-12-standard_12.12-1_amd64.tar.zst
	Storage string // "" in the index
	Product string // debian-12-standard
	Arch    string // "" if the name has none
}

// Newer reports whether o is a later version of the same product than t.
func (t OSTemplate) Newer(o OSTemplate) bool {
	return o.Product == t.Product && o.Arch == t.Arch &&
		compareVersions(archive{name: o.File}.version(), archive{name: t.File}.version()) > 0
}

// Right is one privilege that a create needs on a path, and whether the login has it.
type Right struct {
	Privilege string // "A" or "A|B" where either is enough
	Path      string // where it was looked up
	Grant     string // the path for an ACL entry, which covers Path
	Held      bool
	Optional  bool // a create works without it

	need need
	by   *permissions
}

// GrantCommand is one command line for the node that gives the login these privileges, ""
// for none.
func GrantCommand(rights []Right) string {
	if len(rights) == 0 {
		return ""
	}
	needs := make([]need, len(rights))
	for i, r := range rights {
		needs[i] = r.need
	}
	return strings.Join(rights[0].by.grantCommands(needs), " && ")
}

// SiteFor examines the place for a spec. inside are the privileges on the container that
// the way into it needs, and more those that are useful; as in May, "A|B" means either.
func (c *Client) SiteFor(ctx context.Context, spec lxc.Spec, version Version, inside, more []string) *Site {
	r := &resolver{c: c, spec: spec, way: Way{Inside: inside}, out: &Placement{Version: version}}
	s := &Site{}
	r.nodes, s.NodesErr = c.Nodes(ctx)
	s.Nodes = r.nodes
	if s.NodesErr != nil {
		return s
	}
	s.NodeErr = r.chooseNode(ctx)
	if s.NodeErr != nil && IsKind(s.NodeErr, Ambiguous) {
		r.out.Node = r.nodes[slices.IndexFunc(r.nodes, func(n Node) bool { return n.Online })].Name
	}
	s.Node = r.out.Node
	r.askRights(ctx, s)
	if s.Node != "" {
		r.askSite(ctx, s)
	}
	if s.RightsErr == nil {
		s.Rights = r.rights(ctx, more)
	}
	return s
}

// askRights asks for the permissions, and for the id that a create would take.
func (r *resolver) askRights(ctx context.Context, s *Site) {
	r.perms, s.RightsErr = r.c.permissions(ctx)
	if s.RightsErr != nil {
		r.perms = &permissions{client: r.c, all: true, confirmed: map[string]map[string]text{}} // nothing is known
	}
	s.NoRights = r.perms.none()
	var err error
	if r.out.CTID, err = r.c.nextID(ctx); err != nil {
		r.out.CTID = 100 // any id will do for the paths
	}
	if r.spec.Pool == "" && !r.perms.has(ctx, "/vms/"+strconv.Itoa(r.out.CTID), "VM.Allocate") {
		r.spec.Pool = r.perms.pool("VM.Allocate")
		s.Pool = r.spec.Pool
	}
}

// askSite asks the chosen node, all questions at once.
func (r *resolver) askSite(ctx context.Context, s *Site) {
	var index []archive
	var g sync.WaitGroup
	g.Go(func() { s.TemplatesErr = r.askStorages(ctx) })
	g.Go(func() { s.BridgesErr = r.askBridges(ctx) })
	g.Go(func() { index, s.IndexErr = r.c.index(ctx, s.Node) })
	g.Go(func() { s.Packages, s.PackagesErr = r.c.packages(ctx, s.Node) })
	g.Wait()
	if s.TemplatesErr != nil && len(r.storages) == 0 {
		s.StoragesErr = s.TemplatesErr
	}
	for _, st := range r.storages {
		free := st.avail
		if !st.known {
			free = -1
		}
		s.Storages = append(s.Storages, Storage{Name: st.name, Kind: st.kind, Content: st.content, Usable: st.usable, Free: free})
	}
	for _, b := range r.bridges {
		s.Bridges = append(s.Bridges, b.name)
	}
	s.Templates, s.Index = osTemplates(r.archives), osTemplates(index)
	s.StorageErr, s.BridgeErr = r.chooseStorage(ctx), r.chooseBridge(ctx)
	s.Storage, s.Bridge = r.out.Storage, r.out.Bridge
	s.ArchiveStore, s.ArchiveErr = r.downloadStorage(ctx, "")
}

func osTemplates(list []archive) []OSTemplate {
	out := make([]OSTemplate, len(list))
	for i, a := range list {
		out[i] = OSTemplate{File: a.name, Storage: a.storage, Product: a.product(), Arch: a.architecture()}
	}
	slices.SortFunc(out, func(a, b OSTemplate) int {
		return cmp.Or(compareVersions(a.File, b.File), cmp.Compare(a.Storage, b.Storage))
	})
	return out
}

// rights looks up the needs of a create at the site, without the storages and the bridge
// that are not known.
func (r *resolver) rights(ctx context.Context, more []string) []Right {
	r.out.Template = Template{Storage: r.archiveStore(ctx), Download: true}
	unseen := r.blindBridge(ctx)
	var needs []need
	for _, n := range r.createNeeds() {
		if n.at != "/" && strings.HasSuffix(n.at, "/") || unseen.at != "" && n.privilege == unseen.privilege {
			continue
		}
		needs = append(needs, n)
	}
	needs = append(needs, r.blindStorage(ctx)...)
	if unseen.at != "" {
		needs = append(needs, unseen)
	}
	for _, n := range on(r.out.CTID, more...) {
		n.optional = true
		needs = append(needs, n)
	}
	var out []Right
	seen := map[[2]string]bool{}
	for _, n := range needs {
		if seen[[2]string{n.at, n.privilege}] {
			continue
		}
		seen[[2]string{n.at, n.privilege}] = true
		right := Right{Privilege: n.privilege, Path: n.at, Grant: r.perms.entry(n), Optional: n.optional, Held: r.perms.satisfied(ctx, n), need: n, by: r.perms}
		if n.or != "" {
			right.Privilege += "|" + n.or
		}
		out = append(out, right)
	}
	return out
}

func (r *resolver) archiveStore(ctx context.Context) string {
	name, _ := r.downloadStorage(ctx, "") // "" where none takes OS templates: reported elsewhere
	return name
}

// packages are the versions of Proxmox's own packages on a node.
func (c *Client) packages(ctx context.Context, node string) (map[string]string, error) {
	var raw []struct{ Package, OldVersion, CurrentState text }
	if err := c.get(ctx, "ask node "+node+" for the versions of its packages", join("nodes", node, "apt", "versions"), &raw); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, p := range raw {
		if p.OldVersion != "" && p.CurrentState == "Installed" {
			out[p.Package.String()] = p.OldVersion.String()
		}
	}
	return out, nil
}

// OlderThan reports whether a version of a Debian package is older than another; both
// without an epoch.
func OlderThan(version, than string) bool { return compareVersions(version, than) < 0 }

// Products are the products of archives, each once.
func Products(list []OSTemplate) []string {
	names := map[string]bool{}
	for _, t := range list {
		names[t.Product] = true
	}
	return slices.Sorted(maps.Keys(names))
}
