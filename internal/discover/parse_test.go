package discover

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

const testNonce = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// answer makes a probe's output from section titles and bodies.
func answer(parts ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "infrahaus-probe-1 %s\n", testNonce)
	for i := 0; i+1 < len(parts); i += 2 {
		fmt.Fprintf(&b, "\n%s %s\n%s", testNonce, parts[i], parts[i+1])
	}
	fmt.Fprintf(&b, "\n%s end\n", testNonce)
	return []byte(b.String())
}

func parse(t *testing.T, parts ...string) *Report {
	t.Helper()
	r, err := Parse(answer(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSplitAddr(t *testing.T) {
	tests := []struct {
		in, addr string
		port     int
	}{
		{"0.0.0.0:80", "0.0.0.0", 80}, {"*:80", "::", 80}, {"[::]:80", "::", 80}, {":::8080", "::", 8080},
		{"127.0.0.53%lo:53", "127.0.0.53", 53}, {"[fe80::1]%eth0:546", "fe80::1%eth0", 546}, {"[fe80::1%eth0]:546", "fe80::1%eth0", 546},
		{"[::1]:631", "::1", 631}, {"[::ffff:127.0.0.1]:8080", "127.0.0.1", 8080}, {"[::ffff:0.0.0.0]:81", "0.0.0.0", 81}, {"*%eth0:67", "::", 67}, {"80", "::", 80},
		{"0.0.0.0:*", "", 0}, {"0.0.0.0:0", "", 0}, {"x:70000", "", 0}, {"/run/x.sock", "", 0}, {"", "", 0}, {"name:80", "", 0},
	}
	for _, test := range tests {
		addr, port, ok := splitAddr(test.in)
		if addr != test.addr || port != test.port || ok != (test.port != 0) {
			t.Errorf("%q: %q %d %v", test.in, addr, port, ok)
		}
	}
}

func TestHexAddr(t *testing.T) {
	tests := []struct {
		in, addr string
		port     int
	}{
		{"0100007F:0050", "127.0.0.1", 80}, {"00000000:1F90", "0.0.0.0", 8080},
		{"00000000000000000000000000000000:0016", "::", 22},
		{"00000000000000000000000001000000:0277", "::1", 631},
		{"0000000000000000FFFF00000100007F:1F90", "127.0.0.1", 8080},
		{"B80D0120000000000000000002000000:01BB", "2001:db8::2", 443},
		{"0100007F:0000", "", 0}, {"0100:0050", "", 0}, {"zz", "", 0},
	}
	for _, test := range tests {
		if addr, port, _ := hexAddr(test.in); addr != test.addr || port != test.port {
			t.Errorf("%q: %q %d", test.in, addr, port)
		}
	}
}

const ssHeader = "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\n"

// A grandchild holds a service's socket, one service has two ports, several processes
// hold one socket, one name imitates another process, and ss without -H prints its
// header.
func TestPortsThroughTheProcessTree(t *testing.T) {
	r := parse(t,
		"units", "Id=code-server@coder.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=100\n\n"+
			"Id=ssh.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=50\n\n"+
			"Id=gone.service\nLoadState=not-found\nActiveState=inactive\n\n"+
			"Id=broken.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nMainPID=0\n\n"+
			"Id=loops.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nType=simple\n\n"+
			"Id=once.service\nLoadState=loaded\nActiveState=inactive\nType=oneshot\nUnitFileState=enabled\n\n"+
			"Id=off.service\nLoadState=loaded\nActiveState=inactive\nType=simple\nUnitFileState=enabled\n",
		"procs", "100 (sh) S 1 1\n101 (node) S 100 1\n102 (evil) S (x) S 101 1\n50 (sshd) S 1 1\n60 (sshd) S 50 1\n61 (bash) S 60 1\n62 (my srv) S 61 1\n",
		"ss", ssHeader+
			"tcp LISTEN 0 511 0.0.0.0:8443 0.0.0.0:* users:((\"evil) S (x\",pid=102,fd=3),(\"node\",pid=101,fd=3))\n"+
			"tcp LISTEN 0 511 [::]:9443 [::]:* users:((\"node\",pid=101,fd=4))\n"+
			"tcp ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 users:((\"node\",pid=101,fd=9))\n"+
			"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=50,fd=3))\n"+
			"tcp LISTEN 0 128 127.0.0.1:6010 0.0.0.0:* users:((\"sshd\",pid=60,fd=3))\n"+
			"tcp LISTEN 0 5 0.0.0.0:7000 0.0.0.0:* users:((\"my srv\",pid=62,fd=3))\n"+
			"udp UNCONN 0 0 0.0.0.0:68 0.0.0.0:* users:((\"dhclient\",pid=70,fd=7))\n"+
			"udp UNCONN 0 0 0.0.0.0:51820 0.0.0.0:*\n",
		"cred code-server", "PASSWORD=x=y\n",
	)
	compare(t, r.Services("10.0.0.1", nil),
		"broken systemd error",
		"code-server@coder systemd running tcp/0.0.0.0:8443 tcp/[::]:9443 https://10.0.0.1:8443 keys=PASSWORD",
		"loops systemd error",
		"my srv process running tcp/0.0.0.0:7000",
		"off systemd stopped",
		"wireguard process running udp/0.0.0.0:51820",
		"dhclient process running udp/0.0.0.0:68 system",
		"ssh systemd running tcp/0.0.0.0:22 tcp/127.0.0.1:6010 system",
	)
	if r.Credentials["code-server"]["PASSWORD"] != "x=y" {
		t.Error("the first = ends a key")
	}
}

const dockerID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestDocker(t *testing.T) {
	hostNet := strings.Replace(dockerID, "0", "1", 1)
	r := parse(t,
		"units", "Id=docker.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=10\n",
		"procs", "10 (dockerd) S 1 1\n11 (docker-proxy) S 10 1\n12 (httpd) S 9 1\n",
		"cgroups", "/proc/10/cgroup:0::/system.slice/docker.service\n/proc/11/cgroup:1:name=systemd:/system.slice/docker.service\n"+
			"/proc/12/cgroup:0::/system.slice/docker-"+hostNet+".scope\n",
		"ss", "tcp LISTEN 0 1 0.0.0.0:8080 0.0.0.0:* users:((\"docker-proxy\",pid=11,fd=4))\n"+
			"tcp LISTEN 0 1 127.0.0.1:2375 0.0.0.0:* users:((\"dockerd\",pid=10,fd=4))\n"+
			"tcp LISTEN 0 1 *:9999 *:* users:((\"httpd\",pid=12,fd=4))\n",
		"docker docker", dockerID+"\tweb\tregistry.example:5000/team/site:1.2\tUp 3 minutes\t0.0.0.0:8080->80/tcp, :::8080->80/tcp, 443/tcp\n"+
			hostNet+"\thost\thttpd@sha256:00\tUp 1 second\t\n"+
			"aa\tranged,alias\tr\tUp 2 weeks\t127.0.0.1:7000-7001->7000-7001/tcp, 0.0.0.0:53->53/udp\n"+
			"bb\told\to\tExited (0) 2 hours ago\t\ncc\tsick\ts\tRestarting (1) 3 seconds ago\t\n"+
			"bad line\n\t\t\t\t\ndd\t../../x\ti\tUp\t\n",
		"cred site", "KEY=1\n",
	)
	compare(t, r.Services("10.0.0.1", []Declared{{Name: "docker"}, {Name: "web", Port: 8080, HTTP: "/a b"}}),
		"docker systemd running tcp/127.0.0.1:2375 declared",
		"web docker running tcp/0.0.0.0:8080 tcp/[::]:8080 http://10.0.0.1:8080/a%20b image=registry.example:5000/team/site:1.2 keys=KEY declared",
		"host docker running tcp/[::]:9999 http://10.0.0.1:9999 image=httpd@sha256:00",
		"old docker stopped image=o",
		"ranged docker running tcp/127.0.0.1:7000 tcp/127.0.0.1:7001 udp/0.0.0.0:53 image=r",
		"sick docker error image=s note=restarting",
	)
}

func TestOpenRC(t *testing.T) {
	r := parse(t,
		"openrc", "started ended\nstarted nginx\nstarted sshd\nstarted redis\nfailed mariadb\nenabled cronie-like\nenabled nginx\n",
		"daemons", "/run/openrc/daemons/nginx/001:exec=/usr/sbin/nginx\n/run/openrc/daemons/nginx/001:pidfile=/var/run/nginx/nginx.pid\n"+
			"/run/openrc/daemons/redis/001:exec=/usr/bin/redis-server\n",
		"pidfiles", "/run/ended.pid:999\n/run/nginx/nginx.pid:200\n/run/sshd.pid: 30\n",
		"procs", "200 (nginx) S 1 1\n201 (nginx) S 200 1\n30 (sshd) S 1 1\n40 (redis-server) S 1 1\n50 (wild) S 1 1\n",
		"cgroups", "/proc/50/cgroup:0::/openrc.wildsvc\n",
		"ss", "",
		"proc tcp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"+
			"   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 x 100 0 0 10 0\n"+
			"   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 112 1 x 100 0 0 10 0\n"+
			"   2: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 113 1 x 100 0 0 10 0\n"+
			"   3: 00000000:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 114 1 x 100 0 0 10 0\n"+
			"   4: 0100007F:8000 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 115 1 x 100 0 0 10 0\n"+
			"   5: 00000000:0801 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 0 1 x 100 0 0 10 0\n",
		"fds", "/proc/200/fd:\nlrwx------ 1 root root 64 Nov 23 04:00 6 -> socket:[111]\n/proc/201/fd:\nlrwx------ 1 nginx nginx 64 Nov 23 04:00 6 -> socket:[111]\n"+
			"/proc/30/fd:\nlrwx------    1 root     root            64 Nov 23 04:00 3 -> socket:[112]\n/proc/40/fd:\nl 5 -> socket:[113]\n/proc/50/fd:\nl 5 -> socket:[114]\n",
	)
	compare(t, r.Services("10.0.0.1", nil),
		"cronie-like openrc stopped",
		"ended openrc error",
		"mariadb openrc error",
		"nfs process running tcp/0.0.0.0:2049",
		"nginx openrc running tcp/0.0.0.0:80 http://10.0.0.1",
		"redis openrc running tcp/127.0.0.1:6379",
		"wildsvc openrc running tcp/0.0.0.0:81 http://10.0.0.1:81",
		"sshd openrc running tcp/0.0.0.0:22 system",
	)
}

func TestHostileAnswers(t *testing.T) {
	esc := "\x1b[31mred\u202e\x00"
	r := parse(t,
		"units", "Id=../../x.service\nActiveState=active\nSubState=running\n\nId=ok.service\nDescription="+esc+"\nActiveState=active\nSubState=running\n",
		"procs", "9 ("+esc+") S 1 1\n-5 (neg) S 1 1\n7 (loop) S 8 1\n8 (loop) S 7 1\n",
		"ss", "tcp LISTEN 0 0 0.0.0.0:99 *:* users:((\"x\",pid=9,fd=1))\ntcp LISTEN 0 0 0.0.0.0:98 *:* users:((\"loop\",pid=7,fd=1))\n",
		"cred ../../x", "A=b\n", "cred .hidden", "A=b\n", "cred ok.env", "\xff\xfe=1\nGOOD=\x1b[2J\n",
		"cred big", strings.Repeat("x", MaxCredential+10),
		"ready 99999999999999999999 ok", "", "ready -1 ok", "", "ready", "", "nonsense", "x",
		"fakery", "WRONGNONCEWRONGNONCE cred evil\nA=b\n",
	)
	for _, s := range r.Services("", nil) {
		if strings.ContainsAny(s.Name, "\x00\x1b/") || strings.Contains(s.Name, "\u202e") || strings.Contains(s.Name, "..") {
			t.Errorf("a hostile name came through: %q", s.Name)
		}
	}
	if len(r.Credentials) != 1 || len(r.Credentials["ok"]) != 1 {
		t.Errorf("credentials %v", r.Credentials)
	}
	if len(r.Ready) != 0 || len(r.Notes) == 0 {
		t.Errorf("ready %v, notes %v", r.Ready, r.Notes)
	}
	for _, bad := range []string{"", "hello", "infrahaus-probe-1 \n", "infrahaus-probe-1 short\n", "infrahaus-probe-1 " + testNonce} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q passes for a probe", bad)
		}
	}
	cut, err := Parse(answer("units", "Id=a.service\n")[:60])
	if err != nil || len(cut.Notes) == 0 {
		t.Errorf("a cut answer: %v, notes %v", err, cut)
	}
}

func TestCredentialMatching(t *testing.T) {
	units := "Id=mariadb.service\nNames=mariadb.service mysql.service\nActiveState=active\nSubState=running\nMainPID=5\n\n" +
		"Id=app.service\nActiveState=active\nSubState=running\nMainPID=6\n\nId=asleep.service\nLoadState=loaded\nActiveState=inactive\n\n" +
		"Id=postfix.service\nActiveState=active\nSubState=running\n"
	r := parse(t, "units", units, "ss", "tcp LISTEN 0 0 *:4321 *:* users:((\"app\",pid=6,fd=1))\n",
		"cred mysql", "P=1", "cred backend", "PORT=4321\nTOKEN=x", "cred asleep", "A=1", "cred postfix", "A=1", "cred nobody", "A=1")
	compare(t, r.Services("", nil),
		"app systemd running tcp/[::]:4321 keys=PORT,TOKEN",
		"asleep systemd stopped keys=A",
		"mariadb systemd running keys=P",
		"postfix systemd running keys=A",
		"nobody credential stopped keys=A",
	)
}

func TestURL(t *testing.T) {
	tests := []struct {
		name, addr string
		port       int
		guest      string
		want       string
	}{
		{"nginx", "0.0.0.0", 80, "10.0.0.1", "http://10.0.0.1"},
		{"x", "::", 443, "2001:db8::1", "https://[2001:db8::1]"},
		{"x", "::", 8443, "2001:db8::1", "https://[2001:db8::1]:8443"},
		{"grafana", "::", 12345, "10.0.0.1", "http://10.0.0.1:12345"},
		{"postgres", "0.0.0.0", 5432, "10.0.0.1", ""},
		{"nginx", "0.0.0.0", 25, "10.0.0.1", ""},
		{"nginx", "127.0.0.1", 80, "10.0.0.1", ""},
		{"nginx", "::1", 80, "10.0.0.1", ""},
		{"nginx", "fe80::1%eth0", 80, "10.0.0.1", ""},
		{"nginx", "127.64.1.9", 80, "127.64.1.9", "http://127.64.1.9"}, // a guest of the sandbox
		{"nginx", "127.0.0.1", 80, "127.64.1.9", ""},
		{"nginx", "192.168.7.7", 80, "10.0.0.1", "http://192.168.7.7"},
		{"nginx", "0.0.0.0", 80, "", ""},
		{"nginx", "0.0.0.0", 80, "2001:db8::1", ""},
		{"x", "0.0.0.0", 7000, "10.0.0.1", ""},
	}
	for _, test := range tests {
		e := entry{Service: lxc.Service{Name: test.name}}
		e.add(endpoint{"tcp", test.addr, test.port})
		e.settlePorts()
		if got := e.url(test.guest); got != test.want {
			t.Errorf("%s on %s:%d of %s: %q, want %q", test.name, test.addr, test.port, test.guest, got, test.want)
		}
	}
}

func TestReadyScriptIsSafe(t *testing.T) {
	s := ReadyScript(Options{Declared: []Declared{
		{Name: "x'; rm -rf /", Port: 80, HTTP: "/a'$(reboot)`\n;b", Wait: 1500 * time.Millisecond}, {Name: "none"}, {Name: "far", Port: 70000},
	}})
	if !strings.Contains(s, "ready_one 0 http 80 0050 '/a%27%24%28reboot%29%60%0A%3Bb' '' 2\nstate_one 1 'none'\nsec end\n") {
		t.Error(s[len(s)-200:])
	}
	if strings.Contains(s, "rm -rf") || strings.Count(s, "\nready_one ") != 1 {
		t.Error("names and impossible ports have no place in the script")
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"debian12-systemd.txt", "debian12-proc.txt"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(answer("ss", "tcp LISTEN 0 0 [::]:1 x users:((\"a\",pid=1,fd=1))", "openrc", "started a", "pidfiles", "/run/a.pid:5"))
	f.Add(answer("docker docker", "a\tb\tc\tUp\t0.0.0.0:1-5->1-5/tcp", "cred x", "{\"a\":1}", "cgroups", "/proc/1/cgroup:0::/a.service"))
	f.Add(answer("docker podman", "a\tb\tc\tUp 1 second (unhealthy)\t\tshop\tdb\tb.service\tpod", "exes", "l 1 root /proc/5/exe -> /usr/bin/node", "wireguard", "wg0\t1"))
	f.Add(answer("why 0 systemd a.service", "ActiveState=failed\n--\n\x1b[31mred", "why 1 openrc ssh", "[a]\nssh =  started \n--\nx", "quadlets podman version 4", "/etc/x.container"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			return
		}
		for _, s := range r.Services("10.0.0.1", promised) {
			if s.Name == "" || s.Name != clean(s.Name) || strings.ContainsAny(s.URL, " \n\x1b") {
				t.Errorf("bad service %q %q", s.Name, s.URL)
			}
			for _, l := range s.Log {
				if l != cleanTo(l, maxWhyLine) {
					t.Errorf("log %q", l)
				}
			}
			for _, p := range s.Ports {
				if p.Port < 1 || p.Port > 65535 || len(s.Ports) > maxBound+1 {
					t.Errorf("bad port %v", p)
				}
			}
		}
		for name := range r.Credentials {
			if reserved(name) || !validName(name) {
				t.Errorf("credentials of %q", name)
			}
		}
		for _, n := range r.Notes {
			if strings.ContainsFunc(n, func(c rune) bool { return !strconv.IsPrint(c) }) || len(n) > 2*maxText {
				t.Errorf("note %q", n)
			}
		}
	})
}
