package discover

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/needs"
)

func load(t testing.TB, name string) *Report {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// short formats a service in one line: name type status ports url keys.
func short(s lxc.Service) string {
	f := []string{s.Name, string(s.Type), string(s.Status)}
	for _, p := range s.Ports {
		f = append(f, p.Protocol+"/"+endpointText(p))
	}
	if s.URL != "" {
		f = append(f, s.URL)
	}
	if s.Image != "" {
		f = append(f, "image="+s.Image)
	}
	if len(s.CredentialKeys) > 0 {
		f = append(f, "keys="+strings.Join(s.CredentialKeys, ","))
	}
	if s.Declared {
		f = append(f, "declared")
	}
	if s.System {
		f = append(f, "system")
	}
	if s.Note != "" {
		f = append(f, "note="+s.Note)
	}
	return strings.Join(f, " ")
}

func endpointText(p lxc.Port) string { return net.JoinHostPort(p.Address, strconv.Itoa(p.Port)) }

func compare(t *testing.T, got []lxc.Service, want ...string) {
	t.Helper()
	var lines []string
	for _, s := range got {
		lines = append(lines, short(s))
	}
	g, w := strings.Join(lines, "\n"), strings.Join(want, "\n")
	if g != w {
		t.Errorf("got\n%s\n\nwant\n%s", g, w)
	}
}

var promised = []Declared{
	{Name: "hello", Port: 8080, HTTP: "/"}, {Name: "nginx", Port: 80, HTTP: "/"},
	{Name: "postgresql", Port: 5432}, {Name: "gone", Port: 8098},
}

// A guest with nginx, PostgreSQL (an instance of a template unit), a socket that systemd
// itself holds, and a forked process without a unit.
func TestDebianWithSystemd(t *testing.T) {
	r := load(t, "debian12-systemd.txt")
	compare(t, r.Services("10.66.6.2", promised),
		"hello systemd running tcp/[::]:8080 http://10.66.6.2:8080 keys=PASSWORD,USER declared",
		"nginx systemd running tcp/0.0.0.0:80 tcp/[::]:80 http://10.66.6.2 keys=PASS,USER declared",
		"postgresql systemd running tcp/0.0.0.0:5432 tcp/[::]:5432 keys=DATABASE,PASSWORD,PORT,USER declared",
		"gone systemd unready declared note=not listening",
		"minisrv process running tcp/0.0.0.0:7001 udp/10.66.6.2:7002",
		"leftover credential stopped keys=API_KEY",
		"console-getty systemd running system",
		"dbus systemd running system",
		"ssh systemd error system",
		"systemd-journald systemd running system",
		"systemd-logind systemd running system",
	)
	if len(r.Addresses) != 1 || r.Addresses[0].Interface != "eth0" || r.Addresses[0].Addr.String() != "10.66.6.2" {
		t.Errorf("addresses %v", r.Addresses)
	}
	if got := r.Ready[0]; !got.OK || got.How != "http 200" {
		t.Errorf("readiness %v", got)
	}
}

// The same guest without declared services.
func TestNothingDeclared(t *testing.T) {
	got := load(t, "debian12-systemd.txt").Services("2001:db8::2", nil)
	compare(t, got[:5],
		"hello systemd running tcp/[::]:8080 http://[2001:db8::2]:8080 keys=PASSWORD,USER",
		"minisrv process running tcp/0.0.0.0:7001 udp/10.66.6.2:7002",
		"nginx systemd running tcp/0.0.0.0:80 tcp/[::]:80 http://[2001:db8::2] keys=PASS,USER",
		"postgresql@15-main systemd running tcp/0.0.0.0:5432 tcp/[::]:5432 keys=DATABASE,PASSWORD,PORT,USER",
		"leftover credential stopped keys=API_KEY",
	)
}

// The same guest without systemctl, ss and ip: only /proc is there.
func TestDebianFromProc(t *testing.T) {
	r := load(t, "debian12-proc.txt")
	got := r.Services("10.66.6.2", promised)
	compare(t, got,
		"hello process running tcp/[::]:8080 http://10.66.6.2:8080 keys=PASSWORD,USER declared",
		"nginx systemd running tcp/0.0.0.0:80 tcp/[::]:80 http://10.66.6.2 keys=PASS,USER declared",
		"postgresql systemd running tcp/0.0.0.0:5432 tcp/[::]:5432 keys=DATABASE,PASSWORD,PORT,USER declared",
		"gone process unready declared note=not listening",
		"minisrv process running tcp/0.0.0.0:7001 udp/10.66.6.2:7002",
		"leftover credential stopped keys=API_KEY",
	)
}

// TestProbeRuns runs the probe on this machine in every shell, with and without ss. The
// probe must find a listener of the test.
func TestProbeRuns(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	declared := []Declared{{Name: "mine", Port: port, Wait: time.Hour}, {Name: "udp", Port: 1, Protocol: "udp", Wait: time.Second}}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(shell[0], func(t *testing.T) {
			needs.Program(t, shell[0], shell[0])
			cmd := exec.Command(shell[0], shell[1:]...)
			cmd.Stdin = strings.NewReader(Script(Options{Declared: declared}))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, &stderr)
			}
			r, err := Parse(out)
			if err != nil {
				t.Fatal(err)
			}
			if !r.complete || stderr.Len() > 0 {
				t.Errorf("complete %v, stderr %q", r.complete, &stderr)
			}
			if !r.Ready[0].OK || r.Ready[1].OK {
				t.Errorf("ready %v", r.Ready)
			}
			got := r.Services("", declared)
			if got[0].Status != lxc.Running || len(got[0].Ports) != 1 || got[0].Ports[0].Address != "127.0.0.1" {
				t.Errorf("found %s", short(got[0]))
			}
			if got[1].Status != lxc.Unready {
				t.Errorf("nothing listens, yet %s", short(got[1]))
			}
		})
	}
}
