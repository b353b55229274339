package lxcguest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// open needs a real machine: root, LXC and a minute for the first template.
func open(t *testing.T, ctx context.Context) (*Driver, string) {
	t.Helper()
	if os.Getenv("INFRAHAUS_E2E") == "" {
		t.Skip("real guests run with INFRAHAUS_E2E=1 only")
	}
	archive, err := EnsureTemplate(ctx, "", "", func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(ctx, Options{Name: fmt.Sprintf("test-%d", os.Getpid())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(d.dir)
		if _, err := net.InterfaceByName(d.net.bridge); err == nil {
			t.Error("the bridge is still there")
		}
	})
	return d, archive
}

func sh(t *testing.T, d *Driver, vmid int, script, stdin string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	status, err := d.Exec(t.Context(), vmid, driver.Exec{
		Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Cwd: "/root",
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), status
}

func TestGuest(t *testing.T) {
	d, archive := open(t, t.Context())
	for i, unprivileged := range []bool{true, false} {
		t.Run(fmt.Sprintf("unprivileged=%t", unprivileged), func(t *testing.T) {
			c := driver.Config{VMID: 100 + i, Hostname: "web-01", Unprivileged: unprivileged, MemoryMiB: 512, OSTemplate: TemplateName, TemplatePath: archive,
				Interfaces: []driver.Interface{{Name: "eth0", MAC: fmt.Sprintf("BC:24:11:00:00:0%d", i), DHCP: true, Addr: netip.PrefixFrom(host(d.net.subnet, byte(10+i)), 24)}}}
			lifecycle(t, d, c)
		})
	}
}

func lifecycle(t *testing.T, d *Driver, c driver.Config) {
	var log []string
	add := func(s string) { log = append(log, s) }
	if err := d.Create(t.Context(), c, driver.Secrets{RootPassword: "correct horse", SSHKeys: []string{"ssh-ed25519 AAAA x"}}, add); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(log, "\n")
	if !strings.Contains(text, "Creating SSH host key 'ssh_host_ed25519_key' - this may take some time ...\ndone: SHA256:") || !strings.Contains(text, " root@web-01") {
		t.Errorf("log:\n%s", text)
	}
	if _, err := d.Exec(t.Context(), c.VMID, driver.Exec{Argv: []string{"true"}}); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("exec in a stopped guest: %v", err)
	}
	if err := d.Start(t.Context(), c, add); err != nil {
		t.Fatal(err, log)
	}
	waitFor(t, "its address", func() bool {
		ifs, err := d.Interfaces(t.Context(), c.VMID)
		return err == nil && len(ifs) == 2 && ifs[1].Addr == c.Interfaces[0].Addr
	})
	waitFor(t, "sshd", func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort(c.Interfaces[0].Addr.Addr().String(), "22"))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	inside(t, d, c)
	if err := d.Shutdown(t.Context(), c.VMID); err != nil {
		t.Fatal(err)
	}
	if pid := d.Pid(c.VMID); pid != 0 {
		t.Errorf("pid %d after shutdown", pid)
	}
	if err := d.Destroy(t.Context(), c.VMID); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.path(c.VMID)); err == nil {
		t.Error("destroy left something behind")
	}
}

func inside(t *testing.T, d *Driver, c driver.Config) {
	for _, tt := range []struct {
		script, stdin, out string
		status             int
	}{
		{"id -u; hostname; pwd", "", "0\nweb-01\n/root\n", 0},
		{"cat", "from stdin", "from stdin", 0},
		{"exit 7", "", "", 7},
		{"kill -9 $$", "", "", 137},
		{"stat -c '%a %U' /root/.ssh /root/.ssh/authorized_keys /etc/shadow", "", "700 root\n600 root\n640 root\n", 0},
		{"grep -c '^root:[$]6[$]' /etc/shadow", "", "1\n", 0},
		{"env | grep -v PWD | sort", "", "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nTERM=linux\ncontainer=lxc\n", 0},
	} {
		out, status := sh(t, d, c.VMID, tt.script, tt.stdin)
		if out != tt.out || status != tt.status {
			t.Errorf("%s: %q, status %d", tt.script, out, status)
		}
	}
	for argv, want := range map[string]int{"/nosuch": 127, "/etc/passwd": 126} {
		if got, err := d.Exec(t.Context(), c.VMID, driver.Exec{Argv: []string{argv}, Stderr: io.Discard}); err != nil || got != want {
			t.Errorf("%s: %d %v", argv, got, err)
		}
	}
	push(t, d, c.VMID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, w := io.Pipe()
	defer w.Close()
	if _, err := d.Exec(ctx, c.VMID, driver.Exec{Argv: []string{"cat"}, Stdin: r, Stdout: io.Discard}); !errors.Is(err, context.Canceled) {
		t.Errorf("exec of a caller that left: %v", err)
	}
}

func push(t *testing.T, d *Driver, vmid int) {
	ctx := t.Context()
	if err := d.Push(ctx, vmid, "/root/p", strings.NewReader("data\n"), "0600", "nobody", "nogroup"); err != nil {
		t.Error(err)
	}
	if err := d.Push(ctx, vmid, "/root/p", strings.NewReader("again\n"), "", "", ""); err != nil {
		t.Error(err)
	}
	if err := d.Push(ctx, vmid, "/no/p", strings.NewReader(""), "", "", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing parent: %v", err)
	}
	if out, _ := sh(t, d, vmid, "stat -c '%a %U:%G' /root/p; cat /root/p; ln -s /etc/hostname /root/abs", ""); out != "600 nobody:nogroup\nagain\n" {
		t.Errorf("pushed: %q", out)
	}
	r, err := d.Pull(ctx, vmid, "/root/abs") // an absolute link ends in the guest
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, _ := io.ReadAll(r); string(b) != "web-01\n" {
		t.Errorf("pulled %q", b)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("no %s in 5 minutes", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
