package pct

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// ServerOptions are the address of the node's sshd and the folder of its keys.
type ServerOptions struct {
	Dir     string // identity, known_hosts and the host key, made 0700; nodes of one cluster share it
	Addr    string // on loopback; "": 127.0.0.1:0
	Node    *node.Node
	Machine func() (*kernel.Machine, error) // the node's own shell and files; called by each session
}

// Server is the node's sshd. Only root may log in, with the identity in Dir.
type Server struct {
	opt    ServerOptions
	config *ssh.ServerConfig
	l      net.Listener

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	conns  map[net.Conn]bool
}

// Serve begins to answer and returns at once; Close ends it.
func Serve(o ServerOptions) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if host, _, err := net.SplitHostPort(o.Addr); err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("cannot serve the sandbox's node on %s: not a loopback address", o.Addr)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	s := &Server{opt: o, conns: map[net.Conn]bool{}}
	keyFile := "host_key"
	if o.Node.Name() != node.Name {
		keyFile += "." + o.Node.Name()
	}
	hostKey, err := loadKey(filepath.Join(o.Dir, keyFile), "root@"+o.Node.Name())
	if err != nil {
		return nil, err
	}
	identity, err := loadKey(s.Identity(), "infrahaus-sandbox")
	if err != nil {
		return nil, err
	}
	s.config = serverConfig(o.Node.Profile().SSHD, hostKey, identity.PublicKey())
	if s.l, err = net.Listen("tcp", o.Addr); err != nil {
		return nil, err
	}
	line := knownhosts.Line([]string{s.Addr()}, hostKey.PublicKey()) + "\n"
	if err := s.makeKnown(line); err != nil {
		return nil, errors.Join(err, s.l.Close())
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s, nil
}

// makeKnown writes the host key where clients find it. The first node's, which begins first,
// replaces what an earlier sandbox left.
func (s *Server) makeKnown(line string) error {
	how := os.O_APPEND
	if s.opt.Node.Name() == node.Name {
		how = os.O_TRUNC
	}
	f, err := os.OpenFile(s.KnownHosts(), os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// serverConfig accepts root with one key, as a node that has the key in authorized_keys.
func serverConfig(version string, hostKey ssh.Signer, allowed ssh.PublicKey) *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		ServerVersion: version,
		MaxAuthTries:  6,
		PublicKeyCallback: func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if m.User() == "root" && bytes.Equal(key.Marshal(), allowed.Marshal()) {
				return nil, nil
			}
			return nil, errors.New("permission denied")
		},
	}
	c.AddHostKey(hostKey)
	return c
}

// Addr is host:port.
func (s *Server) Addr() string { return s.l.Addr().String() }

// Identity is the file of the private key that may log in.
func (s *Server) Identity() string { return filepath.Join(s.opt.Dir, "identity") }

// KnownHosts is the file with the node's host key.
func (s *Server) KnownHosts() string { return filepath.Join(s.opt.Dir, "known_hosts") }

// Close closes every connection. Processes in guests continue to their end.
func (s *Server) Close() error {
	s.cancel()
	err := s.l.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

// CutLinks closes every present connection, as a broken link does.
func (s *Server) CutLinks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *Server) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			select { // for example no free file descriptors
			case <-s.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		s.mu.Lock()
		if s.ctx.Err() != nil {
			s.mu.Unlock()
			_ = c.Close()
			return
		}
		if !s.opt.Node.Up() { // a powered-off machine does not even do this
			s.mu.Unlock()
			_ = c.Close()
			continue
		}
		s.conns[c] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			s.serve(c)
			_ = c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// loginGrace is how long a client may take to log in.
const loginGrace = 30 * time.Second

func (s *Server) serve(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(loginGrace))
	conn, channels, requests, err := ssh.NewServerConn(c, s.config)
	if err != nil {
		return
	}
	_ = c.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { ssh.DiscardRequests(requests) })
	for ch := range channels {
		switch ch.ChannelType() {
		case "session":
			wg.Go(func() { s.session(ctx, conn, ch) })
		case "direct-tcpip":
			wg.Go(func() { s.forward(ctx, ch) })
		default:
			_ = ch.Reject(ssh.UnknownChannelType, "unknown channel type")
		}
	}
	cancel()
	_ = conn.Close()
}
