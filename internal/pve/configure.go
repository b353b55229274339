package pve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// CurrentConfig is Config without what waits for a restart: the configuration with which a
// running container runs.
func (c *Client) CurrentConfig(ctx context.Context, node string, ctid int) (Config, error) {
	return c.config(ctx, node, ctid, "?current=1")
}

// IsRoot reports whether Proxmox lets the login change what it keeps for root@pam: that
// takes root's password, and no token.
func (c *Client) IsRoot() bool { return c.login.root() }

// SetConfig sets one key of a container's configuration; value "" removes it. In a running
// container Proxmox answers the same for a key that takes effect at once and for one that
// waits for a restart: compare Config with CurrentConfig. It waits for the lock of another
// task, and is idempotent.
func (c *Client) SetConfig(ctx context.Context, node string, ctid int, key, value string) error {
	op := fmt.Sprintf("set %s of container %d", key, ctid)
	body := map[string]any{key: value}
	if value == "" {
		body = map[string]any{"delete": key}
	}
	return unlocked(ctx, func() error {
		return c.send(ctx, op, http.MethodPut, join("nodes", node, "lxc", strconv.Itoa(ctid), "config"), body, nil)
	})
}

// ErrChanged is the error if a container's configuration is not the one any more that the
// caller has read.
var ErrChanged = errors.New("the configuration has changed meanwhile")

// AddConfig sets a key that is not in cfg, which the caller has just read. Proxmox refuses it
// with ErrChanged if the configuration has changed since: a request for a new volume, made
// twice, would make two. So is a request whose answer is lost: read the configuration again.
func (c *Client) AddConfig(ctx context.Context, node string, ctid int, key, value string, cfg Config) error {
	op := fmt.Sprintf("set %s of container %d", key, ctid)
	body := map[string]any{key: value, "digest": cfg.All["digest"]}
	err := unlocked(ctx, func() error {
		return c.send(ctx, op, http.MethodPut, join("nodes", node, "lxc", strconv.Itoa(ctid), "config"), body, nil)
	})
	var e *Error
	if ctx.Err() == nil && unclear(err) || errors.As(err, &e) && DigestRefused(e.Reason+e.Message) {
		return errors.Join(ErrChanged, err)
	}
	return err
}

// DigestRefused reports whether Proxmox refuses a change because of its digest.
func DigestRefused(text string) bool {
	return strings.Contains(text, "detected modified configuration")
}

// Resize grows a disk (rootfs, mp0) to a size such as 16G and returns the task; "" if it has
// that size. The size is absolute, so that a request whose answer is lost can be repeated.
// Proxmox never shrinks a disk.
func (c *Client) Resize(ctx context.Context, node string, ctid int, disk, size string) (upid string, err error) {
	op := fmt.Sprintf("resize %s of container %d", disk, ctid)
	path := join("nodes", node, "lxc", strconv.Itoa(ctid), "resize")
	err = unlocked(ctx, func() error {
		return c.begin(ctx, op, http.MethodPut, path, map[string]any{"disk": disk, "size": size}, &upid)
	})
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Reason+e.Message, "already at specified size") {
		return "", nil
	}
	return upid, err
}

// SetRequest is what will be set of a container.
type SetRequest struct {
	Node       string
	CTID       int
	Privileges []string    // on the container
	Grows      []string    // the volumes of disks that grow, such as local-lvm:vm-100-disk-0
	Nets       []string    // the interfaces that change, as they will be
	OldNets    []string    // and as they are: Proxmox wants a right on a bridge that is left, too
	Mounts     []lxc.Mount // that are added, each new volume with its storage
	Pool       string      // in which the container will be; "": it stays where it is
}

// MaySet returns Forbidden if the login lacks a privilege for a change: on the container, on
// the storage of a disk that grows, or on the bridge of a network that changes. It runs before
// the first change and names all missing privileges at once.
func (c *Client) MaySet(ctx context.Context, s SetRequest) error {
	p, err := c.permissions(ctx)
	if err != nil {
		return err
	}
	needs := on(s.CTID, s.Privileges...)
	for _, volume := range s.Grows {
		if storage, _, ok := strings.Cut(volume, ":"); ok {
			needs = append(needs, need{at: "/storage/" + storage, privilege: "Datastore.AllocateSpace"})
		}
	}
	for _, m := range s.Mounts {
		if m.New() {
			needs = append(needs, need{at: "/storage/" + m.Storage, privilege: "Datastore.AllocateSpace"})
		}
	}
	missing := c.mayAdd(ctx, p, s)
	for i, net := range slices.Concat(s.Nets, s.OldNets) {
		r := &resolver{c: c, out: &Placement{Node: s.Node}}
		r.spec.Network, _, _ = parseNet(net)
		bridge, err := r.bridgeNeeds(ctx)
		if err != nil {
			return err
		}
		if needs = append(needs, bridge...); i < len(s.Nets) {
			missing = cmp.Or(missing, r.noBridge())
		}
	}
	if err := p.require(ctx, fmt.Sprintf("change the settings of container %d", s.CTID), needs); err != nil {
		return err
	}
	return missing // whoever may use a bridge sees it in the list
}

// mayAdd checks what the mount points that are added need on the node, and that the pool is
// there.
func (c *Client) mayAdd(ctx context.Context, p *permissions, s SetRequest) error {
	r := &resolver{c: c, perms: p, out: &Placement{Node: s.Node}}
	r.spec.Mounts, r.spec.Pool = s.Mounts, s.Pool
	if err := r.checkPool(ctx); err != nil || len(s.Mounts) == 0 {
		return err
	}
	var err error
	if r.out.Version, err = c.Version(ctx); err == nil {
		err = r.askStorageList(ctx)
	}
	if err != nil {
		return err
	}
	return r.chooseMounts(ctx)
}

// bridgeNeeds are the needs on the bridge of a network that changes. The zone of an SDN VNet is
// not known here: Proxmox itself checks that privilege.
func (r *resolver) bridgeNeeds(ctx context.Context) ([]need, error) {
	if err := r.askBridges(ctx); err != nil {
		return nil, err
	}
	version, err := r.c.Version(ctx)
	if name := r.spec.Network.Bridge; err == nil && version.Major() >= 8 && name != "" && r.plainBridge(name) {
		return []need{bridgeNeed(name, r.spec.Network.VLAN)}, nil
	}
	return nil, err
}

// noBridge is the error for a bridge that the node does not have.
func (r *resolver) noBridge() error {
	var names []string
	for _, b := range r.bridges {
		names = append(names, b.name)
	}
	want := r.spec.Network.Bridge
	if want == "" || len(names) == 0 || slices.Contains(names, want) {
		return nil
	}
	return r.absent("bridge", want, "node "+r.out.Node+" has no such bridge", names)
}

// Properties reads a property string such as "name=eth0,bridge=vmbr0". A part without = has
// the key "".
func Properties(s string) map[string]string {
	out := map[string]string{}
	for _, p := range properties(s) {
		out[p.key] = p.value
	}
	return out
}

// WithProperties is a property string with some of its parts replaced, or removed where the
// value is "". New parts come last, sorted.
func WithProperties(s string, set map[string]string) string {
	var parts []string
	add := func(key, value string) {
		if key != "" {
			value = key + "=" + value
		}
		parts = append(parts, value)
	}
	rest := maps.Clone(set)
	for _, p := range properties(s) {
		value, replaced := set[p.key]
		delete(rest, p.key)
		switch {
		case !replaced:
			add(p.key, p.value)
		case value != "":
			add(p.key, value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(rest)) {
		if rest[key] != "" {
			add(key, rest[key])
		}
	}
	return strings.Join(parts, ",")
}

// SameProperties compares two property strings whatever the order of their parts. Proxmox
// adds a type to net0.
func SameProperties(a, b string) bool {
	x, y := Properties(a), Properties(b)
	delete(x, "type")
	delete(y, "type")
	return maps.Equal(x, y)
}

// Tags splits Proxmox's list of tags.
func Tags(s string) []string { return splitTags(s) }

// SizeMiB reads the size of a volume, such as 8G; 0 if it has none, or one that is no whole
// number of MiB.
func SizeMiB(size string) int {
	if size == "" {
		return 0
	}
	factor := map[byte]float64{'M': 1, 'G': 1 << 10, 'T': 1 << 20}[size[len(size)-1]]
	n, err := strconv.ParseFloat(size[:len(size)-1], 64)
	if err != nil || factor == 0 {
		return 0
	}
	return int(n * factor)
}

// ConfigOf reads a configuration from Proxmox's keys and values.
func ConfigOf(all map[string]string) Config {
	raw := make(map[string]text, len(all))
	for k, v := range all {
		raw[k] = text(v)
	}
	return parseConfig(raw)
}
