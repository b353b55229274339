package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// Proc is a simulated process. Only the process uses its streams. Only the process changes
// the fields that others see, under mu, and it reads them without.
type Proc struct {
	M      *Machine
	Pid    int
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	started time.Time
	ctx     context.Context
	cancel  context.CancelCauseFunc
	done    chan struct{}
	status  int

	mu       sync.Mutex
	env      []string // KEY=value
	args     []string // as shown by ps
	unit     string   // the unit or session it belongs to, inherited
	cwd      string
	tty      *tty.TTY // the controlling terminal, nil for none
	umask    fs.FileMode
	uid, gid int
	groups   []int
	sid      int
	pgid     int
	ppid     int
	comm     string
	fds      map[int]any // *os.File or *fsys.File, from 3 up
	traps    map[int]string
	ignored  map[int]bool
	pending  []int
	wake     chan struct{} // told of a pending trap
	handler  func(sig int) bool
	first    bool         // Exec.Init
	stops    map[int]bool // signals on which the program ends by itself
	killed   int
	closers  []io.Closer
	ready    chan struct{}
	readied  sync.Once
}

// ErrNoProc says that the machine is full of processes or halted.
var ErrNoProc = errors.New("Resource temporarily unavailable") //nolint:staticcheck // the guest's libc says it so

// newProc makes a process that nobody sees before enter.
func (m *Machine) newProc(parent *Proc) (*Proc, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.halted || len(m.procs) >= m.limits.Procs {
		return nil, ErrNoProc
	}
	pid := m.lastPid
	for {
		if pid++; pid > 4_194_303 {
			pid = 300
		}
		if m.procs[pid] == nil {
			break
		}
	}
	m.lastPid = pid
	p := &Proc{M: m, Pid: pid, umask: 0o022, started: time.Now(), done: make(chan struct{}),
		wake: make(chan struct{}, 1), ready: make(chan struct{}), ignored: map[int]bool{}, fds: map[int]any{}}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	if parent != nil {
		parent.mu.Lock()
		p.ppid, p.sid, p.pgid, p.unit = parent.Pid, parent.sid, parent.pgid, parent.unit
		p.tty = parent.tty
		p.cwd, p.umask, p.uid, p.gid, p.groups = parent.cwd, parent.umask, parent.uid, parent.gid, parent.groups
		p.env, p.args, p.comm = parent.env, parent.args, parent.comm
		p.Stdin, p.Stdout, p.Stderr = raw(parent.Stdin), rawW(parent.Stdout), rawW(parent.Stderr)
		for s := range parent.ignored {
			p.ignored[s] = true
		}
		for n, f := range parent.fds {
			p.fds[n] = f
		}
		parent.mu.Unlock()
	}
	return p, nil
}

// enter puts a process that is complete among the machine's.
func (m *Machine) enter(p *Proc) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.halted {
		p.cancel(nil)
		return ErrNoProc
	}
	m.procs[p.Pid] = p
	return nil
}

// drop ends a process: its children go to init.
func (m *Machine) drop(p *Proc, status int) {
	p.mu.Lock()
	if p.killed != 0 {
		status = 128 + p.killed
	}
	p.status = status & 0xff
	closers := p.closers
	p.closers = nil
	p.mu.Unlock()
	// Sockets first: systemctl restart waits until the process is gone, and its successor
	// could not listen on a port that is still open.
	for _, c := range closers {
		c.Close()
	}
	m.mu.Lock()
	delete(m.procs, p.Pid)
	for _, c := range m.procs {
		c.mu.Lock()
		if c.ppid == p.Pid {
			c.ppid = 1
		}
		c.mu.Unlock()
	}
	m.mu.Unlock()
	p.cancel(nil)
	close(p.done)
}

// Child describes a process to start from another one; zero values are inherited.
type Child struct {
	Argv    []string
	Env     []string // nil: inherited
	Cwd     string
	User    *User
	Setsid  bool
	TTY     *tty.TTY // the controlling terminal of a new session, and its streams
	Unit    string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	NullIn  bool // stdin is /dev/null
	Ignore  []int
	Comm    string
	Body    func(*Proc) int // instead of Argv: a process that is only Go
	OnStart func(*Proc)
}

// Start starts a child process.
func (p *Proc) Start(c Child) (*Proc, error) {
	q, err := p.M.newProc(p)
	if err != nil {
		return nil, err
	}
	if c.Env != nil {
		q.env = c.Env
	}
	if c.Cwd != "" {
		q.cwd = c.Cwd
	}
	if c.User != nil {
		q.SetUser(*c.User)
	}
	if c.Setsid {
		q.Setsid()
	}
	if c.TTY != nil {
		q.control(c.TTY)
	}
	if c.Unit != "" {
		q.unit = c.Unit
	}
	if c.NullIn {
		q.Stdin = nullIn{}
	}
	if c.Stdin != nil {
		q.Stdin = raw(c.Stdin)
	}
	if c.Stdout != nil {
		q.Stdout = rawW(c.Stdout)
	}
	if c.Stderr != nil {
		q.Stderr = rawW(c.Stderr)
	}
	for _, s := range c.Ignore {
		q.ignored[s] = true
	}
	if c.Comm != "" {
		q.comm = c.Comm
	}
	if len(c.Argv) > 0 {
		q.args = c.Argv
	}
	if err := p.M.enter(q); err != nil {
		return nil, err
	}
	if c.OnStart != nil {
		c.OnStart(q)
	}
	background(func() {
		var status int
		if c.Body != nil {
			status = q.guard(func() int { q.wrapStreams(); return c.Body(q) })
		} else {
			status = q.exec(c.Argv)
		}
		q.M.drop(q, status)
	})
	return q, nil
}

// Wait waits for a child's end and returns its status. If p is killed first, the result means
// nothing.
func (p *Proc) Wait(q *Proc) int {
	select {
	case <-q.done:
		return q.status
	case <-p.ctx.Done():
		return 137
	}
}

// Call runs a program in the foreground with the process's own streams.
func (p *Proc) Call(argv ...string) int {
	q, err := p.Start(Child{Argv: argv})
	if err != nil {
		p.Errorf("%s: %v", argv[0], err)
		return 126
	}
	return p.Wait(q)
}

// Output runs a program and returns its stdout.
func (p *Proc) Output(argv ...string) (string, int) {
	var b strings.Builder
	q, err := p.Start(Child{Argv: argv, Stdout: &b, NullIn: true})
	if err != nil {
		return "", 126
	}
	st := p.Wait(q)
	return b.String(), st
}

// SetReady tells that a daemon serves now; Ready is closed then.
func (p *Proc) SetReady() { p.readied.Do(func() { close(p.ready) }) }

// Ready is closed once the process called SetReady.
func (p *Proc) Ready() <-chan struct{} { return p.ready }

// Done is closed when the process has ended; Status is valid then.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Status is the exit status of an ended process, 128+n when killed by n.
func (p *Proc) Status() int { return p.status }

// Context ends when the process is killed.
func (p *Proc) Context() context.Context { return p.ctx }

// Sleep waits; false: the process was killed meanwhile.
func (p *Proc) Sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// Printf and Errorf write to stdout and, with the program's name in front and a
// newline behind, to stderr.
func (p *Proc) Printf(format string, a ...any) { fmt.Fprintf(p.Stdout, format, a...) }

// Errorf says an error as programs do: name: message.
func (p *Proc) Errorf(format string, a ...any) {
	name := p.Comm()
	if len(p.args) > 0 {
		name = path.Base(p.args[0])
	}
	fmt.Fprintf(p.Stderr, name+": "+format+"\n", a...)
}

func (p *Proc) closeLater(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closers = append(p.closers, c)
}

// guard keeps a mistake in a program of ours from ending the sandbox.
func (p *Proc) guard(f func() int) (status int) {
	defer func() {
		if x := recover(); x != nil {
			p.M.logf("program %s failed: %v", strings.Join(p.args, " "), x)
			fmt.Fprintf(p.Stderr, "sandbox: %s failed: %v\n", p.Comm(), x)
			status = 139
		}
	}()
	return f()
}
