// Package console is the part of a Proxmox node between a container's terminal and its
// viewers: dtach, which shares one terminal among them and keeps it when they leave, and
// termproxy's framing. It knows neither HTTP nor permissions.
package console

import (
	"context"
	"io"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

const (
	// dtach's output when a viewer attaches, and at the end of the session
	attached   = "\x1b[H\x1b[J"
	terminated = "\x1b[999H\r\n[EOF - dtach terminating]\r\n\x1b[?25h"

	// viewSize is how much may wait for one viewer: about as much as the sockets and ptys
	// of a real node hold.
	viewSize = 64 << 10
)

// Session is a container's shared terminal. Output without a viewer is lost.
type Session struct {
	t     driver.Terminal
	typed sync.Mutex // one write at a time
	done  chan struct{}

	mu    sync.Mutex
	views map[*View]bool
	begun bool
	ended bool
	wake  chan struct{} // closed and replaced at each change
}

// New takes over a terminal. The first Attach starts reading it.
func New(t driver.Terminal) *Session {
	return &Session{t: t, done: make(chan struct{}), views: map[*View]bool{}, wake: make(chan struct{})}
}

// Done is closed when the terminal has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the terminal and so the session.
func (s *Session) Close() error { return s.t.Close() }

// Write types into the terminal. It waits until the terminal is read.
func (s *Session) Write(b []byte) (int, error) {
	s.typed.Lock()
	defer s.typed.Unlock()
	return s.t.Write(b)
}

// Resize sets the window's size for all viewers.
func (s *Session) Resize(cols, rows int) error { return s.t.Resize(cols, rows) }

// Show shows text to all viewers that does not come from the terminal but from the node.
func (s *Session) Show(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spread(b)
}

// Flood is Show that waits for space, as the terminal itself does.
func (s *Session) Flood(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room()
	s.spread(b)
}

// View is one viewer.
type View struct {
	s      *Session
	out    []byte
	closed bool
}

// Attach adds a viewer; false means that the session has ended.
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

// room waits, as dtach does, until one of the viewers has space. The others then miss
// some output. The caller holds mu.
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

// Read returns the terminal's output, and io.EOF after its end or Close.
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

// Close removes the viewer; the session continues.
func (v *View) Close() {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.closed = true
	delete(v.s.views, v)
	v.s.changed()
}
