package guest

import (
	"bytes"
	"context"
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
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// freePort is a port on which nothing listens.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func TestTrustOnFirstUse(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	target, o := h.guestOptions(id)
	var pinned []string
	o.PinHostKey = func(fp string) error { pinned = append(pinned, fp); return nil }
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	if want := ssh.FingerprintSHA256(h.key.PublicKey()); len(pinned) != 1 || pinned[0] != want {
		t.Fatalf("pinned %v, not %s", pinned, want)
	}
	target.HostKeys = append([]string{"SHA256:of-the-rsa-key"}, pinned...)
	if g, err = Open(ctxFor(t), target, o); err != nil {
		t.Fatal(err)
	}
	g.Close()
	if len(pinned) != 1 {
		t.Error("pinned twice")
	}
	o.PinHostKey = func(string) error { return errors.New("the database is locked") }
	target.HostKeys = nil
	if _, err = Open(ctxFor(t), target, o); err == nil || !strings.Contains(err.Error(), "the database is locked") {
		t.Errorf("%v", err)
	}
}

// auto ends at a changed host key and at a refused login. The error names the other ways.
func TestNeverFallsThrough(t *testing.T) {
	id := newSigner(t)
	node := newNode(t, id)
	h := newHost(t, id.PublicKey())
	for name, c := range map[string]struct {
		change func(*Target, *Options)
		kind   Kind
	}{
		"changed host key": {func(t *Target, _ *Options) { t.HostKeys = []string{"SHA256:another"} }, HostKeyChanged},
		"refused login":    {func(_ *Target, o *Options) { o.Identity = newSigner(t) }, AuthRefused},
	} {
		target, o := h.guestOptions(id)
		o.Transport, o.Node = "auto", node.nodeSSH(keyText(t, id))
		c.change(&target, &o)
		o.Console = func(context.Context, string, int) (io.ReadWriteCloser, error) {
			t.Error("the console was opened")
			return nil, io.EOF
		}
		pins := 0
		o.PinHostKey = func(string) error { pins++; return nil }
		_, err := Open(ctxFor(t), target, o)
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || pins > 0 ||
			!strings.Contains(e.Fix, "INFRAHAUS_SSH_TRANSPORT=node") || !strings.Contains(e.Fix, "INFRAHAUS_SSH_TRANSPORT=api") {
			t.Errorf("%s: %v, %d pins, %q", name, err, pins, e.Fix)
		}
	}
	if len(node.execs) > 0 {
		t.Error("the node was used")
	}
}

// A link that was open does not come back to another host key.
func TestReconnectChecksTheKey(t *testing.T) {
	h, g := open(t)
	h.key = newSigner(t)
	h.cutAll()
	if err := g.Reconnect(ctxFor(t)); KindOf(err) != HostKeyChanged {
		t.Errorf("%v", err)
	}
}

func TestNoSSHD(t *testing.T) {
	id := newSigner(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	for _, port := range []int{freePort(t), silent.Addr().(*net.TCPAddr).Port} {
		o := Options{Transport: "guest", Identity: id, NoUserKeys: true, Port: port, SSHDeadline: 50 * time.Millisecond}
		_, err := Open(ctxFor(t), Target{CTID: 100, Address: netip.MustParseAddr("127.0.0.1")}, o)
		if KindOf(err) != NoSSHD || !strings.Contains(err.Error(), fmt.Sprintf("127.0.0.1 by SSH on port %d within 100ms", port)) && !strings.Contains(err.Error(), "within 0s") && !strings.Contains(err.Error(), "within 50ms") {
			t.Errorf("%v", err)
		}
		o.Transport = "auto"
		_, err = Open(ctxFor(t), Target{CTID: 100, Address: netip.MustParseAddr("127.0.0.1")}, o)
		if !absent(err) || !strings.Contains(err.Error(), "node") || !strings.Contains(hintOf(err), "INFRAHAUS_SSH_NODE") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "guest"}); KindOf(err) != NotConfigured {
		t.Errorf("%v", err)
	}
	if _, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "telnet"}); KindOf(err) != NotConfigured {
		t.Errorf("%v", err)
	}
}

// The guest is dialled while it starts, and its deadline does not run yet.
func TestOpenBeforeTheStart(t *testing.T) {
	id := newSigner(t)
	port := freePort(t)
	up := make(chan struct{})
	var waiting []string
	o := Options{Identity: id, NoUserKeys: true, Port: port, SSHDeadline: 10 * time.Second, Up: up,
		Waiting: func(s string) { waiting = append(waiting, s) }}
	done := make(chan error, 1)
	go func() {
		g, err := Open(ctxFor(t), Target{CTID: 100, Address: netip.MustParseAddr("127.0.0.1")}, o)
		if err == nil {
			g.Close()
		}
		done <- err
	}()
	h := newHost(t, id.PublicKey())
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go h.serve(ln)
	if err := <-done; err != nil { // long before up
		t.Fatal(err)
	}
	close(up)
	if len(waiting) != 1 || !strings.Contains(waiting[0], "sshd") {
		t.Errorf("%q", waiting)
	}
}

func TestOpenEndsWithCtx(t *testing.T) {
	ctx, cancel := context.WithCancel(ctxFor(t))
	o := Options{Transport: "guest", NoUserKeys: true, Port: freePort(t), Up: make(chan struct{}),
		Waiting: func(string) { cancel() }}
	if _, err := Open(ctx, Target{CTID: 100, Address: netip.MustParseAddr("127.0.0.1")}, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestStopped(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	target, o := h.guestOptions(id)
	o.Running = func(context.Context) (bool, error) { return false, nil }
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	a := attempt(t, "echo up; sleep 5")
	heard := newHeard()
	go func() { <-heard.seen; h.ln.Close(); h.cutAll() }()
	if _, err = RunAttempt(ctxFor(t), g, a, Offsets{}, heard.sink()); KindOf(err) != Gone {
		t.Errorf("%v", err)
	}
	_ = exitAttempt(a)
}

func TestEnsureKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "key")
	lines := make([]string, 20)
	var wg sync.WaitGroup
	for i := range lines {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, line, err := EnsureKey(path)
			if err != nil {
				t.Error(err)
			}
			lines[i] = line
		}()
	}
	wg.Wait()
	for _, l := range lines {
		if l != lines[0] || !strings.HasPrefix(l, "ssh-ed25519 ") {
			t.Fatalf("%q and %q", l, lines[0])
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/.key*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := EnsureKey(path); err == nil {
		t.Error("garbage is taken for a key")
	}
	if b, _ := os.ReadFile(path); !bytes.Equal(b, []byte("garbage")) {
		t.Error("a key that cannot be read was replaced")
	}
}

func hintOf(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	return strings.Join(e.NextSteps(), "\n")
}

// If the session's PATH is unusable, as pam_env makes it from PATH="/opt/x:$PATH" in
// /etc/environment, the agent still starts and has a PATH that works.
func TestUnusablePath(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	h.broken = true
	target, o := h.guestOptions(id)
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if out, errs, status := do(t, g, `echo "$PATH"; ls / | grep -x etc`, ""); out != fixedPath+"\netc\n" || status != 0 {
		t.Errorf("%q %q %d", out, errs, status)
	}
	mustRun(t, g, attempt(t, "ls / >/dev/null"))

	// On the node the session's PATH comes after ours.
	cmd := exec.Command("/bin/bash", "-c", onNode("root", `env`))
	cmd.Env = []string{"PATH=/opt/x:$PATH"}
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "PATH="+fixedPath+":/opt/x:$PATH\n") {
		t.Errorf("%v %s", err, out)
	}
}

// If a guest refuses our key, auto ends with an error that names all other ways. An
// adopted container never got our key: there auto tries the node.
func TestAutoRefused(t *testing.T) {
	id := newSigner(t)
	inside, node := newHost(t, newSigner(t).PublicKey()), newNode(t, id)
	target, o := inside.guestOptions(id)
	o.Transport = "auto"
	console := func(context.Context, string, int) (io.ReadWriteCloser, error) {
		t.Error("the console was opened")
		return nil, io.EOF
	}
	for name, c := range map[string]struct {
		node    *NodeSSH
		console bool
		adopted bool
		hints   string
	}{
		"nothing else":      {nil, false, false, "or go through the node: INFRAHAUS_SSH_TRANSPORT=node with INFRAHAUS_SSH_NODE (user@host:port)"},
		"all":               {node.nodeSSH(keyText(t, id)), true, false, "or go through the node: INFRAHAUS_SSH_TRANSPORT=node\nor get in by its console, with root's password: INFRAHAUS_SSH_TRANSPORT=api"},
		"adopted, no node":  {nil, true, true, "or go through the node: INFRAHAUS_SSH_TRANSPORT=node with INFRAHAUS_SSH_NODE (user@host:port)\nor get in by its console, with root's password: INFRAHAUS_SSH_TRANSPORT=api"},
		"adopted, the node": {node.nodeSSH(keyText(t, id)), true, true, ""},
	} {
		var notes []string
		o.Node, o.Adopted, o.Console = c.node, c.adopted, nil
		o.Note = func(s string) { notes = append(notes, s) }
		if c.console {
			o.Console = console
		}
		g, err := Open(ctxFor(t), target, o)
		if c.hints == "" {
			if err != nil || g.Transport() != "node" || len(notes) != 1 || !strings.Contains(notes[0], "no key was accepted, for infrahaus did not make this container") {
				t.Errorf("%s: %v %q", name, err, notes)
			}
			continue
		}
		var e *Error
		if KindOf(err) != AuthRefused || !errors.As(err, &e) || !strings.HasSuffix(e.Fix, "\n"+c.hints) {
			t.Errorf("%s: %v %+v", name, err, e)
		}
	}
}
