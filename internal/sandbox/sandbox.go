// Package sandbox is a pretend Proxmox VE on loopback: HTTPS API, SSH node with
// pct, and guests. It keeps its containers in a folder between processes; one
// process at a time owns it and the others connect to that one. It imports
// nothing of the client: the two must not share a mistake.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// Options say which sandbox to open. Only Dir is needed; all but Dir, Driver, PVE
// and Log are heeded by the owner alone.
type Options struct {
	Dir    string // state, made 0700; no record, log or key of the tool lives there
	Driver string // virtual or lxc; "": what Dir holds, else virtual
	PVE    string // version of Proxmox VE, one of Versions; "": what Dir holds, else the first of them
	LXCDir string // where lxc guests live; "": /var/lib/infrahaus-sandbox
	// Subnet is where virtual guests get their addresses from; invalid: what Dir holds, else
	// a /24 of 127/8. Addresses outside of 127/8 exist in the simulation alone: such guests
	// are reached through the node and the console, and the machine's settings stay as they are.
	Subnet    netip.Prefix
	Nodes     int           // of the cluster; 0: what Dir holds, else one node without a cluster
	Throwaway bool          // guests need not survive a crash of the machine, and are quicker
	PctDelay  time.Duration // what starting pct costs; 950 ms on a real node
	AuthDelay time.Duration // what a failed login costs; 3 s on a real node
	// AddressDelay is the time from a start to the address in /interfaces; 0: hardly any, 1.4
	// to 2.4 s on a real node. Real guests take their time themselves.
	AddressDelay time.Duration
	Console      Console  // what a console costs
	Faults       []string // NAME[=VALUE][:COUNT], see driver.FaultList
	// FaultsFrom is a file or fifo that further faults are read from while the
	// sandbox is open, one a line; "-NAME" takes one back, "-" all. Log gets "fault
	// LINE" once a line holds. "": none.
	FaultsFrom string
	Log        func(string) // what takes long, and what the simulation could not do; nil: nothing is said
}

// Console is what a container's console costs, nothing by default: tests go at
// full speed. Figures of a real node are in RealConsole.
type Console struct {
	Delay time.Duration // from the request to the terminal
	In    int           // bytes a second that can be typed; 0: no limit
	Out   int           // bytes a second that are shown; 0: no limit
	Fail  time.Duration // after a wrong password; virtual guests only
}

// RealConsole is the console as measured on genuine Proxmox VE 8.4.
var RealConsole = Console{Delay: 470 * time.Millisecond, In: 300_000, Out: 8_000_000, Fail: 2500 * time.Millisecond}

// Endpoint is what a client needs to know.
type Endpoint struct {
	URL           string            `json:"url"`         // https://127.0.0.1:PORT, without /api2/json
	Fingerprint   string            `json:"fingerprint"` // AA:BB:…, SHA-256 of the certificate
	Token         string            `json:"token"`       // user@realm!name=secret
	User          string            `json:"user"`
	Password      string            `json:"password"`
	Node          string            `json:"node"`          // the first
	Nodes         []string          `json:"nodes"`         // all
	SSHNode       string            `json:"sshNode"`       // root@127.0.0.1:PORT, of the first node
	SSHNodes      map[string]string `json:"sshNodes"`      // the same of each, by its name
	SSHIdentity   string            `json:"sshIdentity"`   // a private key's path
	SSHKnownHosts string            `json:"sshKnownHosts"` // a path
	Driver        string            `json:"driver"`
	PVE           string            `json:"pve"` // version of Proxmox VE
}

// Sandbox is an open sandbox, owned or connected to. Close it.
type Sandbox struct {
	dir      string
	ctx      context.Context // as given to Open: its end tells Close not to wait
	log      func(string)
	endpoint Endpoint
	users    *flock.Flock // shared by those that are connected
	owned    *owned       // nil when another process is the owner
	once     sync.Once
	err      error
}

// Open takes the sandbox over if nobody has it, and else connects to the process
// that does. It may be called by any number of processes at once; it waits,
// until ctx ends, while another one is starting or stopping. Taking over is a
// node's boot: guests that ran under the last owner are started again.
func Open(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Driver != "" && o.Driver != "virtual" && o.Driver != "lxc" {
		return nil, fmt.Errorf("cannot open the sandbox: its driver is virtual or lxc, not %q", o.Driver)
	}
	if o.Nodes < 0 || o.Nodes > maxNodes {
		return nil, fmt.Errorf("cannot open the sandbox: it has 1 to %d nodes, not %d", maxNodes, o.Nodes)
	}
	faults, err := parseFaults(o.Faults)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the sandbox's folder: %w", err)
	}
	o.Dir = dir
	s := &Sandbox{dir: dir, ctx: ctx, log: o.Log, users: flock.New(filepath.Join(dir, "users.lock"), flock.SetPermissions(0o600))}
	if err := s.open(ctx, o, faults); err != nil {
		return nil, errors.Join(err, s.users.Close())
	}
	return s, nil
}

// maxNodes is about as many nodes as a cluster of Proxmox has in practice.
const maxNodes = 32

func parseFaults(texts []string) (*driver.Faults, error) {
	f := driver.NewFaults()
	for _, t := range texts {
		x, err := driver.ParseFault(t)
		if err != nil {
			return nil, err
		}
		f.Add(x)
	}
	return f, nil
}

// open tries both ways in until one is there.
func (s *Sandbox) open(ctx context.Context, o Options, faults *driver.Faults) error {
	lock := flock.New(filepath.Join(s.dir, "lock"), flock.SetPermissions(0o600))
	for {
		mine, err := lock.TryLock()
		if err != nil {
			return fmt.Errorf("cannot lock the sandbox: %w", err)
		}
		if mine {
			if s.owned, err = own(ctx, o, faults, lock); err != nil {
				return errors.Join(err, lock.Close())
			}
			s.owned.mu.Lock()
			s.endpoint = s.owned.endpoint // no reboot changes it
			s.owned.mu.Unlock()
			return nil
		}
		if there, err := s.connect(ctx, o); there || err != nil {
			return errors.Join(err, lock.Close())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot open the sandbox: another process holds it and does not answer: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Endpoint is how to reach the sandbox.
func (s *Sandbox) Endpoint() Endpoint { return s.endpoint }

// Owner reports whether the sandbox lives in this process.
func (s *Sandbox) Owner() bool { return s.owned != nil }

// Node is the simulated node, nil unless this process is the owner.
func (s *Sandbox) Node() *node.Node {
	if s.owned == nil {
		return nil
	}
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	return s.owned.node
}

// Faults are those that can still happen, nil unless this process is the owner.
// More can be added while the sandbox runs.
func (s *Sandbox) Faults() *driver.Faults {
	if s.owned == nil {
		return nil
	}
	return s.owned.faults
}

// Close ends the connection or, in the owner, the sandbox: a node's shutdown.
// An owner first waits for the processes that are connected, until the context
// that Open was given ends; new ones are not let in meanwhile, and one of them
// becomes the next owner.
func (s *Sandbox) Close() error {
	s.once.Do(func() {
		if s.owned == nil {
			s.err = s.users.Close()
			return
		}
		s.err = errors.Join(os.Remove(endpointFile(s.dir)), s.drain(), s.owned.close(), s.users.Close())
	})
	return s.err
}

// drain waits until no other process is connected.
func (s *Sandbox) drain() error {
	alone, err := s.users.TryLock()
	if alone || err != nil || s.ctx.Err() != nil {
		return err
	}
	s.log("waiting for other processes that use this sandbox")
	_, err = s.users.TryLockContext(s.ctx, 50*time.Millisecond)
	if s.ctx.Err() != nil {
		return nil //nolint:nilerr // told not to wait any longer
	}
	return err
}
