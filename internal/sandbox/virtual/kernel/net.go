package kernel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sort"
	"strings"
	"sync"
	"syscall"
)

// Net is the simulated network that machines of one sandbox share.
type Net struct {
	mu    sync.Mutex
	hosts map[netip.Addr]*Machine
}

// NewNet makes a network without machines.
func NewNet() *Net { return &Net{hosts: map[netip.Addr]*Machine{}} }

func (n *Net) add(a netip.Addr, m *Machine) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.IsValid() {
		n.hosts[a] = m
	}
}

func (n *Net) remove(a netip.Addr, m *Machine) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[a] == m {
		delete(n.hosts, a)
	}
}

func (n *Net) host(a netip.Addr) *Machine {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hosts[a]
}

// Net is the network the machine is on.
func (m *Machine) Net() *Net { return m.net }

// Socket is a listening (or, for UDP, bound) socket of a machine.
type Socket struct {
	Proto string // tcp or udp
	Addr  netip.Addr
	Port  int
	Pid   int // the process that holds it
	only6 bool
	m     *Machine
	serve func(net.Conn)

	mu     sync.Mutex
	host   net.Listener
	tried  bool
	closed bool
}

// Listen opens a socket. addr is unspecified for all addresses. serve is called
// for each connection, in a goroutine of its own, and must close it. The
// protocol tcp6 is TCP without IPv4; :: alone takes both.
func (p *Proc) Listen(proto string, addr netip.Addr, port int, serve func(net.Conn)) (*Socket, error) {
	m := p.M
	n := &Socket{Proto: strings.TrimSuffix(proto, "6"), Addr: addr, Port: port, Pid: p.Pid, only6: strings.HasSuffix(proto, "6"), m: m, serve: serve}
	m.mu.Lock()
	for s := range m.socks {
		if s.collides(n) {
			m.mu.Unlock()
			return nil, syscall.EADDRINUSE
		}
	}
	if m.halted {
		m.mu.Unlock()
		return nil, errors.New("halted")
	}
	m.socks[n] = true
	m.mu.Unlock()
	p.closeLater(n)
	n.expose()
	return n, nil
}

// collides says whether two sockets cannot be open at once.
func (s *Socket) collides(n *Socket) bool {
	if s.Proto != n.Proto || s.Port != n.Port {
		return false
	}
	both := func(x *Socket) bool { return x.Addr == netip.IPv6Unspecified() && !x.only6 }
	if s.Addr.Is4() != n.Addr.Is4() {
		return both(s) || both(n)
	}
	return s.Addr == n.Addr || s.Addr.IsUnspecified() || n.Addr.IsUnspecified()
}

// expose listens on the host too, at the machine's own loopback address.
func (s *Socket) expose() {
	a := s.m.Address()
	if !s.m.listen || s.Proto != "tcp" || !a.IsValid() || !a.IsLoopback() || s.serve == nil {
		return
	}
	if !s.Addr.IsUnspecified() && s.Addr != a || s.only6 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.tried {
		return
	}
	s.tried = true
	l, err := net.Listen("tcp", netip.AddrPortFrom(a, uint16(s.Port)).String())
	if err != nil {
		s.m.logf("port %d of the guest cannot be reached from the host: %v", s.Port, err)
		return
	}
	s.host = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
}

// hide takes back expose. Open connections stay.
func (s *Socket) hide() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host != nil {
		_ = s.host.Close()
	}
	s.host, s.tried = nil, false
}

// Close closes the socket.
func (s *Socket) Close() error {
	s.m.mu.Lock()
	delete(s.m.socks, s)
	s.m.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.host != nil {
		return s.host.Close()
	}
	return nil
}

// SetPid hands a socket to another process, as an inherited descriptor would.
func (s *Socket) SetPid(pid int) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.Pid = pid
}

// SocketInfo describes an open socket.
type SocketInfo struct {
	Proto string
	Addr  netip.Addr
	Port  int
	Pid   int
	Only6 bool // :: without IPv4
}

// Sockets are the machine's sockets by protocol, port and address.
func (m *Machine) Sockets() []SocketInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []SocketInfo
	for s := range m.socks {
		out = append(out, SocketInfo{Proto: s.Proto, Addr: s.Addr, Port: s.Port, Pid: s.Pid, Only6: s.only6})
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		if a.Proto != b.Proto {
			return a.Proto < b.Proto
		}
		if a.Port != b.Port {
			return a.Port < b.Port
		}
		return a.Addr.Less(b.Addr)
	})
	return out
}

// Dial connects from a machine to one of the simulated network, itself first.
// Nothing else exists: other addresses have no route, closed ports refuse.
func (m *Machine) Dial(ctx context.Context, a netip.Addr, port int) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := m
	if !a.IsLoopback() || m.net.host(a) != nil {
		if t = m.net.host(a); t == nil {
			return nil, syscall.ENETUNREACH
		}
	}
	local := a.IsLoopback() && t == m && a != m.Address()
	t.mu.Lock()
	var hit *Socket
	for s := range t.socks {
		if s.Proto == "tcp" && s.Port == port && s.serve != nil && s.answers(a, local) {
			hit = s
		}
	}
	t.mu.Unlock()
	if hit == nil {
		return nil, syscall.ECONNREFUSED
	}
	here, there := net.Pipe()
	go hit.serve(there)
	return here, nil
}

func (s *Socket) answers(a netip.Addr, local bool) bool {
	if s.Addr.IsUnspecified() {
		return s.Addr.Is4() == a.Is4() || s.Addr.Is6() && !s.only6
	}
	return s.Addr == a || local && s.Addr.IsLoopback() && s.Addr.Is4() == a.Is4()
}
