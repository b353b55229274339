package node

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pool is a resource pool without the guests in it: each container says which pool it is
// in.
type pool struct {
	Comment  string   `json:"comment,omitempty"`
	Storages []string `json:"storages,omitempty"`
}

// PoolExists is check_pool_exist, which refuses an unknown pool with 403.
func (n *Node) PoolExists(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.st.Pools[id] == nil {
		return forbid("pool '" + id + "' does not exist")
	}
	return nil
}

// Pools is GET /pools: those that the caller may audit, or with poolid that one and its
// members.
func (n *Node) Pools(a Auth, p Params) ([]map[string]any, error) {
	if id := p["poolid"]; id != "" {
		m, err := n.Pool(a, p)
		if err != nil {
			return nil, err
		}
		m["poolid"] = id
		return []map[string]any{m}, nil
	}
	rows := []map[string]any{}
	for _, id := range n.poolIDs() {
		if n.Check(a, "/pool/"+id, "Pool.Audit") == nil {
			n.mu.Lock()
			m := map[string]any{"poolid": id}
			if pool := n.st.Pools[id]; pool != nil && pool.Comment != "" {
				m["comment"] = pool.Comment
			}
			n.mu.Unlock()
			rows = append(rows, m)
		}
	}
	return rows, nil
}

func (n *Node) poolIDs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.st.Pools))
}

// Pool is GET /pools/POOL. Proxmox ignores here whether the caller may audit the members.
func (n *Node) Pool(_ Auth, p Params) (map[string]any, error) {
	id, kind := p["poolid"], p["type"]
	n.mu.Lock()
	one, in := n.st.Pools[id], map[string]bool{}
	for _, c := range n.sorted() {
		if c.Pool == id {
			in["lxc/"+strconv.Itoa(c.VMID)] = true
		}
	}
	n.mu.Unlock()
	if one == nil {
		return nil, fail("pool '%s' does not exist", id)
	}
	for _, s := range one.Storages {
		in["storage/"+n.name+"/"+s] = true
	}
	members := []map[string]any{}
	for _, r := range append(n.guests(Root), n.storageResources(Root)...) {
		id, _ := r["id"].(string)
		if in[id] && (kind == "" || kind == r["type"]) {
			delete(r, "pool")
			members = append(members, r)
		}
	}
	m := map[string]any{"members": members}
	if one.Comment != "" {
		m["comment"] = one.Comment
	}
	return m, nil
}

// CreatePool is POST /pools.
func (n *Node) CreatePool(p Params) error {
	id := p["poolid"]
	n.mu.Lock()
	defer n.mu.Unlock()
	parent, leaf := path.Split(id)
	parent = strings.TrimSuffix(parent, "/")
	switch {
	case n.st.Pools[id] != nil:
		return fail("create pool failed: pool '%s' already exists", id)
	case parent != "" && n.st.Pools[parent] == nil:
		return fail("create pool failed: parent '%s' of pool '%s' does not exist", parent, id)
	case !startsWithLetter(leaf):
		return fail("create pool failed: pool name must start with a letter")
	}
	if n.st.Pools == nil {
		n.st.Pools = map[string]*pool{}
	}
	n.st.Pools[id] = &pool{Comment: p["comment"]}
	return n.save()
}

func startsWithLetter(s string) bool {
	return s != "" && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z')
}

// UpdatePool is PUT /pools.
func (n *Node) UpdatePool(a Auth, p Params) error {
	vms, storages := splitList(p["vms"]), splitList(p["storage"])
	for _, id := range vms {
		if err := n.MayGrant(a, "/vms/"+id); err != nil {
			return err
		}
	}
	for _, id := range storages {
		if err := n.MayGrant(a, "/storage/"+id); err != nil {
			return err
		}
	}
	for _, id := range vms {
		if err := n.mayMove(a, id, p); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	one := n.st.Pools[p["poolid"]]
	if one == nil {
		return fail("update pools failed: pool '%s' does not exist", p["poolid"])
	}
	if err := one.hold(storages, p.bool("delete")); err != nil {
		return err
	}
	for _, id := range vms {
		vmid, _ := strconv.Atoi(id)
		c := n.st.Containers[vmid]
		switch {
		case p.bool("delete") && (c == nil || c.Pool != p["poolid"]):
			return fail("update pools failed: VM %s is not a pool member", id)
		case p.bool("delete"):
			c.Pool = ""
		case c != nil && c.Pool == p["poolid"]:
			return fail("update pools failed: VM %s is already a pool member", id)
		case c != nil: // Proxmox also keeps ids that no guest has
			c.Pool = p["poolid"]
		}
	}
	if text, ok := p["comment"]; ok {
		one.Comment = text
	}
	return n.save()
}

// mayMove refuses a guest that another pool has, unless it may be taken from there.
func (n *Node) mayMove(a Auth, id string, p Params) error {
	vmid, _ := strconv.Atoi(id)
	n.mu.Lock()
	was := ""
	if c := n.st.Containers[vmid]; c != nil {
		was = c.Pool
	}
	n.mu.Unlock()
	if was == "" || was == p["poolid"] || p.bool("delete") {
		return nil
	}
	if !p.bool("allow-move") {
		return fail("update pools failed: VM %s belongs already to pool '%s' and 'allow-move' is not set", id, was)
	}
	return n.Check(a, "/pool/"+was, "Pool.Allocate")
}

// hold adds storages, or removes them.
func (p *pool) hold(storages []string, remove bool) error {
	for _, id := range storages {
		has := slices.Contains(p.Storages, id)
		switch {
		case remove && !has:
			return fail("update pools failed: Storage '%s' is not a pool member", id)
		case !remove && has:
			return fail("update pools failed: Storage '%s' is already a pool member", id)
		case remove:
			p.Storages = slices.DeleteFunc(p.Storages, func(s string) bool { return s == id })
		default:
			p.Storages = append(p.Storages, id)
			slices.Sort(p.Storages)
		}
	}
	return nil
}

// DeletePool is DELETE /pools: only an empty pool goes.
func (n *Node) DeletePool(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	one := n.st.Pools[id]
	if one == nil {
		return fail("delete pool failed: pool '%s' does not exist", id)
	}
	for _, sub := range slices.Sorted(maps.Keys(n.st.Pools)) {
		if path.Dir(sub) == id {
			return fail("delete pool failed: pool '%s' is not empty (contains pool '%s')", id, sub)
		}
	}
	for _, c := range n.sorted() {
		if c.Pool == id {
			return fail("delete pool failed: pool '%s' is not empty (contains VM %d)", id, c.VMID)
		}
	}
	for _, s := range one.Storages {
		if _, err := n.storage(s); err == nil {
			return fail("delete pool failed: pool '%s' is not empty (contains storage '%s')", id, s)
		}
	}
	delete(n.st.Pools, id)
	n.st.Access.ACL = slices.DeleteFunc(n.st.Access.ACL, func(x ACL) bool { return x.Path == "/pool/"+id })
	return n.save()
}

// poolsOf are the pools that a path of a guest or a storage is in; mu held.
func (n *Node) poolsOf(p string) []string {
	if id, ok := strings.CutPrefix(p, "/vms/"); ok {
		vmid, _ := strconv.Atoi(id)
		if c := n.st.Containers[vmid]; c != nil && c.Pool != "" {
			return []string{c.Pool}
		}
		return nil
	}
	id, ok := strings.CutPrefix(p, "/storage/")
	if !ok {
		return nil
	}
	var in []string
	for name, one := range n.st.Pools {
		if slices.Contains(one.Storages, id) {
			in = append(in, name)
		}
	}
	return in
}
