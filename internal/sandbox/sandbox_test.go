package sandbox

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// TestOpenAtOnce: of any number of openers one owns, the others reach it, and
// it waits for them.
func TestOpenAtOnce(t *testing.T) {
	dir := t.TempDir()
	const n = 20
	all := make([]*Sandbox, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[i], errs[i] = Open(t.Context(), Options{Dir: dir}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	var owner *Sandbox
	for _, s := range all {
		if s.Owner() {
			if owner != nil {
				t.Fatal("two owners")
			}
			owner = s
		}
		if !reflect.DeepEqual(s.Endpoint(), all[0].Endpoint()) {
			t.Errorf("another endpoint: %+v", s.Endpoint())
		}
	}
	if owner == nil {
		t.Fatal("no owner")
	}
	closed := make(chan error)
	go func() { closed <- owner.Close() }()
	for _, s := range all {
		select {
		case <-closed:
			t.Fatal("the owner left while others were connected")
		default:
		}
		if s != owner {
			login(t, s.Endpoint())
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestNextOwner: ports, certificate, token and containers are the same.
func TestNextOwner(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	first, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.Context(), Options{Dir: dir})
	if err != nil || other.Owner() {
		t.Fatal("not connected", err)
	}
	cancel() // told to go: the owner does not wait for the other
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, Options{Dir: dir})
	if !second.Owner() || !reflect.DeepEqual(second.Endpoint(), first.Endpoint()) {
		t.Errorf("owner %t, %+v, was %+v", second.Owner(), second.Endpoint(), first.Endpoint())
	}
	other.Close()
}

func TestDeepDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	login(t, open(t, Options{Dir: dir}).Endpoint())
}

func TestPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, Options{Dir: dir})
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if i, err := e.Info(); err != nil || i.Mode().IsRegular() && i.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", e.Name(), i.Mode(), err)
		}
	}
	for _, p := range []string{dir, s.Endpoint().SSHIdentity, filepath.Dir(s.Endpoint().SSHIdentity)} {
		if i, err := os.Stat(p); err != nil || i.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", p, i.Mode(), err)
		}
	}
}

func TestReset(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	before := s.Endpoint()
	if err := Reset(dir); err == nil {
		t.Error("reset under an owner's feet")
	}
	s.Close()
	if err := Reset(dir); err != nil {
		t.Fatal(err)
	}
	after := open(t, Options{Dir: dir}).Endpoint()
	if after.Token == before.Token || after.Fingerprint == before.Fingerprint {
		t.Error("the old login still holds")
	}
	if err := Reset(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
}

func TestExports(t *testing.T) {
	text := Exports(Endpoint{URL: "https://127.0.0.1:1", Token: "root@pam!x=s", Node: "it's"})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := lines[len(lines)-1]; last != "export INFRAHAUS_TOKEN='root@pam!x=s'" {
		t.Errorf("last line %q", last)
	}
	if !strings.Contains(text, `export INFRAHAUS_NODE='it'\''s'`) {
		t.Error("not quoted:", text)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{Driver: "kvm"}, {Faults: []string{"no-such-fault"}}} {
		o.Dir = t.TempDir()
		if s, err := Open(t.Context(), o); err == nil {
			s.Close()
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestNodeLogin(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	_, addr, _ := strings.Cut(s.Endpoint().SSHNode, "@")
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	signer, _ := ssh.NewSignerFromKey(stranger)
	own, _ := os.ReadFile(s.Endpoint().SSHIdentity)
	identity, _ := ssh.ParsePrivateKey(own)
	for _, tt := range []struct {
		user string
		auth ssh.AuthMethod
	}{{"root", ssh.PublicKeys(signer)}, {"root", ssh.Password(s.Endpoint().Password)}, {"admin", ssh.PublicKeys(identity)}} {
		c, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: tt.user, Auth: []ssh.AuthMethod{tt.auth}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if err == nil {
			c.Close()
			t.Errorf("%s was let in", tt.user)
		}
	}
}

func TestNodeFiles(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	ssh := login(t, s.Endpoint())
	c, err := sftp.NewClient(ssh)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := c.Create("/tmp/up")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "through sftp\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := c.Chmod("/tmp/up", 0o600); err != nil {
		t.Error(err)
	}
	if i, err := c.Stat("/tmp/up"); err != nil || i.Mode().Perm() != 0o600 || i.Size() != 13 {
		t.Errorf("%v %v", i, err)
	}
	if out, _, _ := remote(t, ssh, "while read -r l; do echo \"got $l\"; done < /tmp/up", nil); out != "got through sftp\n" {
		t.Errorf("the shell sees %q", out)
	}
	if err := c.Symlink("/etc/passwd", "/tmp/l"); err != nil {
		t.Error(err)
	}
	if target, err := c.ReadLink("/tmp/l"); err != nil || target != "/etc/passwd" {
		t.Errorf("link %q %v", target, err)
	}
	if _, err := c.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the machine's own files are there: %v", err)
	}
	if err := c.Rename("/tmp/up", "/tmp/up2"); err != nil {
		t.Error(err)
	}
	if names, err := c.ReadDir("/tmp"); err != nil || len(names) != 2 {
		t.Errorf("%d names, %v", len(names), err)
	}
	if err := c.Remove("/tmp/up2"); err != nil {
		t.Error(err)
	}
}

// TestSessionLost: when the SSH channel goes, the process in the guest sees the
// end of its input and is not killed.
func TestSessionLost(t *testing.T) {
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), Driver: driver})
			recordedGuest(t, s)
			c := login(t, s.Endpoint())
			session, err := c.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			stdin, _ := session.StdinPipe()
			stdout, _ := session.StdoutPipe()
			if err := session.Start(`exec pct exec 100 --keep-env 0 -- sh -c 'echo ready; while read -r x; do echo "$x"; done; echo over > /root/over'`); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(stdout)
			if l, _ := lines.ReadString('\n'); l != "ready\n" {
				t.Fatalf("read %q", l)
			}
			io.WriteString(stdin, "ping\n") // answered while stdin is open: nothing is held back
			if l, _ := lines.ReadString('\n'); l != "ping\n" {
				t.Fatalf("read %q", l)
			}
			c.Close()
			again := login(t, s.Endpoint())
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			for {
				if out, _, _ := remote(t, again, "pct exec 100 -- cat /root/over", nil); out == "over\n" {
					break
				}
				if ctx.Err() != nil {
					t.Fatal("the process did not go on to its end")
				}
			}
			if got := s.Stats(); got.PctStarts < 2 || got.PushTasks != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestReboot: guests that ran under an owner that left run under the next one.
func TestReboot(t *testing.T) {
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			dir := t.TempDir()
			first, err := Open(t.Context(), Options{Dir: dir, Driver: driver})
			if err != nil {
				t.Fatal(err)
			}
			recordedGuest(t, first)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			second := open(t, Options{Dir: dir})
			if got := second.Endpoint().Driver; got != driver {
				t.Errorf("driver %s, was %s", got, driver)
			}
			if out, _, _ := remote(t, login(t, second.Endpoint()), "pct status 100; pct exec 100 -- cat /etc/hostname", nil); out != "status: running\nweb-01\n" {
				t.Errorf("after the reboot: %q", out)
			}
			if _, err := second.Node().Status(101); err == nil {
				t.Error("a container that nobody made")
			}
		})
	}
}
