package pct

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// session is one channel: environment first, then one command, shell or SFTP.
func (s *Server) session(ctx context.Context, conn *ssh.ServerConn, nc ssh.NewChannel) {
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	env := []string{"HOME=/root", "LOGNAME=root", "SHELL=/bin/bash", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=linux"}
	env = append(append(env, s.opt.Node.Profile().Session...), connection(conn)...)
	var wg sync.WaitGroup
	defer wg.Wait()
	begun := false
	var terminal *tty.TTY // of pty-req
	for r := range requests {
		ok, start := false, (func())(nil)
		switch r.Type {
		case "env":
			var v struct{ Name, Value string }
			// OpenSSH's sshd on Debian accepts these: AcceptEnv LANG LC_*
			if ssh.Unmarshal(r.Payload, &v) == nil && (v.Name == "LANG" || strings.HasPrefix(v.Name, "LC_")) {
				env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, v.Name+"=") })
				env, ok = append(env, v.Name+"="+v.Value), true
			}
		case "pty-req":
			var v kernel.PtyRequest
			m, err := s.opt.Machine()
			if err != nil || begun || terminal != nil || ssh.Unmarshal(r.Payload, &v) != nil {
				break
			}
			terminal, ok = m.NewPts(), true
			terminal.SetSize(int(v.Cols), int(v.Rows))
			env = append(env, "TERM="+v.Term)
		case "window-change":
			var v kernel.WindowChange
			if terminal != nil && ssh.Unmarshal(r.Payload, &v) == nil {
				terminal.SetSize(int(v.Cols), int(v.Rows))
			}
		case "exec", "shell", "subsystem":
			var v struct{ Text string }
			if begun || r.Type != "shell" && ssh.Unmarshal(r.Payload, &v) != nil || r.Type == "subsystem" && v.Text != "sftp" {
				break
			}
			begun, ok = true, true
			start = func() {
				defer cancel()
				s.run(ctx, ch, r.Type, v.Text, env, terminal)
			}
		}
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
		// Start the command only now: a quick one would close the channel before the
		// reply, which a client takes for a lost connection.
		if start != nil {
			wg.Go(start)
		}
	}
	cancel() // the client is gone
}

// connection is what sshd tells a session about its client.
func connection(conn *ssh.ServerConn) []string {
	fromHost, fromPort, err := net.SplitHostPort(conn.RemoteAddr().String())
	host, port, err2 := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil || err2 != nil {
		return nil
	}
	return []string{"SSH_CLIENT=" + fromHost + " " + fromPort + " " + port, "SSH_CONNECTION=" + fromHost + " " + fromPort + " " + host + " " + port}
}

// run runs the client's command and sends its exit status.
func (s *Server) run(ctx context.Context, ch ssh.Channel, kind, command string, env []string, terminal *tty.TTY) {
	defer func() { _ = ch.Close() }()
	var status int
	switch kind {
	case "subsystem":
		if m, err := s.opt.Machine(); err == nil {
			serveSFTP(ch, m)
		} else {
			status = noMachine(ch, err)
		}
	case "shell":
		status = s.shell(ctx, ch, []string{"/bin/sh"}, env, terminal)
	default:
		status = s.shell(ctx, ch, []string{"/bin/sh", "-c", command}, env, terminal)
	}
	// Send the status before the end of the output, as sshd does: a multiplexing client
	// that has seen that end may close without waiting for the status.
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
	_ = ch.CloseWrite()
}

func (s *Server) shell(ctx context.Context, ch ssh.Channel, argv, env []string, terminal *tty.TTY) int {
	m, err := s.opt.Machine()
	if err != nil {
		return noMachine(ch, err)
	}
	if terminal != nil {
		p, err := m.Spawn(kernel.Exec{Argv: argv, Env: env, Cwd: "/root", TTY: terminal})
		if err != nil {
			m.DropPts(terminal)
			return 255
		}
		m.Bridge(ctx, terminal, p, ch, ch)
		<-p.Done()
		return p.Status()
	}
	status, err := m.Run(ctx, kernel.Exec{
		Argv: argv, Env: env, Cwd: "/root", Stdin: ch, Stdout: ch, Stderr: ch.Stderr(),
	})
	if err != nil {
		return 255
	}
	return status
}

// noMachine says why the node's files could not be made.
func noMachine(ch ssh.Channel, err error) int {
	fmt.Fprintf(ch.Stderr(), "the sandbox's node does not start: %v\n", err)
	return 255
}

// forward is a connection through the node (ssh -J, -W). It leads only to guests, and to
// nothing else that this machine can reach.
func (s *Server) forward(ctx context.Context, nc ssh.NewChannel) {
	var to struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}
	if ssh.Unmarshal(nc.ExtraData(), &to) != nil || !s.isGuest(ctx, to.Host) {
		_ = nc.Reject(ssh.Prohibited, "only the node's guests can be reached")
		return
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = nc.Reject(ssh.ConnectionFailed, "Connection refused")
		return
	}
	defer func() { _ = conn.Close() }()
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	defer func() { _ = ch.Close() }()
	go ssh.DiscardRequests(requests)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	back := make(chan struct{})
	go func() {
		_, _ = io.Copy(ch, conn)
		_ = ch.CloseWrite()
		close(back)
	}()
	_, _ = io.Copy(conn, ch)
	if half, ok := conn.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	<-back
}

func (s *Server) isGuest(ctx context.Context, host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, id := range s.opt.Node.IDs() {
		if !s.opt.Node.Running(id) {
			continue
		}
		ifs, err := s.opt.Node.Addresses(ctx, id)
		if err != nil {
			continue
		}
		for _, i := range ifs {
			if i.Name != "lo" && (i.Addr.Addr() == addr || i.Addr6.Addr() == addr) {
				return true
			}
		}
	}
	return false
}
