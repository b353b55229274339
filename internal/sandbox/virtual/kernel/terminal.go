package kernel

import (
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"weak"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// Terminal is the machine's terminal of that name below /dev: tty1, console. It
// is there from the first asking until the machine halts.
func (m *Machine) Terminal(name string) *tty.TTY {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.ttys[name]
	if t == nil {
		t = m.newTTY(name)
	}
	return t
}

// NewPts makes another pseudo-terminal: /dev/pts/N. DropPts takes it away.
func (m *Machine) NewPts() *tty.TTY {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := "pts/" + strconv.Itoa(m.lastPts)
	m.lastPts++
	return m.newTTY(name)
}

// DropPts hangs a terminal up and forgets it.
func (m *Machine) DropPts(t *tty.TTY) {
	t.Hangup()
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.ttys, t.Name())
}

func (m *Machine) newTTY(name string) *tty.TTY {
	t := tty.New(name)
	t.OnSignal(func(sig int) { m.signalTTY(t, sig) })
	m.ttys[name] = t
	return t
}

// signalTTY signals the foreground job of a terminal: every process there but
// those that an interactive shell put into the background, which have a process
// group of their own.
func (m *Machine) signalTTY(t *tty.TTY, sig int) {
	for _, p := range m.Procs() {
		if p.terminal() == t && p.PGID() == p.SID() {
			p.Signal(sig)
		}
	}
}

// HangUpSession sends SIGHUP to the terminal's foreground job, as the end of a session's
// leader does.
func (p *Proc) HangUpSession() {
	for _, q := range p.M.Procs() {
		if q != p && q.SID() == p.SID() && q.PGID() == p.PGID() {
			q.Signal(1)
		}
	}
}

// control makes a terminal the process's own, streams included.
func (p *Proc) control(t *tty.TTY) {
	p.mu.Lock()
	p.tty = t
	p.mu.Unlock()
	p.Stdin, p.Stdout, p.Stderr = t, t, t
}

// TTYName is the controlling terminal as ps shows it, ? for none.
func (p *Proc) TTYName() string {
	t := p.terminal()
	if t == nil {
		return "?"
	}
	return t.Name()
}

// terminal is the controlling one, nil for none.
func (p *Proc) terminal() *tty.TTY {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tty
}

// IsTerminal is isatty(3) for the process's descriptors.
func (p *Proc) IsTerminal(fd int) *tty.TTY {
	switch fd {
	case 0:
		return terminalOf(raw(p.Stdin))
	case 1:
		return terminalOf(rawW(p.Stdout))
	case 2:
		return terminalOf(rawW(p.Stderr))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return terminalOf(p.fds[fd])
}

// TerminalAt is the terminal of a path, as `stty -F` opens it.
func (p *Proc) TerminalAt(name string) (*tty.TTY, error) {
	f, err := p.View().Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if t := terminalOf(f); t != nil {
		return t, nil
	}
	return nil, syscall.ENOTTY
}

// terminalOf is the terminal behind a stream, nil for none.
func terminalOf(x any) *tty.TTY {
	switch x := x.(type) {
	case *tty.TTY:
		return x
	case ttyFile:
		return x.TTY
	case *fsys.File:
		if in := x.Inner(); in != nil {
			return terminalOf(in)
		}
	case keepOpen:
		return terminalOf(x.x)
	case *reader:
		return terminalOf(x.r)
	case *writer:
		return terminalOf(x.w)
	}
	return nil
}

// ttyFile is an open terminal: closing it changes nothing.
type ttyFile struct{ *tty.TTY }

func (ttyFile) Close() error { return nil }

// ttyNode is a terminal's file in /dev.
func (p *Proc) ttyNode(name string) *fsys.Node {
	p.M.mu.Lock()
	t := p.M.ttys[name]
	p.M.mu.Unlock()
	if name == "tty" {
		if t = p.terminal(); t == nil {
			return &fsys.Node{Mode: charDevice, Open: func(int) (io.ReadWriteCloser, error) { return nil, syscall.ENXIO }}
		}
	}
	if t == nil {
		return nil
	}
	return &fsys.Node{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o620, GID: 5,
		Open: func(int) (io.ReadWriteCloser, error) { return ttyFile{t}, nil }}
}

// ttyNames are those in /dev, or with pts those below /dev/pts.
func (m *Machine) ttyNames(pts bool) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for name := range m.ttys {
		short, isPts := strings.CutPrefix(name, "pts/")
		if isPts == pts {
			out = append(out, short)
		}
	}
	return out
}

// stub is a file that stands for a terminal in the interpreter, which insists on
// one of the host's as stdin. Nothing is ever read from it: wherever a stream is
// taken from the interpreter, inOf puts the terminal back.
func (m *Machine) stub(t *tty.TTY) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	w.Close()
	key := weak.Make(r)
	m.stubs.Store(key, t)
	runtime.AddCleanup(r, func(k weak.Pointer[os.File]) { m.stubs.Delete(k) }, key)
	return r, nil
}
