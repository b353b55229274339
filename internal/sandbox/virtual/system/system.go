// Package system is what runs a simulated guest beyond its kernel: init with
// its units, the package manager with a small catalogue, the network tools and
// the daemons that packages bring. It knows nothing of Proxmox.
package system

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

type proc = kernel.Proc

// Options say how a guest boots.
type Options struct {
	OS       image.OS
	Delay    time.Duration // from starting to running
	Addr     netip.Prefix  // its address, which shows in the middle of that
	NoSSHD   bool          // sshd never listens
	SSHDelay time.Duration // sshd listens that long after boot
	SSHBusy  func() bool   // reports whether sshd refuses this connection for a while; nil: it accepts all

	Gettys    []string      // terminals with a login: tty1, console
	FailDelay time.Duration // after a wrong password
}

// System is the running init of one machine.
type System struct {
	m    *kernel.Machine
	o    Options
	init *proc

	mu      sync.Mutex
	units   map[string]*unit
	state   string // starting, running, degraded, stopping
	journal []entry
	changed chan struct{}
	count   int // of socket connections

	lastLogin map[string]string // by user

	once   sync.Once
	ended  chan struct{}
	reboot atomic.Bool
	links  links
}

type systemKey struct{}

// of is the init of the machine a process runs on; nil where there is none.
func of(p *proc) *System {
	s, _ := p.M.Value(systemKey{}, func() any { return (*System)(nil) }).(*System)
	return s
}

// Boot starts init and returns; services come up in the background.
func Boot(m *kernel.Machine, o Options) (*System, error) {
	s := &System{m: m, o: o, units: map[string]*unit{}, state: "starting", changed: make(chan struct{}), ended: make(chan struct{}), lastLogin: map[string]string{}}
	m.Value(systemKey{}, func() any { return s })
	name := "systemd"
	if !o.OS.Systemd() {
		name = "init"
	}
	started := make(chan *proc, 1)
	_, err := m.Spawn(kernel.Exec{Argv: []string{"/sbin/init"}, Unit: "init.scope", Env: []string{"PATH=" + kernel.DefaultPath}, Body: func(p *proc) int {
		p.SetComm(name)
		p.Handle(func(sig int) bool {
			if sig == 15 || sig == 37 || sig == 2 {
				go s.powerOff(sig == 2) // SIGINT, as from Ctrl-Alt-Del
			}
			return true
		})
		started <- p
		<-p.Context().Done()
		return 0
	}})
	if err != nil {
		return nil, err
	}
	s.init = <-started
	s.cleanRun()
	if o.OS.Systemd() {
		go s.bootSystemd()
	} else {
		go s.bootOpenRC()
	}
	return s, nil
}

// cleanRun empties /run and /tmp, which do not outlive a boot: the one is in
// memory, the other is emptied by Debian's tmpfiles and Alpine's bootmisc.
func (s *System) cleanRun() {
	v := s.init.View()
	for _, dir := range []string{"/run", "/tmp"} {
		list, _ := v.ReadDir(dir)
		for _, i := range list {
			_ = v.RemoveAll(dir + "/" + i.Name())
		}
	}
	dirs := []string{"/run/lock", "/run/systemd/system", "/run/sshd"}
	if !s.o.OS.Systemd() {
		dirs = []string{"/run/lock", "/run/openrc/started"}
		defer s.note("/run/openrc/softlevel", "sysinit\n")
	}
	e := edits{v: v}
	for _, d := range dirs {
		e.mkdir(d)
	}
	if e.err != nil {
		s.m.Logf("cannot prepare /run: %v", e.err)
	}
}

// note writes a small file of init's own; a full disk does not stop a boot.
func (s *System) note(name, text string) {
	if err := s.init.View().WriteFile(name, []byte(text), 0o644); err != nil {
		s.m.Logf("cannot write %s: %v", name, err)
	}
}

func (s *System) nap(d time.Duration) bool { return s.init.Sleep(d) }

func (s *System) bootSystemd() {
	if !s.nap(s.o.Delay / 2) {
		return
	}
	s.m.SetAddress(s.o.Addr.Addr())
	var wg sync.WaitGroup
	for _, u := range s.wants("sysinit.target") { // which all others come after
		wg.Go(func() { _ = s.start(u) }) // the unit and the journal keep why
	}
	wg.Wait()
	for _, target := range []string{"sockets.target", "multi-user.target", "default.target", "basic.target"} {
		for _, u := range s.wants(target) {
			wg.Go(func() { _ = s.start(u) })
		}
	}
	wg.Go(func() { s.nap(s.o.Delay - s.o.Delay/2) })
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == "starting" {
		s.state = "running"
		for _, u := range s.units {
			if u.active == "failed" {
				s.state = "degraded"
			}
		}
	}
	close(s.changed)
	s.gettys()
}

// User finds a user of the guest.
func (s *System) User(name string) (kernel.User, bool) { return s.init.LookupUser(name) }

// Ended is closed when the guest powered itself off.
func (s *System) Ended() <-chan struct{} { return s.ended }

// Rebooting reports, once it has ended, whether the guest is to start again.
func (s *System) Rebooting() bool { return s.reboot.Load() }

func (s *System) powerOff(reboot bool) {
	s.reboot.Store(reboot)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = s.Shutdown(ctx) // processes that have not stopped by then are killed
	s.once.Do(func() { close(s.ended) })
}

// Shutdown stops every service.
func (s *System) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.state = "stopping"
	var names []string
	for n, u := range s.units {
		if u.active == "active" {
			names = append(names, n)
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		var wg sync.WaitGroup
		for _, n := range names {
			wg.Go(func() { _ = s.stop(n) })
		}
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Commands are the programs of this package by name.
func Commands() map[string]kernel.Command {
	all := map[string]kernel.Command{}
	for _, m := range []map[string]kernel.Command{systemdCommands(), networkCommands(), packageCommands(), AccountCommands(), daemonCommands(), openrcCommands(), dockerCommands()} {
		maps.Copy(all, m)
	}
	return all
}
