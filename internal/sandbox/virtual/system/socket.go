package system

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// startSocket listens for a socket unit, and starts its service for each
// connection (Accept=yes).
func (s *System) startSocket(u *unit, gen int) error {
	if !u.yes("Socket.Accept") {
		s.log(u.name, "systemd", 1, "sandbox: Accept=no"+kernel.NotHere)
		s.set(u, gen, "active", "listening")
		svc := u.get("Socket.Service")
		if svc == "" {
			svc = strings.TrimSuffix(u.name, ".socket") + ".service"
		}
		go func() { _ = s.start(svc) }()
		return nil
	}
	for _, l := range u.opts["Socket.ListenStream"] {
		addr, port, err := listenAddr(l)
		if err != nil {
			s.fail(u, gen, "resources", 0)
			return fmt.Errorf("Job for %s failed.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", u.name, u.name, u.name) //nolint:staticcheck // systemd's words
		}
		sock, err := s.init.Listen("tcp", addr, port, func(c net.Conn) { s.accept(u, c) })
		if err != nil {
			s.log(u.name, "systemd", 1, u.name+": Failed to create listening socket ("+l+"): "+kernel.Reason(err))
			s.fail(u, gen, "resources", 0)
			return fmt.Errorf("Job for %s failed.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", u.name, u.name, u.name) //nolint:staticcheck // systemd's words
		}
		s.mu.Lock()
		u.closers = append(u.closers, func() { sock.Close() })
		s.mu.Unlock()
	}
	s.log(u.name, "systemd", 1, "Listening on "+s.describe(u)+".")
	s.set(u, gen, "active", "listening")
	return nil
}

func listenAddr(l string) (netip.Addr, int, error) {
	if n, err := strconv.Atoi(l); err == nil && n > 0 && n < 65536 {
		return netip.IPv6Unspecified(), n, nil
	}
	a, err := netip.ParseAddrPort(l)
	return a.Addr(), int(a.Port()), err
}

func (s *System) accept(sock *unit, c net.Conn) {
	defer c.Close()
	s.mu.Lock()
	s.count++
	n := s.count
	s.mu.Unlock()
	name := fmt.Sprintf("%s@%d-%s.service", strings.TrimSuffix(sock.name, ".socket"), n, "conn")
	u, ok := s.load(name)
	if !ok {
		return
	}
	s.mu.Lock()
	u.gen++
	gen := u.gen
	u.active, u.sub = "activating", "start"
	s.mu.Unlock()
	half := &halfConn{Conn: c}
	if s.startService(u, gen, half) {
		s.mu.Lock()
		m := u.main
		s.mu.Unlock()
		if m != nil {
			<-m.Done()
		}
	}
	half.finish()
	s.mu.Lock()
	delete(s.units, name) // CollectMode: nothing is kept of an instance
	s.mu.Unlock()
}

// halfConn is a connection as a service's stdin and stdout. When the service
// has ended the answer is flushed before the connection goes.
type halfConn struct {
	net.Conn
	once sync.Once
}

func (h *halfConn) finish() {
	h.once.Do(func() {
		if t, ok := h.Conn.(*net.TCPConn); ok {
			// Best effort: the peer may be gone already.
			_ = t.CloseWrite()
			_ = t.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			_, _ = io.Copy(io.Discard, t)
		}
		h.Conn.Close()
	})
}

func (h *halfConn) Close() error { h.finish(); return nil }
