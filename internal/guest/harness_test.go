package guest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// host is a real SSH server on loopback whose commands run on this machine by
// a shell of the test's choice: a guest's sshd, or a node with a pct.
type host struct {
	t       *testing.T
	ln      net.Listener
	key     ssh.Signer
	allowed ssh.PublicKey
	path    string // first in the PATH of commands that the host runs
	refuse  string // text that it sends instead of its version while it refuses connections
	broken  bool   // the session's PATH is that which pam_env makes of PATH="/opt/x:$PATH"

	mu    sync.Mutex
	cuts  []int // of the connections to come: bytes to the client until the cut; 0: never
	open  []net.Conn
	execs []string
	busy  int // number of connections that it will still refuse
	met   int // number of connections so far
}

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	keys.Store(string(s.PublicKey().Marshal()), private)
	return s
}

// keys are the private keys of newSigner, by public key.
var keys sync.Map

// shells are the shells of this machine that may be a guest's sh. If one is missing, its
// test is shown as skipped.
func shells(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, argv := range map[string][]string{"dash": {"dash"}, "bash": {"bash"}, "busybox": {"busybox", "ash"}} {
		if path, err := exec.LookPath(argv[0]); err == nil {
			found[name] = append([]string{path}, argv[1:]...)
		} else {
			t.Run(name, func(t *testing.T) { needs.Program(t, argv[0], name) })
		}
	}
	return found
}

// newHost starts a server whose sh is argv (nil: the machine's).
func newHost(t *testing.T, allowed ssh.PublicKey, argv ...string) *host {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, ln: ln, key: newSigner(t), allowed: allowed, path: t.TempDir()}
	h.shell(argv)
	go h.serve(ln)
	t.Cleanup(func() { ln.Close(); h.cutAll() })
	return h
}

// shell makes argv the host's sh; without argv it is the machine's.
func (h *host) shell(argv []string) {
	if len(argv) > 0 {
		h.tool("sh", "exec "+strings.Join(argv, " ")+` "$@"`)
	}
}

// tool puts a program of that name first in the PATH of what the host runs.
func (h *host) tool(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.path, name), []byte("#!/bin/bash\n"+text+"\n"), 0o755); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) port() int { return h.ln.Addr().(*net.TCPAddr).Port }

func (h *host) cutAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.open {
		c.Close()
	}
	h.open = nil
}

func (h *host) serve(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		if len(h.cuts) > 0 {
			cc := &cutConn{Conn: conn}
			cc.after(h.cuts[0])
			conn = cc
			h.cuts = h.cuts[1:]
		}
		h.open = append(h.open, conn)
		h.met++
		refused, words := h.busy > 0, h.refuse
		h.busy--
		h.mu.Unlock()
		if refused {
			io.WriteString(conn, words)
			conn.Close()
			continue
		}
		go h.handle(conn)
	}
}

// cutConn is a connection that breaks after so many bytes to the client.
type cutConn struct {
	net.Conn
	mu    sync.Mutex
	armed bool
	left  int
}

// after arms the cut; 0: never.
func (c *cutConn) after(n int) {
	c.mu.Lock()
	c.armed, c.left = n > 0, n
	c.mu.Unlock()
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed && len(p) >= c.left {
		c.Conn.Write(p[:c.left])
		c.left = 0
		c.Conn.Close()
		return 0, errors.New("cut")
	}
	c.left -= len(p)
	return c.Conn.Write(p)
}

func (h *host) handle(conn net.Conn) {
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if h.allowed != nil && string(key.Marshal()) == string(h.allowed.Marshal()) {
			return nil, nil
		}
		return nil, errors.New("no")
	}}
	config.AddHostKey(h.key)
	_, chans, reqs, err := ssh.NewServerConn(conn, config)
	if err != nil {
		conn.Close()
		return
	}
	go ssh.DiscardRequests(reqs)
	for nc := range chans {
		switch nc.ChannelType() {
		case "session":
			ch, reqs, err := nc.Accept()
			if err == nil {
				go h.session(ch, reqs)
			}
		case "direct-tcpip":
			h.mu.Lock()
			h.execs = append(h.execs, "forward")
			h.mu.Unlock()
			go forward(nc)
		default:
			nc.Reject(ssh.UnknownChannelType, "no")
		}
	}
}

func forward(nc ssh.NewChannel) {
	var d struct {
		Host  string
		Port  uint32
		From  string
		FPort uint32
	}
	ssh.Unmarshal(nc.ExtraData(), &d)
	to, err := net.Dial("tcp", net.JoinHostPort(d.Host, fmt.Sprint(d.Port)))
	if err != nil {
		nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	go func() { io.Copy(to, ch); to.Close() }()
	io.Copy(ch, to)
	ch.Close()
}

// session runs one command as sshd does: in a session of its own, not killed
// when the connection goes.
func (h *host) session(ch ssh.Channel, reqs <-chan *ssh.Request) {
	var cmd *exec.Cmd
	for r := range reqs {
		switch r.Type {
		case "exec":
			line := string(r.Payload[4:][:binary.BigEndian.Uint32(r.Payload)])
			h.mu.Lock()
			h.execs = append(h.execs, line)
			h.mu.Unlock()
			cmd = exec.Command("/bin/bash", "-c", h.here(line))
			cmd.Dir = h.path
			cmd.Env = []string{"PATH=" + h.path + ":" + os.Getenv("PATH"), "HOME=/root", "LEAK=yes"}
			if h.broken {
				cmd.Env[0] = "PATH=/opt/x:$PATH"
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			r.Reply(true, nil)
			if err := h.run(cmd, ch); err != nil {
				ch.Close()
			}
		case "signal":
			if cmd != nil && cmd.Process != nil {
				syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
			}
		default:
			if r.WantReply {
				r.Reply(false, nil)
			}
		}
	}
}

// here replaces /bin/sh in a command line by the shell of the test's choice.
func (h *host) here(line string) string {
	own := filepath.Join(h.path, "sh")
	if _, err := os.Stat(own); err != nil {
		return line
	}
	return strings.ReplaceAll(line, "/bin/sh -c", own+" -c")
}

func (h *host) run(cmd *exec.Cmd, ch ssh.Channel) error {
	in, w, err := os.Pipe()
	if err != nil {
		return err
	}
	or, ow, err := os.Pipe()
	if err != nil {
		return err
	}
	er, ew, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, ow, ew
	err = cmd.Start()
	in.Close()
	ow.Close()
	ew.Close()
	if err != nil {
		return err
	}
	go func() { io.Copy(w, ch); w.Close() }()
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); io.Copy(ch, or); or.Close() }()
	go func() { defer wg.Done(); io.Copy(ch.Stderr(), er); er.Close() }()
	go func() {
		cmd.Wait()
		wg.Wait()
		status := cmd.ProcessState.ExitCode()
		if status < 0 {
			status = 255
		}
		ch.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(status)))
		ch.Close()
	}()
	return nil
}

// guestOptions are the target and options that lead to h's own shell.
func (h *host) guestOptions(identity ssh.Signer) (Target, Options) {
	return Target{CTID: 100, Address: netip.MustParseAddr("127.0.0.1")},
		Options{Transport: "guest", Identity: identity, NoUserKeys: true, Port: h.port(), SSHDeadline: 10 * time.Second}
}

// nodeSSH is the way to h as a node, its host key known.
func (h *host) nodeSSH(identity string) *NodeSSH {
	h.t.Helper()
	known := filepath.Join(h.t.TempDir(), "known_hosts")
	line := knownhosts.Line([]string{h.ln.Addr().String()}, h.key.PublicKey())
	if err := os.WriteFile(known, []byte(line+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return &NodeSSH{Host: "127.0.0.1", Port: h.port(), User: "root", Identity: identity, KnownHosts: known,
		ConfigFile: "none", AgentSocket: "/nonexistent"}
}

// shared gets into a host that tests share, by the guest transport: for tests that neither
// break the link nor count connections.
func shared(t *testing.T, argv ...string) Guest {
	t.Helper()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	key := strings.Join(argv, " ")
	if g := sharedGuests[key]; g != nil {
		return g
	}
	id := newSigner(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "guest-shared-")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, ln: ln, key: newSigner(t), allowed: id.PublicKey(), path: dir}
	h.shell(argv)
	go h.serve(ln)
	target, o := h.guestOptions(id)
	g, err := Open(context.Background(), target, o)
	if err != nil {
		t.Fatal(err)
	}
	sharedGuests[key] = g
	sharedDirs = append(sharedDirs, dir)
	return g
}

var (
	sharedMu     sync.Mutex
	sharedGuests = map[string]Guest{}
	sharedDirs   []string
)

// closeShared ends what shared has opened.
func closeShared() {
	for _, g := range sharedGuests {
		g.Close()
	}
	for _, dir := range sharedDirs {
		os.RemoveAll(dir)
	}
}

// open gets into a fresh host by the guest transport.
func open(t *testing.T, argv ...string) (*host, Guest) {
	t.Helper()
	id := newSigner(t)
	h := newHost(t, id.PublicKey(), argv...)
	target, o := h.guestOptions(id)
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return h, g
}

// ctxFor ends with the test, or after a while.
func ctxFor(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// stallable is a proxy that stops passing anything on when stall is called.
func stallable(t *testing.T, to string) (port int, stall func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() { ln.Close() })
	pass := func(dst, src net.Conn) {
		buf := make([]byte, 4096)
		for {
			n, err := src.Read(buf)
			select {
			case <-stop:
				<-t.Context().Done()
				return
			default:
			}
			if n > 0 {
				dst.Write(buf[:n])
			}
			if err != nil {
				dst.Close()
				return
			}
		}
	}
	go func() {
		for {
			a, err := ln.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				return
			}
			go pass(a, b)
			go pass(b, a)
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port, func() { close(stop) }
}

// cutSoon breaks the newest connection after so many more bytes to the client.
func (h *host) cutSoon(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[len(h.open)-1].(*cutConn).after(n)
}

// benchGuest is open for benchmarks.
func benchGuest(b *testing.B) Guest {
	b.Helper()
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	id, err := ssh.NewSignerFromKey(private)
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	h := &host{ln: ln, key: id, allowed: id.PublicKey(), path: b.TempDir()}
	go h.serve(ln)
	target, o := h.guestOptions(id)
	g, err := Open(b.Context(), target, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { g.Close(); ln.Close() })
	return g
}
