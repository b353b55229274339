package pve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// archive is an OS template, on a storage or in the appliance index.
type archive struct {
	name    string // debian-12-standard_12.12-1_amd64.tar.zst
	storage string // "" in the index
	volID   string
	arch    string // from the index; "": see architecture
	from    string // the URL in the index
	size    int64  // bytes; 0 in the index
	made    time.Time
}

// architecture is the architecture of an archive, from the index or else from its name:
// amd64, arm64, …; "" if neither has it.
func (a archive) architecture() string {
	if a.arch != "" {
		return a.arch
	}
	_, end, _ := strings.Cut(a.name[max(0, strings.LastIndexByte(a.name, '_')):], "_")
	end, _, _ = strings.Cut(end, ".")
	if slices.Contains([]string{"amd64", "arm64", "armhf", "i386", "riscv64"}, end) {
		return end
	}
	return ""
}

// machines maps the kernel's name of a machine to its architecture.
var machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64"}

// runnable leaves out archives for another architecture than the node's. It asks the node
// only if an archive that fits the prefix is not for amd64. The index lists all
// architectures since VE 9.2.10, and the newest archive may be for another one.
func (r *resolver) runnable(ctx context.Context, all []archive, prefix string) []archive {
	foreign := func(a archive) bool {
		return a.architecture() != "" && a.architecture() != "amd64" && a.fit(prefix) > 0
	}
	if r.arch == "" && slices.ContainsFunc(all, foreign) {
		r.arch = r.c.architecture(ctx, r.out.Node)
	}
	if r.arch == "" {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(a archive) bool { return a.architecture() != "" && a.architecture() != r.arch })
}

// Architecture returns a node's architecture: amd64, arm64 or riscv64. It is amd64 if the
// login may not ask.
func (c *Client) Architecture(ctx context.Context, node string) string {
	return c.architecture(ctx, node)
}

// architecture returns a node's architecture. It is amd64, for which Proxmox VE is made,
// if the login may not ask (Sys.Audit on the node) or the answer has none.
func (c *Client) architecture(ctx context.Context, node string) string {
	var raw struct {
		Kernel struct{ Machine text } `json:"current-kernel"`
	}
	if err := c.get(ctx, "ask node "+node+" for its architecture", join("nodes", node, "status"), &raw); err == nil {
		if arch := machines[raw.Kernel.Machine.String()]; arch != "" {
			return arch
		}
	}
	return "amd64"
}

// product is the part of a template's file name before its version.
func (a archive) product() string {
	p, _, _ := strings.Cut(a.name, "_")
	return p
}

// version is the name without architecture and extension, for comparisons.
func (a archive) version() string {
	if i := strings.LastIndexByte(a.name, '_'); i > 0 {
		return a.name[:i]
	}
	return a.name
}

// plainRest matches the rest of a name behind a prefix for the plain edition of an OS:
// more of the version, then the edition. TurnKey appliances are named
// debian-12-turnkey-….
var plainRest = lazy.Regexp(`^(-[0-9][0-9.]*)?(-(standard|default|base|minimal|cloud))?$`)

// fit rates how well an archive matches a prefix: 2 for the plain edition, 1 for another
// edition, 0 for no match. debian-1 is not a prefix of debian-12.
func (a archive) fit(prefix string) int {
	rest, ok := strings.CutPrefix(a.name, prefix)
	if !ok {
		return 0
	}
	if rest == "" || strings.Contains(prefix, "_") {
		return 2 // a complete name, or one with a part of its version
	}
	if rest[0] != '-' && rest[0] != '_' && !strings.HasSuffix(prefix, "-") {
		if rest[0] != '.' {
			return 0
		}
		return 1 // ubuntu-24 for ubuntu-24.04
	}
	product, ok := strings.CutPrefix(a.product(), prefix)
	if ok && plainRest().MatchString(product) {
		return 2
	}
	return 1
}

// best returns the newest of the archives that match a prefix best, and its rating.
func best(all []archive, prefix string) (archive, int) {
	var found []archive
	fit := 0
	for _, a := range all {
		switch f := a.fit(prefix); {
		case f == 0 || f < fit:
		case f > fit:
			found, fit = []archive{a}, f
		default:
			found = append(found, a)
		}
	}
	if fit == 0 {
		return archive{}, 0
	}
	return slices.MaxFunc(found, func(a, b archive) int {
		return cmp.Or(compareVersions(a.version(), b.version()),
			cmp.Compare(flag(a.architecture() == "amd64"), flag(b.architecture() == "amd64")), cmp.Compare(b.storage, a.storage))
	}), fit
}

// compareVersions orders names as people read them: runs of digits compare by value.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		da, db := leadingDigits(a), leadingDigits(b)
		if da > 0 && db > 0 {
			na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = a[da:], b[db:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// archives lists the OS templates on a storage.
func (c *Client) archives(ctx context.Context, node, storage string) ([]archive, error) {
	var raw []struct{ VolID, Content, Size, CTime text }
	path := join("nodes", node, "storage", storage, "content") + "?content=vztmpl"
	if err := c.get(ctx, "list the OS templates on storage "+storage, path, &raw); err != nil {
		return nil, err
	}
	var out []archive
	for _, r := range raw {
		_, name, ok := strings.Cut(r.VolID.String(), ":vztmpl/")
		if ok && (r.Content == "" || r.Content == "vztmpl") {
			a := archive{name: name, storage: storage, volID: r.VolID.String()}
			a.size, _ = r.Size.int64()
			if at, ok := r.CTime.int64(); ok {
				a.made = time.Unix(at, 0)
			}
			out = append(out, a)
		}
	}
	return out, nil
}

// index lists the appliance index of a node.
func (c *Client) index(ctx context.Context, node string) ([]archive, error) {
	var raw []struct{ Template, Type, Architecture, Location text }
	if err := c.get(ctx, "read the appliance index", join("nodes", node, "aplinfo"), &raw); err != nil {
		return nil, err
	}
	var out []archive
	for _, r := range raw {
		if r.Template != "" && (r.Type == "" || r.Type == "lxc") {
			out = append(out, archive{name: r.Template.String(), arch: r.Architecture.String(), from: r.Location.String()})
		}
	}
	return out, nil
}

var percentForm = lazy.Regexp(`(?:^|[\s.])(\d{1,3})(?:\.\d+)?%`)

// Download downloads the placement's OS template from the appliance index if it is
// missing, or pulls its image from a registry, and waits for it. w.Waiting gets the progress. It is idempotent, also when two
// run at once.
func (c *Client) Download(ctx context.Context, p *Placement, w Watch) error {
	if !p.Template.Download {
		return nil
	}
	defer c.memo.forget()
	first, done, err := c.loads.take(ctx, p.Node+" "+p.Template.VolID)
	if err != nil {
		return c.explain(ctx, "wait for the OS template "+p.Template.Name, err)
	}
	defer done()
	if !first && c.present(ctx, p) {
		p.Template.Download = false
		return nil
	}
	if p.Template.Image != "" {
		return c.pull(ctx, p, w)
	}
	op := "download the OS template " + p.Template.Name
	w.waiting(fmt.Sprintf("downloading %s to %s", p.Template.Name, p.Template.Storage))
	var upid string
	body := map[string]any{"template": p.Template.Name, "storage": p.Template.Storage}
	err = unlocked(ctx, func() error {
		return c.begin(ctx, op, http.MethodPost, join("nodes", p.Node, "aplinfo"), body, &upid)
	})
	if err != nil {
		return err
	}
	progress := Watch{Waiting: w.Waiting, Line: downloadLines(p.Template.Name, w)}
	if _, err := c.Follow(ctx, upid, progress); err != nil {
		if ctx.Err() == nil && c.present(ctx, p) {
			p.Template.Download = false // another run was first
			return nil
		}
		return notDownloaded(err, p)
	}
	p.Template.Download = false
	return nil
}

// notDownloaded adds the usual cause why a node cannot download, and a way around it. The
// node fetches OS templates itself, with its own DNS and route.
func notDownloaded(err error, p *Placement) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != TaskFailed {
		return err
	}
	from, host := p.Template.Location, "download.proxmox.com"
	if u, err := url.Parse(from); err == nil && u.Hostname() != "" && nodeHost().MatchString(u.Hostname()) {
		host = u.Hostname()
	} else {
		from = "it"
	}
	out := *e
	out.Op = "download the OS template " + p.Template.Name
	out.Hints = append(slices.Clone(e.Hints),
		"it is the node that downloads: does its DNS work? on the node: getent hosts "+host,
		fmt.Sprintf("or fetch %s elsewhere and upload it: storage %s, CT Templates, Upload, in Proxmox's web interface", from, p.Template.Storage))
	return &out
}

// nodeHost matches host names that are safe in a command line.
var nodeHost = lazy.Regexp(`^[a-zA-Z0-9.-]+$`)

// downloadLines turns the dots in a download's log into "26 %", and passes other lines
// on.
func downloadLines(name string, w Watch) func(string) {
	last := -1
	return func(line string) {
		m := percentForm().FindStringSubmatch(line)
		if m == nil {
			w.line(line)
			return
		}
		if n, _ := strconv.Atoi(m[1]); n >= last+5 || n == 100 && n != last {
			last = n
			w.waiting(fmt.Sprintf("downloading %s: %d %%", name, n))
		}
	}
}

func (c *Client) present(ctx context.Context, p *Placement) bool {
	c.memo.forget()
	list, err := c.archives(ctx, p.Node, p.Template.Storage)
	return err == nil && slices.ContainsFunc(list, func(a archive) bool { return a.volID == p.Template.VolID })
}
