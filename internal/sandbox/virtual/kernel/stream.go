package kernel

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// nullIn is /dev/null as an input.
type nullIn struct{}

func (nullIn) Read([]byte) (int, error) { return 0, io.EOF }

// past is a deadline that wakes a blocked read or write at once.
var past = time.Unix(1, 0)

// reader is a process's stdin: reading ends when the process is killed. The
// file below may be shared, so the deadline that wakes us is taken back, and
// one that was set for another process is waited out.
type reader struct {
	p *Proc
	r io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	if r.p.ctx.Err() != nil {
		return 0, context.Cause(r.p.ctx)
	}
	if t := terminalOf(r.r); t != nil {
		return t.ReadContext(r.p.ctx, b)
	}
	f, ok := r.r.(*os.File)
	if !ok {
		return r.r.Read(b)
	}
	defer r.p.wakes(f)()
	return r.p.readFile(f, b)
}

// wakes makes the end of the process end a read of f that blocks. The caller calls done
// when it has read.
func (p *Proc) wakes(f *os.File) (done func()) {
	back := make(chan struct{})
	stop := context.AfterFunc(p.ctx, func() { _ = f.SetReadDeadline(past); close(back) })
	return func() {
		if !stop() {
			<-back
			_ = f.SetReadDeadline(time.Time{})
		}
	}
}

// readFile reads once from f, between wakes and its done.
func (p *Proc) readFile(f *os.File, b []byte) (int, error) {
	for {
		n, err := f.Read(b)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			if p.ctx.Err() != nil {
				return 0, context.Cause(p.ctx)
			}
			time.Sleep(time.Millisecond) // another process's deadline, which that one takes back
			continue
		}
		if errors.Is(err, os.ErrClosed) {
			err = io.EOF
		}
		return n, err
	}
}

// writer is a process's stdout: a write into a closed pipe is SIGPIPE, and a
// blocked one ends when the process is killed.
type writer struct {
	p *Proc
	w io.Writer
}

func (w *writer) Write(b []byte) (int, error) {
	total := 0
	for {
		if w.p.ctx.Err() != nil {
			return total, context.Cause(w.p.ctx)
		}
		n, err := w.write(b[total:])
		total += n
		if errors.Is(err, os.ErrDeadlineExceeded) && w.p.ctx.Err() == nil {
			continue
		}
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
			w.p.Signal(13)
			return total, syscall.EPIPE
		}
		return total, err
	}
}

func (w *writer) write(b []byte) (int, error) {
	if t := terminalOf(w.w); t != nil {
		return t.WriteContext(w.p.ctx, b)
	}
	f, ok := w.w.(*os.File)
	if !ok {
		return w.w.Write(b)
	}
	back := make(chan struct{})
	stop := context.AfterFunc(w.p.ctx, func() { _ = f.SetWriteDeadline(past); close(back) })
	n, err := f.Write(b)
	if !stop() {
		<-back
		_ = f.SetWriteDeadline(time.Time{})
	}
	return n, err
}

// raw takes our wrapping off a stream, so that a child gets the file itself.
func raw(r io.Reader) io.Reader {
	for {
		w, ok := r.(*reader)
		if !ok {
			return r
		}
		r = w.r
	}
}

func rawW(w io.Writer) io.Writer {
	for {
		x, ok := w.(*writer)
		if !ok {
			return w
		}
		w = x.w
	}
}

// wrapStreams gives the process streams that know of its death.
func (p *Proc) wrapStreams() {
	if p.Stdin == nil {
		p.Stdin = nullIn{}
	}
	if p.Stdout == nil {
		p.Stdout = io.Discard
	}
	if p.Stderr == nil {
		p.Stderr = io.Discard
	}
	p.Stdin = &reader{p, raw(p.Stdin)}
	p.Stdout = &writer{p, rawW(p.Stdout)}
	p.Stderr = &writer{p, rawW(p.Stderr)}
}

// sink is where the output of an Exec leaves the machine. Processes that
// outlive the Exec write into nothing.
type sink struct {
	mu     sync.Mutex
	w      io.Writer
	left   int64
	owner  *Proc
	closed bool
	theirs bool // see Exec.Theirs
}

func newSink(w io.Writer, limit int64, owner *Proc) *sink {
	if w == nil {
		w = io.Discard
	}
	return &sink{w: w, left: limit, owner: owner}
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return len(b), nil
	}
	if s.left -= int64(len(b)); s.left < 0 {
		s.owner.M.logf("process %d printed more than allowed and was killed", s.owner.Pid)
		s.owner.KillSession()
		return 0, syscall.EFBIG
	}
	n, err := s.w.Write(b)
	if err != nil {
		err = syscall.EPIPE
	}
	return n, err
}

func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// dup makes another descriptor of an open file, so that each end is closed on
// its own. A stream that is no file of the host is shared.
func dup(x any) (any, io.Closer) {
	f, ok := x.(*os.File)
	if !ok {
		if g, isFile := x.(*fsys.File); isFile && g.Host != nil {
			return x, nil
		}
		return x, nil
	}
	d, err := dupFile(f)
	if err != nil {
		return x, nil
	}
	return d, d
}

// StdinSize returns the size of the file that is the stdin of a process. It is false if
// that is no regular file.
func (p *Proc) StdinSize() (int64, bool) {
	host, ok := raw(p.Stdin).(*os.File)
	if f, mine := raw(p.Stdin).(*fsys.File); mine {
		host, ok = f.Host, f.Host != nil
	}
	if !ok {
		return 0, false
	}
	i, err := host.Stat()
	if err != nil || !i.Mode().IsRegular() {
		return 0, false
	}
	return i.Size(), true
}
