// Package api is the HTTPS side of the simulated node. It does what pveproxy and
// pvedaemon of Proxmox VE do for a client, on loopback only. Every answer comes from
// package node; this package has connections, status lines, logins, routes and the faults
// of the connection.
//
// It does not use net/http's server: Proxmox puts the text of an error into the reason
// phrase, closes idle connections after 5 s and speaks only HTTP/1.1.
package api

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// Options of a Server. The zero value serves on a port of its own.
type Options struct {
	Addr      string        // on loopback; "": 127.0.0.1:0
	CertFile  string        // key and certificate; a missing one is made, like the CA beside it; "": in memory only
	AuthDelay time.Duration // before a 401; Proxmox takes 3 s
	Idle      time.Duration // 0: 5 s, as pveproxy
	Console   ConsolePace
	Requests  string // the file in which changing requests are kept; "": nowhere
}

// Server answers the API of one node.
type Server struct {
	node        *node.Node
	opt         Options
	routes      []route
	listener    net.Listener
	certs       certificates
	fingerprint string
	requests    requests

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
}

// Serve begins to answer and returns at once; Close ends it.
func Serve(n *node.Node, o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Second
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("cannot serve the sandbox on %s: not a loopback address", host)
	}
	certs, err := certificatesIn(o.CertFile, n.CertificateLife())
	if err != nil {
		return nil, err
	}
	// The groups of OpenSSL 3.0, as in Proxmox 8. Go's own list begins with ML-KEM, which was
	// a third of the cost of a connection.
	groups := []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	l, err := tls.Listen("tcp", o.Addr, &tls.Config{Certificates: []tls.Certificate{certs.node}, NextProtos: []string{"http/1.1"}, CurvePreferences: groups})
	if err != nil {
		return nil, err
	}
	s := &Server{node: n, opt: o, listener: l, certs: certs, fingerprint: fingerprint(certs.node.Certificate[0]), conns: map[net.Conn]bool{}}
	s.routes, s.requests.path = s.table(), o.Requests
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s, nil
}

// URL is where the server answers, without /api2/json.
func (s *Server) URL() string { return "https://" + s.listener.Addr().String() }

// Fingerprint is the certificate's SHA-256 in Proxmox's form: AA:BB:…
func (s *Server) Fingerprint() string { return s.fingerprint }

// Close closes every connection and waits for requests in progress.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.cancel()
	err := s.listener.Close()
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // for example no free file descriptors
			continue
		}
		if !s.keep(c) {
			_ = c.Close()
			return
		}
		s.wg.Go(func() {
			defer s.drop(c)
			s.serve(c)
		})
	}
}

func (s *Server) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = true
	return true
}

func (s *Server) drop(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
