// Package tty is a pseudo-terminal in memory: Linux's line discipline between a
// master, where somebody types and looks, and a slave, which processes read and
// write. It knows nothing of processes. A function of the caller sends the signals.
package tty

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

const (
	// bufSize is the kernel's N_TTY_BUF_SIZE: a line has at most one byte less,
	// its newline included in neither.
	bufSize = 4096
	// outSize is how much output a pty takes before a writer waits for the master.
	outSize = 32 << 10
)

// TTY is one terminal. It is safe for concurrent use.
type TTY struct {
	name string

	mu      sync.Mutex
	mode    Termios
	cols    int
	rows    int
	lines   []line // complete, canonical mode
	cur     []byte // the line that is being typed, or what came in raw mode
	held    int    // bytes in lines
	out     []byte
	lnext   bool
	stopped bool // by ^S
	lossy   bool
	hungup  bool
	wake    chan struct{} // closed at a change; nil where nobody waits
	signal  func(sig int)
}

// line is one that a read returns at most; at the end of input it may be empty.
type line struct{ b []byte }

// New returns a terminal of 80 by 24 in the sane mode. name is its path below
// /dev.
func New(name string) *TTY { return &TTY{name: name, mode: Sane(), cols: 80, rows: 24} }

// Name is its path below /dev.
func (t *TTY) Name() string { return t.name }

// OnSignal sets the function that is called for SIGINT, SIGQUIT, SIGTSTP and SIGWINCH.
func (t *TTY) OnSignal(f func(sig int)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.signal = f
}

// Mode is the terminal's mode.
func (t *TTY) Mode() Termios {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mode
}

// SetMode is tcsetattr(TCSADRAIN). Input that was typed in the other mode stays: raw bytes
// become one line, and lines become bytes.
func (t *TTY) SetMode(m Termios) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, is := t.mode.local(ICANON), m.local(ICANON)
	t.mode = m
	switch {
	case was && !is:
		var all []byte
		for _, l := range t.lines {
			all = append(all, l.b...)
		}
		t.cur, t.lines, t.held = append(all, t.cur...), nil, 0
	case !was && is && len(t.cur) > 0:
		t.push(t.cur)
	}
	if !m.in(IXON) {
		t.stopped = false
	}
	t.changed()
}

// Flush drops input that was not read yet: tcflush(TCIFLUSH).
func (t *TTY) Flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
}

func (t *TTY) flush() {
	t.lines, t.cur, t.held, t.lnext = nil, nil, 0, false
	t.changed()
}

// Discard drops output that was not shown yet.
func (t *TTY) Discard() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out = nil
	t.changed()
}

// SetLossy makes writers wait no more for a master that does not read: the oldest output goes.
func (t *TTY) SetLossy() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lossy = true
}

// Size is the window's size; SetSize also tells the processes.
func (t *TTY) Size() (cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cols, t.rows
}

// SetSize is TIOCSWINSZ.
func (t *TTY) SetSize(cols, rows int) {
	t.mu.Lock()
	same, f := t.cols == cols && t.rows == rows, t.signal
	t.cols, t.rows = cols, rows
	t.mu.Unlock()
	if !same && f != nil {
		f(sigWinch)
	}
}

const sigWinch = 28

// Hangup ends the terminal for good. Reads on the slave see the end, and writes fail with
// EIO. The master reads the output that is left, and then the end.
func (t *TTY) Hangup() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hungup = true
	t.changed()
}

func (t *TTY) changed() {
	if t.wake != nil {
		close(t.wake)
		t.wake = nil
	}
}

// wait lets go of mu until something changes, ctx ends or the time is up.
func (t *TTY) wait(ctx context.Context, limit <-chan time.Time) error {
	if t.wake == nil {
		t.wake = make(chan struct{})
	}
	c := t.wake
	t.mu.Unlock()
	defer t.mu.Lock()
	select {
	case <-c:
		return nil
	case <-limit:
		return syscall.ETIMEDOUT
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Read is ReadContext without an end.
func (t *TTY) Read(b []byte) (int, error) { return t.ReadContext(context.Background(), b) }

// Write is WriteContext without an end.
func (t *TTY) Write(b []byte) (int, error) { return t.WriteContext(context.Background(), b) }

// ReadContext is a process's read. In canonical mode it returns one line at most. In raw mode
// VMIN and VTIME decide how long it waits for input. An end of input (^D) is io.EOF, once.
func (t *TTY) ReadContext(ctx context.Context, b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var limit <-chan time.Time
	for len(b) > 0 {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if t.mode.local(ICANON) {
			if len(t.lines) > 0 {
				return t.takeLine(b)
			}
		} else {
			want := min(max(int(t.mode.Cc[VMIN]), 0), len(b))
			if len(t.cur) > 0 && len(t.cur) >= want {
				n := copy(b, t.cur)
				t.cur = t.cur[n:]
				t.changed()
				return n, nil
			}
			if want == 0 && limit == nil {
				limit = time.After(time.Duration(t.mode.Cc[VTIME]) * 100 * time.Millisecond)
			}
		}
		if t.hungup {
			return 0, io.EOF
		}
		if err := t.wait(ctx, limit); errors.Is(err, syscall.ETIMEDOUT) {
			return 0, io.EOF // read(2) returns 0
		}
	}
	return 0, nil
}

func (t *TTY) takeLine(b []byte) (int, error) {
	l := &t.lines[0]
	n := copy(b, l.b)
	l.b, t.held = l.b[n:], t.held-n
	if len(l.b) == 0 {
		t.lines = t.lines[1:]
	}
	t.changed()
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// WriteContext is a process's write. It waits while the master does not read.
func (t *TTY) WriteContext(ctx context.Context, b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := 0; n < len(b); {
		switch {
		case t.hungup:
			return n, syscall.EIO
		case ctx.Err() != nil:
			return n, context.Cause(ctx)
		case t.lossy && len(t.out) >= outSize:
			t.out = t.out[outSize/2:]
			continue
		case t.stopped || len(t.out) >= outSize:
			_ = t.wait(ctx, nil) // the end is seen above
			continue
		}
		k := min(len(b)-n, outSize-len(t.out))
		for _, c := range b[n : n+k] {
			t.put(c)
		}
		n += k
		t.changed()
	}
	return len(b), nil
}

// put is output processing.
func (t *TTY) put(c byte) {
	switch {
	case t.mode.out(OPOST) && c == '\n' && t.mode.out(ONLCR):
		t.out = append(t.out, '\r', '\n')
	case t.mode.out(OPOST) && c == '\r' && t.mode.out(OCRNL):
		t.out = append(t.out, '\n')
	default:
		t.out = append(t.out, c)
	}
}

// Show is the master's read: it returns the terminal's output. It ends with io.EOF.
func (t *TTY) Show(ctx context.Context, b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if len(t.out) > 0 {
			n := copy(b, t.out)
			t.out = t.out[n:]
			if len(t.out) == 0 {
				t.out = nil
			}
			t.changed()
			return n, nil
		}
		if t.hungup {
			return 0, io.EOF
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		_ = t.wait(ctx, nil) // the end is seen above
	}
}
