package system

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// AppOptions describe the first process of a container without an init.
type AppOptions struct {
	Argv     []string
	Env      []string // besides what LXC sets
	Cwd      string
	UID, GID int
	Groups   []int
	Halt     string   // the signal that asks it to stop
	TTY      *tty.TTY // the console
}

// App is an application as a container's first process. When it ends, the container ends.
type App struct {
	p    *proc
	halt int
}

// StartApp starts the application.
func StartApp(m *kernel.Machine, o AppOptions) (*App, error) {
	halt, ok := kernel.SignalNumber(o.Halt)
	if !ok {
		halt = 15
	}
	env := append([]string{"container=lxc", "TERM=linux"}, o.Env...)
	o.TTY.SetLossy()
	p, err := m.Spawn(kernel.Exec{Argv: o.Argv, Env: env, Cwd: o.Cwd, TTY: o.TTY, Init: true, Body: func(p *proc) int {
		p.SetUser(kernel.User{UID: o.UID, GID: o.GID, Groups: o.Groups})
		return p.Exec(o.Argv)
	}})
	if err != nil {
		return nil, err
	}
	return &App{p: p, halt: halt}, nil
}

// Lives waits until the application serves or d has gone by, and reports whether it has not
// ended by then.
func (a *App) Lives(d time.Duration) bool {
	select {
	case <-a.p.Done():
		return false
	case <-a.p.Ready():
		return true
	case <-time.After(d):
		return true
	}
}

// Shutdown sends the application its signal and waits for its end.
func (a *App) Shutdown(ctx context.Context) error {
	a.p.Signal(a.halt)
	select {
	case <-a.p.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ended is closed when the application has ended.
func (a *App) Ended() <-chan struct{} { return a.p.Done() }

// Rebooting is false: a container without an init does not start again by itself.
func (a *App) Rebooting() bool { return false }

// User finds a user of the guest.
func (a *App) User(name string) (kernel.User, bool) { return a.p.LookupUser(name) }

// CutLinks has no SSH connections to cut.
func (a *App) CutLinks() {}
