// Package node is the simulated Proxmox VE node: the one place where
// containers, their configs, tasks, locks, storages, users, tokens and ACLs
// live. Its two faces are the HTTPS API (package api) and the pct command
// (package pct). It knows no HTTP and imports nothing of the client: the two
// must not share a mistake.
//
// Operations take who asks (Auth) and parameters as Proxmox's own strings, and
// fail with *Error in Proxmox's own words. Those that fork a worker return its
// UPID at once. Checks of parameter syntax (package schema) come before them.
package node

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Params are parameters as they come: every value a string, booleans 0 or 1.
type Params map[string]string

// Options describe a node. Only Dir and Driver are needed.
type Options struct {
	Dir     string // state, made 0700 when missing
	Driver  driver.Driver
	Faults  *driver.Faults
	Profile Profile // zero: V92

	Subnet    netip.Prefix // for leases; invalid: a random 127.x.y.0/24, kept in Dir
	Gateway   netip.Addr   // invalid: the first address of Subnet
	Storages  []Storage    // nil: local, and local-lvm which alone takes rootdir
	Templates []Template   // those on local when Dir is new; nil: DefaultTemplates
	Bridges   []string     // nil: vmbr0

	// Fetch gets an OS template for a download task and says where it lies now.
	// nil: a placeholder appears, which is enough for virtual guests.
	Fetch func(ctx context.Context, template string, log func(string)) (path string, size int64, err error)

	CutLinks  func()                  // ends the node's own SSH connections, for link-cut
	Gone      func(node string)       // ends the SSH connections of a node that goes off
	PowerLoss func(off time.Duration) // begins the node's power failure, for node-reboot; must not wait for it

	LockTimeout  time.Duration // 0: 10 s, as lock_config waits
	Broadcast    time.Duration // pvestatd's interval: how old /cluster/resources may be, and when a node is first online; 0: 10 s, <0: never old
	HAPause      time.Duration // the time until the HA manager acts; 0: 3 s, real ones work in rounds of 10 s
	ConsoleWait  time.Duration // how long termproxy waits for its client; 0: 10 s
	AddressDelay time.Duration // from a start to the address in /interfaces; 0: 50 ms, <0: none; 1.4 to 2.4 s on a real node
	Now          func() time.Time
	Nodes        int // of the cluster; 0 or 1: none. each other node has what the first had, and a shared storage
}

// Node is an open node of a cluster, or the only one. All methods are safe for concurrent use.
type Node struct {
	*cluster
	name    string
	workers sync.WaitGroup
	disk    chan struct{} // held by the create that writes
	byFault bool          // a fault has switched it off; of the watcher alone

	fuse  sync.Mutex // guards alive and die
	alive context.Context
	die   context.CancelFunc

	// guarded by the cluster's mu
	off    bool
	boot   time.Time              // by the true clock
	sent   map[int]map[string]any // its guests as /cluster/resources shows them
	sentAt time.Time
}

// Open takes over the state in Dir and returns the first node: tasks that ran when the last
// owner died end with "unexpected status", locks that they held stay in the configs,
// and guests that were running are started again before Open returns.
func Open(ctx context.Context, o Options) (*Node, error) {
	o.defaults()
	if err := os.MkdirAll(filepath.Join(o.Dir, "tasks"), 0o700); err != nil {
		return nil, err
	}
	c := &cluster{opt: o, drv: o.Driver, faults: o.Faults, prof: o.Profile, roles: o.Profile.builtinRoles(), tasks: map[string]*task{}, lastPID: 25800}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for i := range max(1, o.Nodes) {
		p := &Node{cluster: c, name: NodeName(i), boot: time.Now(), disk: make(chan struct{}, 1)}
		c.nodes = append(c.nodes, p)
		p.born()
		p.off = i > 0 && p.faulty(p)
		if o.Nodes > 1 { // a cluster has been up for a while: its nodes have reported
			p.boot = p.boot.Add(-max(0, o.Broadcast))
		}
	}
	n := c.nodes[0]
	if err := n.load(); err != nil {
		return nil, err
	}
	if err := n.loadTasks(); err != nil {
		return nil, err
	}
	var booting sync.WaitGroup
	for _, p := range c.nodes {
		if !p.off {
			booting.Go(func() { p.startAll(ctx) })
		}
	}
	booting.Wait()
	if n.faults != nil {
		n.watchers.Go(n.moments)
	}
	return n, nil
}

func (o *Options) defaults() {
	if o.Now == nil {
		o.Now = o.Faults.Now
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 10 * time.Second
	}
	if o.Broadcast == 0 {
		o.Broadcast = 10 * time.Second
	}
	if o.HAPause == 0 {
		o.HAPause = 3 * time.Second
	}
	if o.ConsoleWait == 0 {
		o.ConsoleWait = 10 * time.Second
	}
	if o.AddressDelay == 0 {
		o.AddressDelay = 50 * time.Millisecond
	}
	if o.Profile.Version == "" {
		o.Profile = V92()
	}
	if o.Storages == nil {
		o.Storages = DefaultStorages()
	}
	if o.Templates == nil {
		o.Templates = DefaultTemplates()
	}
	if o.Bridges == nil {
		o.Bridges = []string{"vmbr0"}
	}
}

// Close ends this owner, with every node: running tasks are killed, guests stop and are started
// again by the next owner. The driver is closed too.
func (n *Node) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	for _, c := range n.st.Containers {
		if !n.home(c).off {
			c.Running = n.drv.Pid(c.VMID) != 0
		}
	}
	err := n.save()
	n.mu.Unlock()
	n.cancel()
	n.shows.close()
	n.watchers.Wait()
	for _, p := range n.nodes {
		p.workers.Wait()
	}
	return errors.Join(err, n.drv.Close())
}

// Driver returns the driver, which runs the guests.
func (n *Node) Driver() driver.Driver { return n.drv }

// Faults are those the node was opened with; nil for none.
func (n *Node) Faults() *driver.Faults { return n.faults }

// Subnet is where leases come from.
func (n *Node) Subnet() netip.Prefix { return n.st.Subnet }

// Gateway is the bridge's own address.
func (n *Node) Gateway() netip.Addr {
	if n.opt.Gateway.IsValid() {
		return n.opt.Gateway
	}
	return n.st.Subnet.Masked().Addr().Next()
}

// find needs mu held.
func (n *Node) find(vmid int) (*container, error) {
	if c := n.own(vmid); c != nil {
		n.lockFault(c)
		return c, nil
	}
	return nil, fail("Configuration file 'nodes/%s/lxc/%d.conf' does not exist", n.name, vmid)
}

// Exists fails as Proxmox does for an id that has no config.
func (n *Node) Exists(vmid int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := n.find(vmid)
	return err
}

// Running reports whether the guest's init runs.
func (n *Node) Running(vmid int) bool {
	if n.Exists(vmid) != nil {
		return false
	}
	return n.pid(vmid) != 0
}

// vmid reads the id out of parameters that were checked before.
func (p Params) vmid() int {
	id, _ := strconv.Atoi(p["vmid"])
	return id
}

func (p Params) bool(key string) bool { return p[key] == "1" }
