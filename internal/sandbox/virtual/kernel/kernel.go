// Package kernel is the simulated machine that a virtual guest runs on: its
// process table, signals, users, sockets and the shell, which interprets
// scripts with mvdan.cc/sh and never starts a program of the host. Programs are
// Go functions (Command). The package knows nothing of systemd, packages or
// Proxmox.
package kernel

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// Command is the main function of a program. args[0] is its name; the result is its exit
// status, 0..255.
type Command func(p *Proc, args []string) int

// Limits bound what one machine may use; zero values take the defaults.
type Limits struct {
	Procs  int   // processes at once; 1024
	Output int64 // bytes that one Exec may print; 256 MiB
	Steps  int64 // commands that one shell may run; 20 million
}

// Config makes a machine.
type Config struct {
	FS       *fsys.FS
	Commands map[string]Command
	Hostname string
	Addr     netip.Addr // the machine's own address, invalid: loopback only
	Net      *Net       // the network it is on; nil: one of its own
	Limits   Limits
	CPUs     int              // 0: 1
	Memory   int64            // bytes of RAM; 0: 512 MiB
	Swap     int64            // bytes
	Listen   bool             // also listen on the host where it permits that
	Now      func() time.Time // the machine's clock; nil: the host's
	Logf     func(format string, a ...any)
}

// Machine is one simulated computer. It is safe for concurrent use.
type Machine struct {
	FS       *fsys.FS
	commands map[string]Command
	limits   Limits
	net      *Net
	listen   bool
	logf     func(string, ...any)
	bootID   string
	cpus     int
	memory   int64
	swap     int64
	booted   time.Time
	now      func() time.Time

	mu       sync.Mutex
	hostname string
	addr     netip.Addr
	procs    map[int]*Proc
	lastPid  int
	unknown  map[string]bool
	halted   bool
	files    fsys.Hook   // see SetFiles
	values   map[any]any // what subsystems keep per machine
	socks    map[*Socket]bool
	ttys     map[string]*tty.TTY // by name
	lastPts  int
	stubs    sync.Map // weak.Pointer[os.File] → *tty.TTY, see stub
	lent     sync.Map // weak.Pointer[os.File] → true, see Exec.Theirs
}

// SetFiles adds simulated files to those of every machine, before its first process.
func (m *Machine) SetFiles(h fsys.Hook) { m.files = h }

// New makes a machine without any process. Boot begins with Spawn of its init.
func New(c Config) *Machine {
	if c.Limits.Procs == 0 {
		c.Limits.Procs = 1024
	}
	if c.Limits.Output == 0 {
		c.Limits.Output = 256 << 20
	}
	if c.Limits.Steps == 0 {
		c.Limits.Steps = 20_000_000
	}
	if c.CPUs == 0 {
		c.CPUs = 1
	}
	if c.Memory == 0 {
		c.Memory = 512 << 20
	}
	if c.Net == nil {
		c.Net = NewNet()
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	m := &Machine{FS: c.FS, commands: c.Commands, limits: c.Limits, net: c.Net, listen: c.Listen,
		logf: c.Logf, hostname: c.Hostname, addr: c.Addr, procs: map[int]*Proc{}, unknown: map[string]bool{},
		cpus: c.CPUs, memory: c.Memory, swap: c.Swap, values: map[any]any{}, socks: map[*Socket]bool{}, ttys: map[string]*tty.TTY{}, booted: time.Now()}
	if m.now = c.Now; m.now == nil {
		m.now = time.Now
	}
	m.bootID = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", rand.Uint32(), rand.Uint32()&0xffff,
		rand.Uint32()&0xfff, rand.Uint32()&0xfff, rand.Uint64()&0xffffffffffff)
	return m
}

// Value returns the machine's value of a key. The first call makes it.
func (m *Machine) Value(key any, make func() any) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	if !ok {
		v = make()
		m.values[key] = v
	}
	return v
}

// Logf writes to the sandbox's own log what the simulation could not do.
func (m *Machine) Logf(format string, a ...any) { m.logf(format, a...) }

// Hostname, Address, BootID and Booted describe the machine.
func (m *Machine) Hostname() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hostname
}

// SetHostname is sethostname(2).
func (m *Machine) SetHostname(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hostname = s
}

// Address is the machine's own address on its network, invalid before it has one.
func (m *Machine) Address() netip.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.addr
}

// SetAddress gives the machine its address; sockets on all addresses answer
// there from now on, and at an earlier one no more.
func (m *Machine) SetAddress(a netip.Addr) {
	m.mu.Lock()
	was := m.addr
	m.addr = a
	var again []*Socket
	for s := range m.socks {
		again = append(again, s)
	}
	m.mu.Unlock()
	if was != a {
		m.net.remove(was, m)
	}
	m.net.add(a, m)
	for _, s := range again {
		if was != a {
			s.hide()
		}
		s.expose()
	}
}

// SetHardware gives the running machine other processors, RAM and swap space, in bytes.
func (m *Machine) SetHardware(cpus int, memory, swap int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cpus, m.memory, m.swap = max(1, cpus), memory, swap
}

// CPUs is the number of processors.
func (m *Machine) CPUs() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cpus
}

// Memory returns the bytes of RAM and of used RAM. The latter is an estimate: a base and a
// little for each process.
func (m *Machine) Memory() (total, used int64) {
	procs := int64(len(m.Procs()))
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory, min(m.memory, 12<<20+procs<<21)
}

// Swap is the swap space in bytes, of which nothing is ever in use.
func (m *Machine) Swap() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.swap
}

// BootID changes with every boot.
func (m *Machine) BootID() string { return m.bootID }

// Now is the time by the machine's clock. The times of files are the host's.
func (m *Machine) Now() time.Time { return m.now() }

// SetClock gives the machine another clock. It is set before anything runs.
func (m *Machine) SetClock(now func() time.Time) { m.now = now }

// Booted is when the machine started, by the host's clock.
func (m *Machine) Booted() time.Time { return m.booted }

// HasCommand says whether a program of that name is implemented.
func (m *Machine) HasCommand(name string) bool {
	_, ok := m.commands[name]
	return ok
}

// Unknown are the programs that were asked for and that this simulation does
// not have, sorted.
func (m *Machine) Unknown() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for s := range m.unknown {
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}

func (m *Machine) noteUnknown(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unknown[name] = true
}

// Procs are the living processes by pid.
func (m *Machine) Procs() []*Proc {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*Proc
	for _, p := range m.procs {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Pid < out[j].Pid })
	return out
}

// Proc is the living process of that pid, or nil.
func (m *Machine) Proc(pid int) *Proc {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.procs[pid]
}

// Halt kills every process, closes every socket and saves the file system's
// table. The machine is of no use afterwards.
func (m *Machine) Halt() {
	m.mu.Lock()
	m.halted = true
	var procs []*Proc
	for _, p := range m.procs {
		procs = append(procs, p)
	}
	addr := m.addr
	for _, t := range m.ttys {
		t.Hangup()
	}
	m.mu.Unlock()
	for _, p := range procs {
		p.Signal(9)
	}
	for _, p := range procs {
		select {
		case <-p.done:
		case <-time.After(2 * time.Second):
			m.logf("process %d (%s) did not end", p.Pid, p.Comm())
		}
	}
	m.mu.Lock()
	var socks []*Socket
	for s := range m.socks {
		socks = append(socks, s)
	}
	m.mu.Unlock()
	for _, s := range socks {
		s.Close()
	}
	m.net.remove(addr, m)
	if err := m.FS.Flush(); err != nil {
		m.logf("cannot save owners and modes: %v", err)
	}
}

// Halted says whether the machine was stopped.
func (m *Machine) Halted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halted
}
