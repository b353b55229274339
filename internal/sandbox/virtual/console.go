package virtual

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// Console opens a terminal of a guest, if its config has one.
func (d *Driver) Console(vmid int, mode string) (driver.Terminal, error) {
	g, err := d.guest(vmid)
	if err != nil {
		return nil, err
	}
	switch {
	case mode == "shell":
		return attach(g)
	case mode == "console" && g.cfg.NoConsole, mode != "console" && g.cfg.TTYs == 0:
		return nil, driver.ErrNoTerminal
	case mode == "console":
		// LXC itself reads the console while nobody looks. Output on its way then has to
		// pass one more pty.
		t := g.m.Terminal("console")
		t.Discard()
		x := newTerminal(t, func() {})
		x.end, x.fixed = "\r\r\n", true
		return x, nil
	}
	return newTerminal(g.m.Terminal("tty1"), func() {}), nil
}

// attach is lxc-attach --clear-env: root's shell on a pty of its own, in /, with
// next to nothing in its environment.
func attach(g *guest) (driver.Terminal, error) {
	t := g.m.NewPts()
	shell := "/bin/sh"
	if u, ok := g.sys.User("root"); ok && u.Shell != "" {
		shell = u.Shell
	}
	p, err := g.m.Spawn(kernel.Exec{Argv: []string{shell}, Env: withEnv([]string{"container=lxc", "TERM=linux", "PATH=" + kernel.DefaultPath}, g.cfg), Unit: "session-1.scope", TTY: t})
	if err != nil {
		g.m.DropPts(t)
		return nil, err
	}
	go func() {
		<-p.Done()
		g.m.DropPts(t)
	}()
	return newTerminal(t, func() {
		p.HangUpSession()
		p.Signal(1)
	}), nil
}

// Attach runs a process on a pty of the guest.
func (d *Driver) Attach(vmid int, e driver.Exec) (driver.Attached, error) {
	g, err := d.guest(vmid)
	if err != nil {
		return nil, err
	}
	t := g.m.NewPts()
	p, err := g.m.Spawn(kernel.Exec{Argv: e.Argv, Env: withEnv(e.Env, g.cfg), Cwd: e.Cwd, Unit: "session-1.scope", TTY: t})
	if err != nil {
		g.m.DropPts(t)
		return nil, err
	}
	go func() {
		<-p.Done()
		g.m.DropPts(t)
	}()
	x := newTerminal(t, func() {
		p.HangUpSession()
		p.Signal(1)
	})
	x.end = "\n"
	return attachedTerminal{x, p}, nil
}

type attachedTerminal struct {
	*terminal
	p *kernel.Proc
}

func (a attachedTerminal) Wait() (int, error) {
	<-a.p.Done()
	return a.p.Status(), nil
}

// terminal is the program on the node that passes a guest's terminal through,
// on a pty that turns \n into \r\n once more.
type terminal struct {
	t      *tty.TTY
	ctx    context.Context
	cancel context.CancelFunc
	hangup func()
	end    string // takes the place of \n
	fixed  bool   // the window's size does not get through
	once   sync.Once
	held   []byte // translated, not yet read
}

func newTerminal(t *tty.TTY, hangup func()) *terminal {
	x := &terminal{t: t, hangup: hangup, end: "\r\n"}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	return x
}

func (x *terminal) Read(b []byte) (int, error) {
	if len(x.held) == 0 {
		buf := make([]byte, len(b))
		n, err := x.t.Show(x.ctx, buf)
		if err != nil {
			return 0, io.EOF
		}
		x.held = bytes.ReplaceAll(buf[:n], []byte("\n"), []byte(x.end))
	}
	n := copy(b, x.held)
	x.held = x.held[n:]
	return n, nil
}

func (x *terminal) Write(b []byte) (int, error) { return x.t.Type(x.ctx, b) }

func (x *terminal) Resize(cols, rows int) error {
	if !x.fixed {
		x.t.SetSize(cols, rows)
	}
	return nil
}

func (x *terminal) Close() error {
	x.once.Do(func() {
		x.cancel()
		x.hangup()
	})
	return nil
}

// consoleFaults carries out the faults of a guest's login before it boots, and
// returns the terminals that are to have one.
func (d *Driver) consoleFaults(f *fsys.FS, c driver.Config) ([]string, error) {
	v := &fsys.View{FS: f, Cwd: "/"}
	if _, ok := d.o.Faults.Take(driver.FaultConsolePassword); ok {
		if err := setShadow(v, 1, image.Crypt(c.Hostname+" "+strconv.Itoa(c.VMID))); err != nil {
			return nil, err
		}
	}
	if _, ok := d.o.Faults.Take(driver.FaultConsoleExpired); ok {
		if err := setShadow(v, 2, "0"); err != nil {
			return nil, err
		}
	}
	if _, ok := d.o.Faults.Take(driver.FaultConsoleNoGetty); ok {
		return nil, nil
	}
	var lines []string
	if c.TTYs > 0 {
		lines = append(lines, "tty1")
	}
	if !c.NoConsole {
		lines = append(lines, "console")
	}
	return lines, nil
}

// setShadow changes one field of root's line.
func setShadow(v *fsys.View, field int, value string) error {
	b, err := v.ReadFile("/etc/shadow")
	if err != nil {
		return err
	}
	return v.WriteFile("/etc/shadow", driver.SetShadow(b, field, value), 0o640)
}
