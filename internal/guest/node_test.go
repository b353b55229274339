package guest

import (
	"crypto"
	"encoding/pem"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func itoa(n int) string { return strconv.Itoa(n) }

// keyText is a signer's private key as text; only for signers of newSigner.
func keyText(t *testing.T, s ssh.Signer) string {
	t.Helper()
	b, ok := keys.Load(string(s.PublicKey().Marshal()))
	if !ok {
		t.Fatal("not a key of this test")
	}
	block, err := ssh.MarshalPrivateKey(b.(crypto.PrivateKey), "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// newNode is a host with a pct that runs things here.
func newNode(t *testing.T, id ssh.Signer) *host {
	h := newHost(t, id.PublicKey())
	h.tool("pct", `[ "$1 $3 $4 $5" = "exec --keep-env 0 --" ] || { echo "400 wrong: $*" >&2; exit 255; }
[ "$2" = 999 ] && { echo "Configuration file 'nodes/pve1/lxc/999.conf' does not exist" >&2; exit 2; }
[ "$2" = 101 ] && { echo "container '101' not running!" >&2; exit 255; }
echo "perl: warning: Setting locale failed." >&2
shift 5; exec env -i PATH="$PATH" TERM=linux container=lxc "$@"`)
	return h
}

func TestNode(t *testing.T) {
	id := newSigner(t)
	h := newNode(t, id)
	var notes []string
	o := Options{Transport: "auto", Identity: id, Node: h.nodeSSH(keyText(t, id)), Note: func(s string) { notes = append(notes, s) }}
	g, err := Open(ctxFor(t), Target{CTID: 100}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if g.Transport() != "node" || len(notes) != 1 || !strings.Contains(notes[0], "its address is not known") {
		t.Errorf("%s %q", g.Transport(), notes)
	}
	out, errs, _ := do(t, g, `echo "$container,$LEAK"`, "")
	if out != "lxc,\n" || errs != "" {
		t.Errorf("%q %q", out, errs)
	}
	for range 3 {
		mustRun(t, g, attempt(t, "echo x"))
	}
	if s := g.Stats(); s != (Stats{Connections: 1, Shells: 1, Commands: 4}) || len(h.execs) != 1 {
		t.Errorf("%+v, %d starts of pct", s, len(h.execs))
	}
	if strings.Contains(h.execs[0], "\n") || !strings.HasPrefix(h.execs[0], "exec /bin/sh -c 'PATH="+fixedPath+":$PATH; export PATH; exec pct exec 100 --keep-env 0 -- /bin/sh -c ") {
		t.Errorf("%q", h.execs[0])
	}
}

// pct exec ends with 255 if the container does not run and with 2 if it does not exist,
// but a program may end with these, too. So the status comes from the marker, not from
// pct.
func TestNodeStatuses(t *testing.T) {
	id := newSigner(t)
	h := newNode(t, id)
	g, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "node", Node: h.nodeSSH(keyText(t, id))})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, status := range []int{255, 2, 126, 127, 137, 0} {
		if _, _, got := do(t, g, "exit "+itoa(status), ""); got != status {
			t.Errorf("a command that ends with %d ends with %d", status, got)
		}
		if _, r := mustRun(t, g, attempt(t, "exit "+itoa(status))); r.Status != status {
			t.Errorf("a script that ends with %d ends with %d", status, r.Status)
		}
	}
	// A command that reads stdin gets nothing of the text that follows it on the link.
	if out, _, _ := do(t, g, "cat; (cat); sh -c 'read -r x; echo \"[$x]\"'", ""); out != "[]\n" {
		t.Errorf("a child was fed %q", out)
	}
	if out, _, _ := do(t, g, "echo next", ""); out != "next\n" || len(h.execs) != 1 {
		t.Errorf("%q, %d starts of pct", out, len(h.execs))
	}
}

func TestNodeOldPct(t *testing.T) {
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	h.tool("pct", `[ "$3" = -- ] || { echo "Unknown option: keep-env" >&2; echo "400 unable to parse option" >&2; exit 255; }
shift 3; exec "$@"`)
	g, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "node", Node: h.nodeSSH(keyText(t, id))})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if out, _, _ := do(t, g, `echo "$LEAK."`, ""); out != ".\n" {
		t.Errorf("the node's environment leaks: %q", out)
	}
	if second, err := g.Again(ctxFor(t)); err != nil {
		t.Error(err)
	} else {
		second.Close()
	}
	if len(h.execs) != 3 {
		t.Errorf("%d starts of pct", len(h.execs))
	}
}

// Stopping a script must not wait a second for Perl. It uses pct only if nothing faster
// works: here lxc-attach does not know the container, or is not installed.
func TestNodeKillHurries(t *testing.T) {
	id := newSigner(t)
	h := newNode(t, id)
	g, err := Open(ctxFor(t), Target{CTID: 1 << 30}, Options{Transport: "node", Node: h.nodeSSH(keyText(t, id))})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	a, heard := attempt(t, "echo up; sleep 60"), newHeard()
	done := make(chan Result, 1)
	go func() {
		r, _ := RunAttempt(ctxFor(t), g, a, Offsets{}, heard.sink())
		done <- r
	}()
	<-heard.seen
	if spared, err := Kill(ctxFor(t), g, a, time.Minute); err != nil || spared {
		t.Errorf("%t, %v", spared, err)
	}
	if r := <-done; r.Status != 143 {
		t.Errorf("%+v", r)
	}
	if n := len(h.execs); n != 3 || !strings.Contains(h.execs[1], "exec lxc-attach -n 1073741824 --clear-env -- ") || !strings.Contains(h.execs[2], "exec pct exec ") {
		t.Errorf("%q", h.execs)
	}
}

func TestNodeErrors(t *testing.T) {
	id := newSigner(t)
	h := newNode(t, id)
	ok := h.nodeSSH(keyText(t, id))
	with := func(f func(*NodeSSH)) *NodeSSH { n := *ok; f(&n); return &n }
	empty := filepath.Join(t.TempDir(), "known")
	other := newHost(t, id.PublicKey())
	moved := other.nodeSSH("").KnownHosts
	text, _ := os.ReadFile(moved)
	text = []byte(strings.ReplaceAll(string(text), itoa(other.port()), itoa(h.port())))
	if err := os.WriteFile(moved, text, 0o600); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(empty, nil, 0o600)
	for name, c := range map[string]struct {
		node *NodeSSH
		ctid int
		kind Kind
		says string
	}{
		"not configured": {nil, 100, NotConfigured, "no SSH address"},
		"no host":        {&NodeSSH{}, 100, NotConfigured, "no SSH address"},
		"stopped":        {ok, 101, Gone, "container 101: it is not running"},
		"unknown":        {ok, 999, Gone, "has no such container"},
		"nothing there":  {with(func(n *NodeSSH) { n.Port = freePort(t) }), 100, NoSSHD, "cannot reach the node 127.0.0.1"},
		"new host key":   {with(func(n *NodeSSH) { n.KnownHosts = empty }), 100, HostKeyUnknown, "is not in known_hosts"},
		"other host key": {with(func(n *NodeSSH) { n.KnownHosts = moved }), 100, HostKeyChanged, "is not the one in"},
		"wrong key":      {with(func(n *NodeSSH) { n.Identity = keyText(t, newSigner(t)) }), 100, AuthRefused, "cannot log in to the node 127.0.0.1 as root"},
		"no key file":    {with(func(n *NodeSSH) { n.Identity = "/nonexistent/key" }), 100, NotConfigured, "no such file"},
	} {
		_, err := Open(ctxFor(t), Target{CTID: c.ctid}, Options{Transport: "node", Node: c.node})
		if KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "cannot ") {
			t.Errorf("%s: %s: %v", name, KindOf(err), err)
		}
	}
	h.tool("pct", "exit 3")
	if _, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "node", Node: ok}); KindOf(err) != Protocol {
		t.Errorf("%v", err)
	}
}

func TestJump(t *testing.T) {
	id := newSigner(t)
	inside := newHost(t, id.PublicKey())
	node := newHost(t, id.PublicKey())
	target, o := inside.guestOptions(id)
	o.Jump = node.nodeSSH(keyText(t, id))
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	do(t, g, "true", "")
	if s := g.Stats(); s.Connections != 2 || g.Transport() != "guest" {
		t.Errorf("%+v", s)
	}
	node.cutAll()
	ctx := ctxFor(t)
	for {
		if _, err := g.Run(ctx, Cmd{Script: "true"}); err != nil {
			break
		}
	}
	if err := g.Reconnect(ctx); err != nil {
		t.Fatal(err)
	}
	do(t, g, "true", "")
}

// exitAttempt ends what a test left running.
func exitAttempt(a Attempt) error {
	b, err := os.ReadFile(a.Dir + "/pid")
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.Fields(string(b))[0])
	if err != nil {
		return err
	}
	return syscall.Kill(-pid, syscall.SIGKILL)
}
