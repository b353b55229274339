// Package virtual runs simulated guests: a folder as root file system and a
// machine in Go on it, everywhere and without any privilege. Nothing of the
// host is run, and nothing outside <Dir>/guests/<vmid>/rootfs can be reached
// from inside. It knows nothing of Proxmox's API or of pct.
package virtual

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/coreutils"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/system"
)

// CommandFunc is a program of a simulated machine: args[0] is its name, the
// result its exit status. Streams, environment and folder are the Proc's.
type CommandFunc = kernel.Command

// Proc is a simulated process.
type Proc = kernel.Proc

// Machine is a simulated computer.
type Machine = kernel.Machine

// Exec is a process to start on a Machine with Run.
type Exec = kernel.Exec

// Options make a Driver.
type Options struct {
	Dir       string         // guests live in <Dir>/guests/<vmid>
	Subnet    netip.Prefix   // the sandbox's own 127/8 net; what a guest's gateway is when its config has none
	Faults    *driver.Faults // nil: none
	BootDelay time.Duration  // from starting to running; 0: 100 ms, negative: none
	DiskBytes int64          // quota of one guest; 0: as configured, else 2 GiB
	FailDelay time.Duration  // what a wrong password at the console costs; about 2.5 s on a real guest
	NoListen  bool           // never listen on the host's loopback, only in the simulated network
	Logf      func(format string, a ...any)
}

// Driver runs virtual guests. It implements driver.Driver.
type Driver struct {
	o   Options
	net *kernel.Net

	mu     sync.Mutex
	guests map[int]*guest
	gone   map[string]bool // unknown programs of guests that no longer run
	closed bool
}

var _ driver.Driver = (*Driver)(nil)

// New makes a driver. Guests that were created under Dir before are there
// again, stopped.
func New(o Options) (*Driver, error) {
	if o.Dir == "" {
		return nil, fmt.Errorf("cannot make virtual guests without a folder")
	}
	if o.BootDelay == 0 {
		o.BootDelay = 100 * time.Millisecond
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "guests"), 0o700); err != nil {
		return nil, err
	}
	return &Driver{o: o, net: kernel.NewNet(), guests: map[int]*guest{}, gone: map[string]bool{}}, nil
}

// Name is virtual.
func (d *Driver) Name() string { return "virtual" }

// Unknown are the programs that any guest asked for and the simulation does not
// have, sorted.
func (d *Driver) Unknown() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]bool{}
	for s := range d.gone {
		all[s] = true
	}
	for _, g := range d.guests {
		for _, s := range g.m.Unknown() {
			all[s] = true
		}
	}
	out := make([]string, 0, len(all))
	for s := range all {
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}

func (d *Driver) dir(vmid int) string {
	return filepath.Join(d.o.Dir, "guests", strconv.Itoa(vmid))
}

// pool is the file that the programs of all guests are links to.
func (d *Driver) pool() string { return filepath.Join(d.o.Dir, "program") }

// commands are all programs there are.
func commands() map[string]kernel.Command {
	all := coreutils.Commands()
	for k, v := range system.Commands() {
		all[k] = v
	}
	return all
}

// Programs are the programs of a virtual guest in alphabetical order.
func Programs() []string {
	return slices.Sorted(slices.Values(slices.AppendSeq(slices.Clone(kernel.Shells), maps.Keys(commands()))))
}

// Packages are the packages that a virtual guest can install. Those in hollow bring at
// least one program that a virtual guest refuses to run.
func Packages() (whole, hollow []string) {
	have := Programs()
	for name, programs := range system.Packages() {
		if slices.ContainsFunc(programs, func(program string) bool { return !slices.Contains(have, program) }) {
			hollow = append(hollow, name)
		} else {
			whole = append(whole, name)
		}
	}
	slices.Sort(whole)
	slices.Sort(hollow)
	return whole, hollow
}

// NewMachine makes a machine on the folder root, laid out as a Debian system at
// the first use, with more programs than the usual ones: the shell of a
// simulated node with pct. Its processes are started with Run; Halt ends it.
// The side table of owners lies beside the folder, in <root>.owners.
func NewMachine(root string, extra map[string]CommandFunc) (*Machine, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	f, err := fsys.Open(root, root+".owners", 0)
	if err != nil {
		return nil, err
	}
	cmds := commands()
	for k, v := range extra {
		cmds[k] = v
	}
	if _, err := os.Stat(filepath.Join(root, "etc", "os-release")); err != nil {
		f.SetPool(root + ".program")
		spec := image.Spec{OS: image.Parse("debian-12"), Hostname: "pve1"}
		if err := image.Layout(f, spec); err != nil {
			f.Close()
			return nil, err
		}
	}
	for k := range extra {
		if err := image.Program(f, "/usr/sbin/"+k, k); err != nil {
			f.Close()
			return nil, err
		}
	}
	// The node's own machine runs one session's shell for as long as a run takes.
	unbounded := kernel.Limits{Output: math.MaxInt64, Steps: math.MaxInt64}
	return kernel.New(kernel.Config{FS: f, Commands: cmds, Hostname: "pve1", Limits: unbounded}), nil
}
