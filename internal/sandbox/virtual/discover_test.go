package virtual_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

// guest is a virtual guest that is up.
type guest struct {
	d  *virtual.Driver
	c  driver.Config
	ip string
}

func config(os string) driver.Config {
	return driver.Config{VMID: 100, Hostname: "web", OSTemplate: os, MemoryMiB: 768, SwapMiB: 256, Cores: 3, DiskGiB: 5, Interfaces: []driver.Interface{
		{Name: "eth0", MAC: "BC:24:11:00:00:01", Addr: netip.MustParsePrefix("127.77.1.10/24")}}}
}

func start(t *testing.T, o virtual.Options, os string) *guest {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.BootDelay, o.NoListen, o.Logf = time.Millisecond, true, t.Logf
	d, err := virtual.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	g := &guest{d: d, c: config(os), ip: "127.77.1.10"}
	if err := d.Create(t.Context(), g.c, driver.Secrets{}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	g.start(t)
	return g
}

func (g *guest) start(t *testing.T) {
	t.Helper()
	if err := g.d.Start(t.Context(), g.c, func(string) {}); err != nil {
		t.Fatal(err)
	}
}

func (g *guest) sh(t *testing.T, script string) string {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	_, err := g.d.Exec(ctx, 100, driver.Exec{Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, Cwd: "/root", Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out.String())
	}
	return out.String()
}

const up = "systemctl is-system-running --wait >/dev/null; "

// discover runs the tool's own probe in the guest.
func (g *guest) discover(t *testing.T, o discover.Options) []lxc.Service {
	t.Helper()
	r, err := discover.Parse([]byte(g.sh(t, discover.Script(o))))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) > 0 {
		t.Errorf("notes %q", r.Notes)
	}
	for i := range o.Declared {
		if x := r.Ready[i]; !x.OK {
			t.Errorf("%s is not ready: %s", o.Declared[i].Name, x.How)
		} else {
			t.Logf("%s: %s", o.Declared[i].Name, x.How)
		}
	}
	return r.Services(g.ip, o.Declared)
}

func ports(list []lxc.Service, name string) []string {
	var out []string
	for _, s := range list {
		if s.Name == name {
			for _, p := range s.Ports {
				out = append(out, fmt.Sprintf("%s %s %d", p.Protocol, p.Address, p.Port))
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestDiscoverReadsTheGuest(t *testing.T) {
	g := start(t, virtual.Options{}, "debian-12")
	g.sh(t, up+"apt-get install -y -qq nginx-light redis-server")
	web := discover.Options{Declared: []discover.Declared{{Name: "nginx", Port: 80, HTTP: "/", Wait: time.Minute}}}
	check := func(how string) {
		t.Helper()
		got := g.discover(t, web)
		if p := ports(got, "nginx"); !slices.Equal(p, []string{"tcp 0.0.0.0 80", "tcp :: 80"}) {
			t.Errorf("%s: nginx has %q of %+v", how, p, got)
		}
		if p := ports(got, "redis-server"); !slices.Contains(p, "tcp 127.0.0.1 6379") {
			t.Errorf("%s: redis has %q of %+v", how, p, got)
		}
	}
	check("by systemctl and ss")
	g.sh(t, "rm -f /usr/bin/ss /bin/ss /usr/sbin/ss")
	check("from /proc/net")
}

// TestReadyByWget is a guest that can ask HTTP with wget alone.
func TestReadyByWget(t *testing.T) {
	g := start(t, virtual.Options{}, "alpine-3.22")
	if out := g.sh(t, "for c in curl bash; do command -v $c; done; apk add -q nginx; nginx </dev/null >/dev/null 2>&1 & sleep 0.01; command -v wget awk"); !strings.Contains(out, "wget") || strings.Contains(out, "curl") {
		t.Fatalf("%q", out)
	}
	r, err := discover.Parse([]byte(g.sh(t, discover.ReadyScript(discover.Options{Declared: []discover.Declared{{Name: "nginx", Port: 80, HTTP: "/", Wait: time.Minute}}}))))
	if err != nil || r.Ready[0].How != "http 200" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestIPv6(t *testing.T) {
	g := start(t, virtual.Options{}, "debian-12")
	out := g.sh(t, up+`apt-get install -y -qq nginx-light
printf 'server {\n listen [::]:8081 ipv6only=on;\n return 204;\n}\n' >/etc/nginx/conf.d/six.conf; ln -sf ../conf.d/six.conf /etc/nginx/sites-enabled/six
systemctl restart nginx
curl -s -o /dev/null -w '%{http_code}\n' 'http://[::1]:8081/'
curl -s -o /dev/null 'http://127.0.0.1:8081/' || echo refused
ss -Htln | grep 8081
grep -c ':1F91 ' /proc/net/tcp6; grep -c ':1F91 ' /proc/net/tcp`)
	w := strings.Fields(out)
	if len(w) < 6 || w[0] != "204" || w[1] != "refused" || !strings.Contains(out, "[::]:8081") || !strings.HasSuffix(out, "\n1\n0\n") {
		t.Errorf("%q", out)
	}
}

// TestDiscoverTraps plants in a virtual guest what a real one may have among its
// credentials: nothing leads out of the folder, blocks, or takes root's name.
func TestDiscoverTraps(t *testing.T) {
	for _, os := range []string{"debian-12", "alpine-3.20"} {
		t.Run(os, func(t *testing.T) {
			g := start(t, virtual.Options{}, os)
			g.sh(t, up+`mkdir -p -m 700 /etc/infrahaus/credentials && cd /etc/infrahaus/credentials && umask 077 || exit 1
				echo PASSWORD=honest >honest; echo PASSWORD=mine >_root; echo A=1 >'$(reboot)'; ln -s /etc/shadow shadow; mkfifo pipe
				mkdir sub; head -c 1048576 /dev/zero | tr '\0' x >mega; echo A=1 >others; chown nobody others`)
			r, err := discover.Parse([]byte(g.sh(t, discover.Script(discover.Options{}))))
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(r.Credentials); got != "map[honest:map[PASSWORD:honest]]" {
				t.Errorf("credentials %.200s", got)
			}
			all := strings.Join(r.Notes, "\n")
			for _, want := range []string{"_root is not read", "??reboot?", "shadow is a link", "pipe is no ordinary", "sub is no ordinary", "mega is larger", "others does not belong"} {
				if !strings.Contains(all, want) {
					t.Errorf("nothing is said of %q: %q", want, r.Notes)
				}
			}
			g.sh(t, "chmod 777 /etc/infrahaus/credentials")
			if r, _ := discover.Parse([]byte(g.sh(t, discover.Script(discover.Options{})))); len(r.Credentials) != 0 {
				t.Errorf("read from a folder that all may write: %v", r.Credentials)
			}
		})
	}
}

// ask runs discovery with one declared service that will not answer, and returns the
// result.
func (g *guest) ask(t *testing.T, o discover.Options) lxc.Service {
	t.Helper()
	r, err := discover.Parse([]byte(g.sh(t, discover.Script(o))))
	if err != nil || len(r.Notes) > 0 {
		t.Fatalf("%v, notes %q", err, r.Notes)
	}
	s := r.Services(g.ip, o.Declared)[0]
	t.Logf("%+v", s)
	return s
}

// TestWaitingEndsWithTheService: a guest's service has given up. The wait ends long
// before the allowed hour, and systemd, OpenRC or docker gives the cause.
func TestWaitingEndsWithTheService(t *testing.T) {
	ghost := discover.Options{Declared: []discover.Declared{{Name: "ghost", Port: 9999, Wait: time.Hour}}}
	portless := discover.Options{Declared: []discover.Declared{{Name: "ghost"}}}
	const program = "printf '#!/bin/sh\\necho no door >&2\\nexit 3\\n' >/usr/local/bin/ghost; chmod 755 /usr/local/bin/ghost\n"
	tests := []struct {
		name, os, script, note string
	}{
		{"systemd", "debian-12", up + program + `printf '[Service]\nExecStart=/usr/local/bin/ghost\n' >/etc/systemd/system/ghost.service
			systemctl daemon-reload; systemctl start ghost; until systemctl is-failed ghost; do sleep 0.05; done`,
			"ghost.service is failed (exit-code, status 3)"},
		{"openrc", "alpine-3.22", program + `printf '#!/sbin/openrc-run\ncommand=/usr/local/bin/ghost\ncommand_background=yes\npidfile=/run/ghost.pid\n' >/etc/init.d/ghost; chmod 755 /etc/init.d/ghost
			ln -s /etc/init.d/ghost /etc/runlevels/default/ghost; echo no door >/var/log/ghost.log; rc-service ghost start; while kill -0 "$(cat /run/ghost.pid)"; do sleep 0.05; done`,
			"ghost is crashed"},
		{"docker", "debian-12", up + `cat >/usr/bin/docker <<'EOF'
#!/bin/sh
case "$1 $*" in
ps*ghost*) echo ghost ;;
inspect*ExitCode*) printf 'Status=exited\nExitCode=3\n' ;;
inspect*) echo exited ;;
logs*) echo no door >&2 ;;
esac
EOF
chmod 755 /usr/bin/docker`, "ghost is exited (status 3)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, virtual.Options{}, test.os)
			g.sh(t, test.script)
			s := g.ask(t, ghost)
			if s.Status == lxc.Running || s.Note != "not listening; "+test.note || !slices.Contains(s.Log, "no door") {
				t.Errorf("%+v", s)
			}
			if s = g.ask(t, portless); s.Status == lxc.Running || s.Note != test.note || !slices.Contains(s.Log, "no door") {
				t.Errorf("without a port: %+v", s)
			}
		})
	}
}
