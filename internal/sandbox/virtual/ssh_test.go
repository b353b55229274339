package virtual

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// TestSSH logs in over a real socket where the host lets us listen.
func TestSSH(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	signer, _ := ssh.NewSignerFromKey(key)
	d, err := New(Options{Dir: t.TempDir(), BootDelay: time.Millisecond, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	c := testConfig(100, "debian-12")
	var lines []string
	if err := d.Create(context.Background(), c, driver.Secrets{SSHKeys: []string{string(ssh.MarshalAuthorizedKey(signer.PublicKey()))}}, func(s string) { lines = append(lines, s) }); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(context.Background(), c, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if out, _ := sh(t, d, 100, "systemctl is-system-running --wait"); out != "running\n" {
		t.Fatal(out)
	}
	conn, err := net.Dial("tcp", "127.77.1.10:22")
	if err != nil {
		t.Skipf("the host does not let us listen there: %v", err)
	}
	var seen string
	login := func(auth ssh.AuthMethod, conn net.Conn) (*ssh.Client, error) {
		cc, ch, rq, err := ssh.NewClientConn(conn, "guest", &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{auth}, HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			seen = ssh.FingerprintSHA256(k)
			return nil
		}})
		if err != nil {
			return nil, err
		}
		return ssh.NewClient(cc, ch, rq), nil
	}
	cl, err := login(ssh.PublicKeys(signer), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if !strings.Contains(strings.Join(lines, "\n"), "done: "+seen+" ") {
		t.Errorf("the host key %s is not in the create task's log %q", seen, lines)
	}
	s, _ := cl.NewSession()
	s.Stdin = strings.NewReader("hello")
	out, err := s.Output("cat; echo; echo $HOME; exit 3")
	if e, ok := errors.AsType[*ssh.ExitError](err); !ok || e.ExitStatus() != 3 || string(out) != "hello\n/root\n" {
		t.Errorf("%q, %v", out, err)
	}
	f, err := sftp.NewClient(cl)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := f.Create("/tmp/up")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("by sftp"))
	w.Close()
	if out, _ := sh(t, d, 100, "cat /tmp/up"); out != "by sftp" {
		t.Errorf("%q", out)
	}
	if conn, err = net.Dial("tcp", "127.77.1.10:22"); err == nil {
		if _, err := login(ssh.Password("secret"), conn); err == nil {
			t.Error("root logged in with a password")
		}
	}
}
