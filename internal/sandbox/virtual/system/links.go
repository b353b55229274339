package system

import (
	"net"
	"sync"
)

// links are the open SSH connections of a machine.
type links struct {
	mu   sync.Mutex
	open map[net.Conn]bool
}

// add notes a connection and returns the function that removes it.
func (l *links) add(c net.Conn) (done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[net.Conn]bool{}
	}
	l.open[c] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, c)
	}
}

// CutLinks closes every SSH connection, as a link that drops does. Processes
// that were started over one see the end of their input, no signal.
func (s *System) CutLinks() {
	s.links.mu.Lock()
	defer s.links.mu.Unlock()
	for c := range s.links.open {
		_ = c.Close()
	}
}
