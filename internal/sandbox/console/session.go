// Package console is what stands on a Proxmox node between a container's
// terminal and those who look at it: dtach, which shares one terminal between
// them and keeps it when they leave, and the framing of termproxy. It knows
// neither HTTP nor who may look.
package console

import (
	"context"
	"io"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

const (
	// what dtach writes to who attaches and, at the end, to who is there
	attached   = "\x1b[H\x1b[J"
	terminated = "\x1b[999H\r\n[EOF - dtach terminating]\r\n\x1b[?25h"

	// viewSize is what may wait for one who looks: about what the sockets and
	// ptys in between hold on a real node.
	viewSize = 64 << 10
)

// Session is one container's terminal, shared. What is shown while nobody looks
// is lost.
type Session struct {
	t     driver.Terminal
	typed sync.Mutex // one write at a time
	done  chan struct{}

	mu    sync.Mutex
	views map[*View]bool
	begun bool
	ended bool
	wake  chan struct{} // closed and replaced at every change
}

// New takes a terminal over. It is read from the first Attach on.
func New(t driver.Terminal) *Session {
	return &Session{t: t, done: make(chan struct{}), views: map[*View]bool{}, wake: make(chan struct{})}
}

// Done is closed when the terminal has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the terminal and with it the session.
func (s *Session) Close() error { return s.t.Close() }

// Write types into the terminal. It waits while nobody reads there.
func (s *Session) Write(b []byte) (int, error) {
	s.typed.Lock()
	defer s.typed.Unlock()
	return s.t.Write(b)
}

// Resize sets the window's size for all who look.
func (s *Session) Resize(cols, rows int) error { return s.t.Resize(cols, rows) }

// Show puts text on every screen that the terminal did not write: the node's own.
func (s *Session) Show(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spread(b)
}

// Flood is Show that waits until there is room, as the terminal itself does.
func (s *Session) Flood(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room()
	s.spread(b)
}

// View is one who looks.
type View struct {
	s      *Session
	out    []byte
	closed bool
}

// Attach adds one who looks; false: the session has ended.
func (s *Session) Attach() (*View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, false
	}
	v := &View{s: s, out: []byte(attached)}
	s.views[v] = true
	if !s.begun {
		s.begun = true
		go s.pump()
	}
	s.changed()
	return v, true
}

func (s *Session) changed() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// pump reads the terminal to its end.
func (s *Session) pump() {
	buf := make([]byte, 8<<10)
	for {
		n, err := s.t.Read(buf)
		s.mu.Lock()
		if n > 0 {
			s.room()
			s.spread(buf[:n])
		}
		if err != nil {
			s.ended = true
			s.spread([]byte(terminated))
			s.changed()
		}
		s.mu.Unlock()
		if err != nil {
			_ = s.t.Close()
			close(s.done)
			return
		}
	}
}

// room waits, as dtach does, until one of those who look can take more; those
// that cannot, then, miss something. mu is held.
func (s *Session) room() {
	for {
		free := len(s.views) == 0
		for v := range s.views {
			free = free || len(v.out) < viewSize
		}
		if free {
			return
		}
		wake := s.wake
		s.mu.Unlock()
		<-wake
		s.mu.Lock()
	}
}

func (s *Session) spread(b []byte) {
	for v := range s.views {
		if len(v.out) < viewSize {
			v.out = append(v.out, b...)
		}
	}
	s.changed()
}

// Read is what the terminal shows, io.EOF after its end or Close.
func (v *View) Read(ctx context.Context, b []byte) (int, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	for {
		switch {
		case v.closed:
			return 0, io.EOF
		case len(v.out) > 0:
			n := copy(b, v.out)
			v.out = v.out[n:]
			v.s.changed()
			return n, nil
		case v.s.ended:
			return 0, io.EOF
		}
		wake := v.s.wake
		v.s.mu.Unlock()
		var err error
		select {
		case <-wake:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		v.s.mu.Lock()
		if err != nil {
			return 0, err
		}
	}
}

// Close ends the looking; the session goes on.
func (v *View) Close() {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.closed = true
	delete(v.s.views, v)
	v.s.changed()
}
