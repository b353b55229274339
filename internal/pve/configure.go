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

// PoolOf is the pool that a container is a member of, "" for none.
func (c *Client) PoolOf(ctx context.Context, ctid int) (string, error) {
	var raw []struct{ VMID, Pool text }
	if err := c.get(ctx, fmt.Sprintf("look up the pool of container %d", ctid), "/cluster/resources?type=vm", &raw); err != nil {
		return "", err
	}
	for _, r := range raw {
		if r.VMID.int() == ctid {
			return r.Pool.String(), nil
		}
	}
	return "", nil
}

// SetRequest is what will be set of a container.
type SetRequest struct {
	Node       string
	CTID       int
	Privileges []string // on the container
	Grows      []string // the volumes of disks that grow, such as local-lvm:vm-100-disk-0
	Nets       []string // the interfaces that change, as they will be
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
	var missing error
	for _, net := range s.Nets {
		r := &resolver{c: c, out: &Placement{Node: s.Node}}
		r.spec.Network, _, _ = parseNet(net)
		bridge, err := r.bridgeNeeds(ctx)
		if err != nil {
			return err
		}
		needs, missing = append(needs, bridge...), cmp.Or(missing, r.noBridge())
	}
	if err := p.require(ctx, fmt.Sprintf("change the settings of container %d", s.CTID), needs); err != nil {
		return err
	}
	return missing // whoever may use a bridge sees it in the list
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
