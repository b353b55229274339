package node

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Name is the name of the first node, which answers the API. The others count from it: pve2,
// pve3 and so on.
const Name = "pve1"

// NodeName is the name of a node by its place in the cluster, from 0.
func NodeName(i int) string { return fmt.Sprintf("pve%d", i+1) }

// cluster is what all nodes share, as pmxcfs does: every guest's config, users, storages and
// pools. Whether a guest, a volume or a task is a node's own is said by the thing itself.
type cluster struct {
	opt    Options
	drv    driver.Driver
	faults *driver.Faults
	prof   Profile
	roles  map[string][]string // that every node has
	flocks locks
	shows  consoles
	homes  homes
	nodes  []*Node // the first answers the API

	mu      sync.Mutex // guards everything below
	st      state
	tasks   map[string]*task
	order   []*task // by start
	lastPID int
	closed  bool

	hasDevice func(path string) bool // nil: it has every device

	watchers sync.WaitGroup
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
}

// Names are the names of the cluster's nodes, the first first.
func (n *Node) Names() (names []string) {
	for _, p := range n.nodes {
		names = append(names, p.name)
	}
	return names
}

// Peer is a node of the same cluster, nil for an unknown name.
func (n *Node) Peer(name string) *Node {
	i := slices.IndexFunc(n.nodes, func(p *Node) bool { return p.name == name })
	if i < 0 {
		return nil
	}
	return n.nodes[i]
}

// NodeNames are the names of all nodes.
func (n *Node) NodeNames() (names []string) {
	for _, p := range n.nodes {
		names = append(names, p.name)
	}
	return names
}

// Clustered reports whether there is more than one node.
func (n *Node) Clustered() bool { return len(n.nodes) > 1 }

// Name is the node's name.
func (n *Node) Name() string { return n.name }

// first reports whether this is the node that answers the API.
func (n *Node) first() bool { return n.name == Name }

// mark is how things of this node are marked in the state. Those of the first node, which are
// all there are without a cluster, have no mark.
func (n *Node) mark() string {
	if n.first() {
		return ""
	}
	return n.name
}

// has reports whether a node sees a volume that was made on the node with this mark: its own,
// and those of shared storages; mu held.
func (n *Node) has(volid, mark string) bool {
	id, _, _ := strings.Cut(volid, ":")
	return mark == n.mark() || n.shared(id)
}

// shared reports whether a storage is the same on every node; mu held.
func (n *Node) shared(storage string) bool {
	return slices.ContainsFunc(n.st.Storages, func(s Storage) bool { return s.ID == storage && s.Shared })
}

// at is the name of the node that a guest lives on.
func (c *container) at() string {
	if c.Node == "" {
		return Name
	}
	return c.Node
}

// home is the node that a guest lives on.
func (n *Node) home(c *container) *Node {
	if p := n.Peer(c.at()); p != nil {
		return p
	}
	return n
}

// HomeOf is the node that has a guest of this id, nil for none.
func (n *Node) HomeOf(vmid int) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.st.Containers[vmid]; c != nil {
		return n.home(c)
	}
	return nil
}

// own is a guest of this node, nil if there is none of that id; mu held.
func (n *Node) own(vmid int) *container {
	if c := n.st.Containers[vmid]; c != nil && c.at() == n.name {
		return c
	}
	return nil
}

// put makes a guest one of this node; mu held.
func (n *Node) put(c *container) {
	c.Node = n.mark()
	n.st.Containers[c.VMID] = c
	n.homes.set(c.VMID, n.name)
}

// drop forgets a guest; mu held.
func (n *Node) drop(vmid int) {
	delete(n.st.Containers, vmid)
	delete(n.st.Firewalls, vmid)
	n.homes.set(vmid, "")
}

// pid is the process id of a guest's init on this node, 0 if it does not run here.
func (n *Node) pid(vmid int) int {
	if at := n.homes.get(vmid); at != "" && at != n.name {
		return 0
	}
	return n.drv.Pid(vmid)
}

// homes say which node each guest lives on, for those who do not hold the cluster's lock.
type homes struct {
	mu sync.RWMutex
	m  map[int]string
}

func (h *homes) set(vmid int, node string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil {
		h.m = map[int]string{}
	}
	if h.m[vmid] = node; node == "" {
		delete(h.m, vmid)
	}
}

func (h *homes) get(vmid int) string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.m[vmid]
}

// shuffled are the nodes in the order in which Perl's hash has them: any, and not that of
// their names.
func (n *Node) shuffled() []*Node {
	order := func(p *Node) uint32 {
		h := fnv.New32a()
		h.Write([]byte(p.name))
		return h.Sum32()
	}
	all := slices.Clone(n.nodes)
	slices.SortFunc(all, func(a, b *Node) int { return int(int64(order(a)) - int64(order(b))) })
	return all
}

// Up reports whether the node is on.
func (n *Node) Up() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.off
}

// life ends with the node: at Close, and when its power is cut.
func (n *Node) life() context.Context {
	n.fuse.Lock()
	defer n.fuse.Unlock()
	return n.alive
}

func (n *Node) born() {
	n.fuse.Lock()
	defer n.fuse.Unlock()
	n.alive, n.die = context.WithCancel(n.ctx)
}

// PowerOff cuts a node's power: its guests stop, its tasks die with their locks left behind,
// and other nodes see it as offline. It returns when nothing runs there any more.
func (n *Node) PowerOff() {
	n.mu.Lock()
	if n.off || n.closed {
		n.mu.Unlock()
		return
	}
	n.sent, n.sentAt = n.report(), n.opt.Now()
	n.off = true
	ran := []int{}
	for _, c := range n.sorted() {
		if c.at() != n.name {
			continue
		}
		if c.Running = n.pid(c.VMID) != 0; c.Running {
			ran = append(ran, c.VMID)
		}
	}
	_ = n.save()
	n.mu.Unlock()
	n.fuse.Lock()
	n.die()
	n.fuse.Unlock()
	if n.opt.Gone != nil {
		n.opt.Gone(n.name)
	}
	for _, vmid := range ran {
		_ = n.drv.Stop(n.ctx, vmid)
	}
	n.workers.Wait()
	for _, vmid := range n.IDs() { // a start may have been under way
		_ = n.drv.Stop(n.ctx, vmid)
	}
}

// PowerOn boots a node that was off, with the guests that ran.
func (n *Node) PowerOn(ctx context.Context) {
	n.mu.Lock()
	if !n.off || n.closed {
		n.mu.Unlock()
		return
	}
	n.off, n.boot, n.sent = false, time.Now(), nil
	n.mu.Unlock()
	n.born()
	n.startAll(ctx)
}

// watchPower lets nodes go down and come back as the fault node-down says: NAME, or
// NAME@FILE, which becomes NAME once a guest has the file.
func (n *Node) watchPower() {
	for _, v := range n.faults.Values(driver.FaultNodeDown) {
		if name, file := cutFile(v); file != "" && len(n.having(file)) > 0 {
			n.faults.Clear(driver.FaultNodeDown + "=" + v)
			n.faults.Add(driver.Fault{Name: driver.FaultNodeDown, Value: name})
		}
	}
	for _, p := range n.nodes[1:] {
		switch down := n.faulty(p); {
		case down && p.Up():
			p.PowerOff()
		case !down && !p.Up() && p.byFault:
			p.PowerOn(n.ctx)
		case down:
			p.recover()
		}
	}
}

func (n *Node) faulty(p *Node) bool {
	down := n.downAsked(p.name)
	p.byFault = p.byFault || down
	return down
}

func (n *Node) downAsked(name string) bool {
	_, down := n.faults.HasIf(driver.FaultNodeDown, func(v string) bool { return v == name })
	return down
}
