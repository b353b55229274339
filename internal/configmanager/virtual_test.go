package configmanager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

// machine is a virtual guest, with its own init, shell and package manager.
type machine struct {
	t  *testing.T
	d  *virtual.Driver
	c  driver.Config
	n  int
	at string // the last staging folder
}

func bootMachine(t *testing.T, os string) *machine {
	t.Helper()
	d, err := virtual.New(virtual.Options{Dir: t.TempDir(), BootDelay: time.Millisecond, NoListen: true, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	m := &machine{t: t, d: d, c: driver.Config{VMID: 100, Hostname: "web", OSTemplate: os, Interfaces: []driver.Interface{
		{Name: "eth0", MAC: "BC:24:11:00:00:01", Addr: netip.MustParsePrefix("127.77.1.10/24")}}}}
	ctx := context.Background()
	if err := d.Create(ctx, m.c, driver.Secrets{RootPassword: "secret"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	m.start()
	return m
}

func (m *machine) start() {
	m.t.Helper()
	if err := m.d.Start(context.Background(), m.c, func(string) {}); err != nil {
		m.t.Fatal(err)
	}
	m.sh("[ ! -d /run/systemd/system ] || systemctl is-system-running --wait >/dev/null")
}

func (m *machine) restart() {
	m.t.Helper()
	if err := m.d.Stop(context.Background(), 100); err != nil {
		m.t.Fatal(err)
	}
	m.start()
}

// Run lets guest.Ship talk to the machine.
func (m *machine) Run(ctx context.Context, c guest.Cmd) (int, error) {
	return m.d.Exec(ctx, 100, driver.Exec{Argv: []string{"sh", "-c", c.Script}, Cwd: "/root",
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr})
}
func (m *machine) Reconnect(context.Context) error            { return nil }
func (m *machine) Again(context.Context) (guest.Guest, error) { return nil, errors.New("no") }
func (m *machine) Transport() string                          { return "test" }
func (m *machine) Stats() guest.Stats                         { return guest.Stats{} }
func (m *machine) Close() error                               { return nil }

func (m *machine) sh(script string) (string, int) {
	m.t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	status, err := m.Run(ctx, guest.Cmd{Script: script, Stdout: &out, Stderr: &out})
	if err != nil {
		m.t.Fatalf("%v: %s", err, out.String())
	}
	return out.String(), status
}

func (m *machine) ship(in Input) {
	m.t.Helper()
	files, err := Bundle(in)
	if err != nil {
		m.t.Fatal(err)
	}
	var out bytes.Buffer
	m.at = StagingDir()
	status, err := guest.Ship(context.Background(), m, guest.Shipment{Staging: m.at, Files: files, Then: InstallScript(), Stdout: &out, Stderr: &out})
	if err != nil || status != 0 {
		m.t.Fatalf("%v, status %d: %s", err, status, out.String())
	}
}

// sync ships in and runs the attempt. It returns the attempt's output and exit status.
func (m *machine) sync(in Input) (string, int) {
	m.t.Helper()
	m.ship(in)
	m.n++
	dir := fmt.Sprintf("%s/r/%d", RunsDir, m.n)
	return m.sh(fmt.Sprintf("mkdir -p %s; export INFRAHAUS_ATTEMPT=%s %s\n(%s)\nrc=$?; cat %s/out %s/err; exit $rc", dir, dir, StageEnv(m.at), SyncScript(), dir, dir))
}

func (m *machine) drift(in Input) Drift {
	m.t.Helper()
	script, stdin, err := DriftScript(in)
	if err != nil {
		m.t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	status, err := m.Run(context.Background(), guest.Cmd{Script: script, Stdin: bytes.NewReader(stdin), Stdout: &out, Stderr: &stderr})
	if err != nil || status != 0 || stderr.Len() > 0 {
		m.t.Fatalf("%v, status %d: %s", err, status, stderr.String())
	}
	d, err := ParseDrift(in, out.Bytes())
	if err != nil {
		m.t.Fatalf("%v: %s", err, out.String())
	}
	return d
}

// TestVirtualGuests runs a sync, finds drift, settles a conflict and restarts the guest,
// under systemd and under OpenRC.
func TestVirtualGuests(t *testing.T) {
	for os, manager := range map[string]string{"debian-12": "apt", "alpine-3.22": "apk"} {
		t.Run(os, func(t *testing.T) {
			m := bootMachine(t, os)
			defer func() {
				if u := m.d.Unknown(); len(u) > 0 {
					t.Errorf("unknown programs: %v", u)
				}
			}()
			in := func(a, b string) Input {
				return Input{Packages: map[string][]string{manager: {"psmisc"}}, Files: []File{
					file("replace", "/etc/app/a", a), file("replace", "/etc/app/b", b), file("replace", "/etc/app/c", "one")}}
			}
			want := "/etc/app/a missing\n/etc/app/b missing\n/etc/app/c missing\n"
			if d := m.drift(in("one", "one")); d.states() != want || d.Packages[0].State != PackageMissing {
				t.Errorf("%s%v", d.states(), d.Packages)
			}
			if out, s := m.sync(in("one", "one")); s != 0 {
				t.Fatalf("status %d: %s", s, out)
			}
			m.sh("echo mine >/etc/app/a; rm /etc/app/c")
			two := in("two", "two")
			d := m.drift(two)
			want = "/etc/app/a conflict\n/etc/app/b changed\n/etc/app/c missing\n"
			if d.states() != want || d.Packages[0].State != PackageSame {
				t.Errorf("%s%v", d.states(), d.Packages)
			}
			if out, s := m.sync(two); s != StatusConflict {
				t.Errorf("status %d: %s", s, out)
			}
			differing, refused := two.Differing(d, "guest")
			if out, s := m.sync(differing); s != 0 || len(refused) > 0 {
				t.Errorf("status %d, refused %v: %s", s, refused, out)
			}
			want = "/etc/app/a kept\n/etc/app/b same\n/etc/app/c same\n"
			if d := m.drift(two); d.states() != want {
				t.Error(d.states())
			}
			m.restart()
			if d := m.drift(two); d.states() != want {
				t.Error(d.states())
			}
			if out, s := m.sync(two); s != 0 || !strings.Contains(out, "2 unchanged, 1 skipped") {
				t.Errorf("status %d: %s", s, out)
			}
			if out, _ := m.sh("ls -d /var/lib/config-manager/staged* /run/config-manager* 2>/dev/null"); out != "" {
				t.Errorf("left behind: %s", out)
			}
		})
	}
}

// TestVirtualGuestRestartsMidSync: a restart drops the request of a sync that had not
// begun. The next boot does not carry it out.
func TestVirtualGuestRestartsMidSync(t *testing.T) {
	for _, os := range []string{"debian-12", "alpine-3.22"} {
		t.Run(os, func(t *testing.T) {
			m := bootMachine(t, os)
			m.ship(Input{Files: []File{file("replace", "/etc/app/a", "one")}})
			m.sh(fmt.Sprintf("mkdir -p %s/r/x; printf 'asker=1\\nattempt=%s/r/x\\nstage=%s\\n' >/run/config-manager.request", RunsDir, RunsDir, m.at))
			m.restart()
			if out, _ := m.sh("i=0; until [ -e /var/log/config-manager/sync.log ] || [ $i -ge 200 ]; do sleep 0.05; i=$((i+1)); done; ls /run/config-manager.request /etc/app 2>/dev/null; cat /var/lib/config-manager/runs/r/x/* 2>/dev/null"); out != "" {
				t.Errorf("the boot applied it: %s", out)
			}
		})
	}
}

// TestVirtualDpkg: a half-configured package and dpkg's journal do not make the next
// install fail.
func TestVirtualDpkg(t *testing.T) {
	m := bootMachine(t, "debian-12")
	m.sh("apt-get install -y -qq curl; sed -i '/^Package: curl$/{n;s/installed/half-configured/}' /var/lib/dpkg/status; mkdir -p /var/lib/dpkg/updates; : >/var/lib/dpkg/updates/0000")
	if out, s := m.sh("apt-get install -y -qq psmisc"); s != 100 || !strings.Contains(out, "dpkg was interrupted") {
		t.Fatalf("the simulation: status %d: %s", s, out)
	}
	in := Input{Packages: map[string][]string{"apt": {"curl", "psmisc"}}}
	if d := m.drift(in); d.Packages[0].State != PackageMissing {
		t.Errorf("%v", d.Packages)
	}
	out, s := m.sync(in)
	if s != 0 || !strings.Contains(out, "Setting up curl") {
		t.Errorf("status %d: %s", s, out)
	}
	if out, _ := m.sh("dpkg --audit; ls /var/lib/dpkg/updates; dpkg-query -W -f='${Status}\n' curl psmisc"); out != "install ok installed\ninstall ok installed\n" {
		t.Errorf("%q", out)
	}
}
