package kernel

import (
	"context"
	"io"
	"os"
	"weak"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// Exec is a process to start from outside, as lxc-attach, sshd or pct would.
type Exec struct {
	Argv   []string
	Env    []string // the whole environment
	Cwd    string   // "": /
	User   string   // "": root
	Unit   string   // the systemd unit or session it belongs to
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	TTY    *tty.TTY        // instead of the three: a terminal, which the process then controls
	Body   func(*Proc) int // instead of a program: a process that is only Go
	// Init means that this is the first process of a container without an init: a signal that
	// it does not handle is ignored.
	Init bool
	// Theirs means that the three are pipes made by the host's root. For root in an
	// unprivileged guest, /dev/stdin, /dev/stdout and /dev/stderr are then "Permission
	// denied", although >&2 works.
	Theirs bool
}

// Run starts a process and waits for its end. If ctx ends first, Run kills the process and
// the rest of its session. Processes that left the session (setsid) go on.
func (m *Machine) Run(ctx context.Context, e Exec) (int, error) {
	p, err := m.Spawn(e)
	if err != nil {
		return 0, err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.KillSession()
		return 0, ctx.Err()
	}
	return p.status, nil
}

// Spawn starts a process. Its streams end with it: output of processes that it left behind
// is dropped.
func (m *Machine) Spawn(e Exec) (*Proc, error) {
	p, err := m.newProc(nil)
	if err != nil {
		return nil, err
	}
	p.unit = e.Unit
	p.sid, p.pgid = p.Pid, p.Pid
	p.cwd = "/"
	if e.Cwd != "" {
		if i, err := p.View().Stat(e.Cwd); err == nil && i.IsDir() {
			p.cwd = e.Cwd
		}
	}
	p.env = append([]string(nil), e.Env...)
	p.first = e.Init
	end, err := p.open(e)
	if err != nil {
		p.cancel(nil)
		return nil, err
	}
	if e.User != "" {
		if u, ok := p.LookupUser(e.User); ok {
			p.SetUser(u)
		}
	}
	if e.Body != nil {
		p.args = e.Argv
	}
	if err := m.enter(p); err != nil {
		end()
		return nil, err
	}
	background(func() {
		status := 0
		if e.Body != nil {
			p.wrapStreams()
			status = p.guard(func() int { return e.Body(p) })
		} else {
			status = p.exec(e.Argv)
		}
		end()
		m.drop(p, status)
		if err := m.FS.Flush(); err != nil {
			m.logf("cannot save owners and modes: %v", err)
		}
	})
	return p, nil
}

// open gives the process its streams; end is called when it has ended.
func (p *Proc) open(e Exec) (end func(), err error) {
	if e.TTY != nil {
		p.control(e.TTY)
		return func() {}, nil
	}
	out, errw := newSink(e.Stdout, p.M.limits.Output, p), newSink(e.Stderr, p.M.limits.Output, p)
	out.theirs, errw.theirs = e.Theirs, e.Theirs
	stdin, stop, err := feed(e.Stdin)
	if err != nil {
		return nil, err
	}
	p.Stdin, p.Stdout, p.Stderr = stdin, out, errw
	if e.Theirs {
		p.M.lent.Store(weak.Make(stdin), true)
	}
	return func() {
		p.M.lent.Delete(weak.Make(stdin))
		stop()
		out.close()
		errw.close()
	}, nil
}

// feed gives a reader as one end of a pipe: the interpreter and the programs
// share it byte by byte, as processes share a descriptor.
func feed(r io.Reader) (*os.File, func(), error) {
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if r == nil {
		pw.Close()
		return pr, func() { pr.Close() }, nil
	}
	go func() {
		_, _ = io.Copy(pw, r) // whoever reads sees the end
		pw.Close()
	}()
	return pr, func() { pr.Close() }, nil
}
