package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not come", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// inGuest logs in to the guest's own sshd, with the key that was put there.
func inGuest(t *testing.T, s *Sandbox) *ssh.Client {
	t.Helper()
	key, err := os.ReadFile(s.Endpoint().SSHIdentity)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	n := s.Node()
	guest(t, s, "mkdir -p -m 700 /root/.ssh")
	lines := string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	if err := n.Push(t.Context(), node.Root, 100, "/root/.ssh/authorized_keys", strings.NewReader(lines), "0600", "", ""); err != nil {
		t.Fatal(err)
	}
	var addr netip.Addr
	waitFor(t, "the guest's address", func() bool {
		ifs, err := n.Addresses(t.Context(), 100)
		if err == nil && len(ifs) > 1 {
			addr = ifs[1].Addr.Addr()
		}
		return addr.IsValid()
	})
	var c *ssh.Client
	waitFor(t, "the guest's sshd", func() bool {
		c, err = ssh.Dial("tcp", addr.String()+":22", &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		return err == nil
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// dhcpGuest is container 100 with an address that can be reached from here.
func dhcpGuest(t *testing.T, s *Sandbox) {
	t.Helper()
	n := s.Node()
	for _, do := range []func() (string, error){
		func() (string, error) {
			return n.Create(t.Context(), node.Root, node.Params{
				"vmid": "100", "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "hostname": "web-01", "rootfs": "local-lvm:4",
				"net0": "name=eth0,bridge=vmbr0,ip=dhcp", "unprivileged": "1", "features": "nesting=1", "ssh-public-keys": "",
			})
		},
		func() (string, error) { return n.Start(t.Context(), node.Root, 100, nil) },
	} {
		upid, err := do()
		if err != nil {
			t.Fatal(err)
		}
		if exit, err := n.Follow(t.Context(), upid, func(string) {}); err != nil || exit != "OK" {
			t.Fatal(exit, err)
		}
	}
}

func guest(t *testing.T, s *Sandbox, script string) string {
	t.Helper()
	var out bytes.Buffer
	_, err := s.Node().Exec(t.Context(), 100, driver.Exec{Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return out.String()
}

// TestLinkCut: connections to the node and to the guest drop, once, and what was
// cut loose in the guest goes on.
func TestLinkCut(t *testing.T) {
	for _, driver := range drivers() {
		for _, value := range []string{"", "=/root/now"} {
			t.Run(driver+value, func(t *testing.T) {
				s := open(t, Options{Dir: t.TempDir(), Driver: driver})
				dhcpGuest(t, s)
				ended := make(chan error, 2)
				for _, c := range []*ssh.Client{inGuest(t, s), login(t, s.Endpoint())} {
					go func() { ended <- c.Wait() }()
				}
				s.arm(t, "link-cut"+value)
				if value != "" {
					guest(t, s, "setsid sh -c 'until [ -e /root/go ]; do sleep 0.05; done; echo on >/root/on' </dev/null >/dev/null 2>&1 & : >/root/now")
				}
				<-ended
				<-ended
				waitFor(t, "the end of the fault", func() bool { return len(s.Faults().Values("link-cut")) == 0 })
				if out, _, _ := remote(t, login(t, s.Endpoint()), "echo again", nil); out != "again\n" {
					t.Errorf("the node's next link: %q", out)
				}
				inGuest(t, s)
				if value != "" {
					guest(t, s, ": >/root/go")
					waitFor(t, "the detached process", func() bool { return guest(t, s, "cat /root/on 2>/dev/null") == "on\n" })
				}
			})
		}
	}
}

// arm adds a fault as the command line would.
func (s *Sandbox) arm(t *testing.T, text string) {
	t.Helper()
	x, err := driver.ParseFault(text)
	if err != nil {
		t.Fatal(err)
	}
	s.Faults().Add(x)
}

// TestPowerLoss: by hand and by fault, the node is back where it was, its tasks
// are dead, and the guest that ran runs again.
func TestPowerLoss(t *testing.T) {
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), Driver: driver, Faults: []string{"create-hang:2"}})
			s.Faults().Clear("create-hang")
			dhcpGuest(t, s)
			s.arm(t, "create-hang")
			before := s.Endpoint()
			for id, lose := range map[string]func(){
				"101": func() {
					if err := s.Reboot(t.Context(), 0); err != nil {
						t.Fatal(err)
					}
				},
				"102": func() {
					old := s.Node()
					s.arm(t, "node-reboot=50ms@/root/fall")
					_, _ = old.Exec(t.Context(), 100, drv(": >/root/fall", nil)) // the power may go before the shell's end is known
					waitFor(t, "the node's reboot", func() bool { return s.Node() != old })
				},
			} {
				hung, err := s.Node().Create(t.Context(), node.Root, node.Params{"vmid": id, "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "rootfs": "local-lvm:1"})
				if err != nil {
					t.Fatal(err)
				}
				link := login(t, before)
				boot := guest(t, s, "cat /proc/sys/kernel/random/boot_id; cut -d' ' -f22 /proc/1/stat")
				lose()
				if err := link.Wait(); err == nil {
					t.Error("the link ended well")
				}
				var c *ssh.Client
				waitFor(t, "the node", func() bool { c = tryLogin(t, before); return c != nil })
				want := "lock: create\nstatus: running\nweb-01\nCT is locked (create)\n0\n"
				if out, _, _ := remote(t, c, fmt.Sprintf("pct config %[1]s; pct status 100; pct exec 100 -- cat /etc/hostname; pct destroy %[1]s 2>&1; pct unlock %[1]s; pct destroy %[1]s; echo $?", id), nil); out != want {
					t.Errorf("after the loss: %q", out)
				}
				if st, err := s.Node().TaskStatus(node.Root, hung); err != nil || st["exitstatus"] != "unexpected status" {
					t.Errorf("the create: %v %v", st, err)
				}
				if again := guest(t, s, "cat /proc/sys/kernel/random/boot_id; cut -d' ' -f22 /proc/1/stat"); again == boot {
					t.Error("the guest did not boot")
				}
			}
			if !reflect.DeepEqual(s.Endpoint(), before) || s.Stats().PctStarts < 10 {
				t.Errorf("%+v, was %+v; %+v", s.Endpoint(), before, s.Stats())
			}
		})
	}
}

// TestGuestReboots: the guest with the file, and with no task to tell of it.
func TestGuestReboots(t *testing.T) {
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), Driver: driver, Faults: []string{"guest-reboot=/root/now"}})
			dhcpGuest(t, s)
			boot := func() string {
				var out bytes.Buffer
				_, _ = s.Node().Exec(t.Context(), 100, drv("cat /proc/sys/kernel/random/boot_id && cut -d' ' -f22 /proc/1/stat", &out))
				return out.String()
			}
			first := boot()
			_, _ = s.Node().Exec(t.Context(), 100, drv(": >/root/now", nil)) // it may go down before the shell has ended
			waitFor(t, "the next boot", func() bool { b := boot(); return b != first && strings.Count(b, "\n") == 2 })
			rows, _ := s.Node().Tasks(node.Root, node.Params{"source": "all", "vmid": "100"})
			if len(rows) != 2 {
				t.Errorf("%d tasks, not create and start", len(rows))
			}
			// A command may get in before the node has seen that the start is over.
			waitFor(t, "the node to say running", func() bool {
				st, err := s.Node().Status(100)
				return err == nil && st["status"] == "running"
			})
		})
	}
}

func drv(script string, out io.Writer) driver.Exec {
	if out == nil {
		out = io.Discard
	}
	return driver.Exec{Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Stdout: out}
}

// TestFaultsFrom: a file that comes later and grows, and a fifo, with an answer
// for each line.
func TestFaultsFrom(t *testing.T) {
	for _, kind := range []string{"file", "fifo"} {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "faults")
			if kind == "fifo" {
				if err := syscall.Mkfifo(path, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var mu sync.Mutex
			var log []string
			said := func(line string) func() bool {
				return func() bool {
					mu.Lock()
					defer mu.Unlock()
					for _, l := range log {
						if l == line {
							return true
						}
					}
					return false
				}
			}
			s, err := Open(t.Context(), Options{Dir: t.TempDir(), FaultsFrom: path, Log: func(l string) {
				mu.Lock()
				defer mu.Unlock()
				log = append(log, l)
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			write := func(text string) {
				f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteString(text); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
			write("# a comment\nstart-")
			write("fail=no luck:2\n\nnonsense\n")
			waitFor(t, "the fault", said("fault start-fail=no luck:2"))
			waitFor(t, "the refusal", said(`cannot play a fault: unknown fault "nonsense"`))
			if v, ok := s.Faults().Has("start-fail"); !ok || v != "no luck" {
				t.Errorf("%q %t", v, ok)
			}
			write("-start-fail\nclock-jump=24h\n")
			waitFor(t, "its end", said("fault -start-fail"))
			if _, ok := s.Faults().Has("start-fail"); ok {
				t.Error("the fault was not taken back")
			}
			waitFor(t, "the jump", func() bool {
				return len(s.Faults().Values("clock-jump")) == 0 && time.Until(s.Faults().Now()) > 23*time.Hour
			})
		})
	}
}

// TestClockJump: new tasks start by the new clock, on the node and in its shell.
func TestClockJump(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	dhcpGuest(t, s)
	s.arm(t, "clock-jump=-72h@/root/now")
	guest(t, s, ": >/root/now")
	waitFor(t, "the jump", func() bool { return time.Until(s.Faults().Now()) < -time.Hour })
	link := login(t, s.Endpoint())
	remote(t, link, "pct stop 100", nil)
	rows, _ := s.Node().Tasks(node.Root, node.Params{"source": "all", "typefilter": "vzstop"})
	if len(rows) != 1 || time.Until(time.Unix(rows[0]["starttime"].(int64), 0)) > -71*time.Hour {
		t.Errorf("the stop: %v", rows)
	}
	if out, _, _ := remote(t, link, "date +%s", nil); out > fmt.Sprintln(time.Now().Add(-71*time.Hour).Unix()) {
		t.Errorf("the node's date is %s", out)
	}
}
