package virtual

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

func testDriver(t testing.TB, o Options) *Driver {
	t.Helper()
	o.Dir = t.TempDir()
	if o.BootDelay == 0 {
		o.BootDelay = time.Millisecond
	}
	o.NoListen = true
	o.Logf = t.Logf
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func testConfig(id int, os string) driver.Config {
	return driver.Config{VMID: id, Hostname: "web", OSTemplate: os, Interfaces: []driver.Interface{
		{Name: "eth0", MAC: "BC:24:11:00:00:01", Addr: netip.MustParsePrefix("127.77.1.10/24")}}}
}

func boot(t testing.TB, d *Driver, id int, os string) {
	t.Helper()
	ctx := context.Background()
	c := testConfig(id, os)
	if err := d.Create(ctx, c, driver.Secrets{RootPassword: "secret"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(ctx, c, func(string) {}); err != nil {
		t.Fatal(err)
	}
}

func sh(t testing.TB, d *Driver, id int, script string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	st, err := d.Exec(ctx, id, driver.Exec{Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, Cwd: "/root", Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String(), st
}

const ready = "systemctl is-system-running --wait >/dev/null; "

func TestDebianGuest(t *testing.T) {
	d := testDriver(t, Options{})
	boot(t, d, 100, "debian-12-standard_12.7-1_amd64.tar.zst")
	for _, c := range []struct{ name, script, want string }{
		{"running", "systemctl is-system-running --wait || { systemctl --failed; journalctl; }", "running\n"},
		{"release", ". /etc/os-release; echo $ID-$VERSION_ID", "debian-12\n"},
		{"init", "cat /proc/1/comm; test -d /run/systemd/system && echo yes", "systemd\nyes\n"},
		{"ssh", "systemctl is-active ssh; ss -Htln | while read a b c d e; do echo $d; done", "active\n0.0.0.0:22\n"},
		{"owner", "echo x >f; chown www-data:www-data f; chmod 4750 f; stat -c '%U:%G %a' f", "www-data:www-data 4750\n"},
		{"tar keeps owners", "mkdir a b; echo 1 >a/x; chown 33:33 a/x; tar -cf - -C a . | tar -xpf - -C b; stat -c '%u %g' b/x", "33 33\n"},
		{"nginx", "apt-get install -y -qq nginx-light; systemctl is-active nginx; curl -s -o /dev/null -w '%{http_code}' http://localhost/; echo; dpkg-query -W -f '${Status}\n' nginx-light", "active\n200\ninstall ok installed\n"},
		{"nginx -t", "cd /etc/nginx/conf.d; for c in 'server { listen 81; }' 'server { listen 81 return 200; }' 'server { listen 81 }' 'server {' '}'; do echo \"$c\" >a.conf; nginx -t 2>&1 | head -n 1; done; rm a.conf",
			"nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n" +
				"nginx: [emerg] invalid parameter \"return\" in /etc/nginx/conf.d/a.conf:1\n" +
				"nginx: [emerg] directive \"listen\" is not terminated by \";\" in /etc/nginx/conf.d/a.conf:1\n" +
				"nginx: [emerg] unexpected end of file, expecting \"}\" in /etc/nginx/conf.d/a.conf:2\n" +
				"nginx: [emerg] unexpected \"}\" in /etc/nginx/conf.d/a.conf:1\n"},
		{"its socket belongs to it", "p=$(systemctl show -p MainPID --value nginx); ss -Htlnp | grep -c \"pid=$p,\"", "2\n"},
		{"stop", "systemctl stop nginx; systemctl is-active nginx; curl -s http://localhost/; echo $?", "inactive\n7\n"},
		{"oneshot", `printf '[Service]\nType=oneshot\nEnvironment=A=5\nExecStart=/bin/sh -c "echo a=$${A} >/tmp/o; exit 3"\n' >/etc/systemd/system/o.service; systemctl start o 2>/dev/null; echo $?; cat /tmp/o; systemctl show -p ExecMainStatus --value o; systemctl is-failed o`, "1\na=5\n3\nfailed\n"},
		{"service by script", `printf '[Service]\nExecStart=/bin/sh -c "while :; do sleep 1; done"\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/s.service; systemctl enable -q --now s; systemctl is-enabled s; p=$(systemctl show -p MainPID --value s); kill -0 $p && cat /proc/$p/cgroup; systemctl stop s; kill -0 $p 2>/dev/null || echo gone`, "enabled\n0::/system.slice/s.service\ngone\n"},
		{"detached", "setsid sh -c 'sleep 0.1; echo done >/tmp/d' </dev/null >/dev/null 2>&1 & sleep 0.4; cat /tmp/d", "done\n"},
		{"bash connects", `systemctl start nginx; bash -c ': </dev/tcp/127.0.0.1/80'; echo $?; bash -c ': </dev/tcp/127.0.0.1/81' 2>/dev/null; echo $?; ` +
			`bash -c 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\r\n\r\n" >&3; read -r -t 5 _ c _ <&3; echo $c'; sh -c ': </dev/tcp/127.0.0.1/80' 2>/dev/null || echo no`, "0\n1\n200\nno\n"},
		{"no network", "curl -sS http://example.com/; echo $?", "curl: (6) Could not resolve host: example.com\n6\n"},
		{"user", "useradd -m -s /bin/sh web && su web -c 'id -un; cat /etc/shadow 2>&1; echo $HOME'", "web\ncat: /etc/shadow: Permission denied\n/home/web\n"},
		{"sed", `printf 'a=1\nb=2\n' >c; sed -i 's/^a=.*/a=9/; /^b/d' c; cat c`, "a=9\n"},
		{"fifo", "mkfifo q; (echo hi >q) & cat <q; wait", "hi\n"},
		{"timeout", "timeout 0.1 sleep 5; echo $?", "124\n"},
		{"ls", "cd /tmp; rm -rf /tmp/*; umask 022; echo abc >z; ls -ln z | cut -c1-24", "-rw-r--r-- 1 0 0 4 " + "X"},
	} {
		out, _ := sh(t, d, 100, c.script)
		if want, cut := strings.CutSuffix(c.want, "X"); out != c.want && !(cut && strings.HasPrefix(out, want)) {
			t.Errorf("%s: %q, want %q", c.name, out, c.want)
		}
	}
	if u := d.Unknown(); len(u) > 0 {
		t.Errorf("unknown programs: %v", u)
	}
}

func TestHelloTemplate(t *testing.T) {
	d := testDriver(t, Options{})
	boot(t, d, 100, "debian-12-standard")
	files := filepath.Join("..", "..", "..", "templates", "hello", "files")
	if _, err := os.Stat(files); err != nil {
		t.Skip("the template is not there")
	}
	sh(t, d, 100, ready+"mkdir -p /usr/local/lib/hello /etc/hello")
	for name, to := range map[string]string{"hello.socket": "/etc/systemd/system/hello.socket", "hello@.service": "/etc/systemd/system/hello@.service", "respond": "/usr/local/lib/hello/respond", "index.html": "/usr/local/lib/hello/index.html"} {
		b, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.ReplaceAll(b, []byte("${port}"), []byte("8080"))
		if err := d.Push(context.Background(), 100, to, bytes.NewReader(b), "0755", "", ""); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := sh(t, d, 100, "systemctl enable -q --now hello.socket; curl -s -o /tmp/o -w '%{http_code}\n' http://127.0.0.1:8080/; grep -c '<h1>' /tmp/o; curl -s -o /dev/null -w '%{http_code}\n' http://web:8080/private")
	if out != "200\n1\n401\n" {
		t.Errorf("%q", out)
		out, _ = sh(t, d, 100, "journalctl; systemctl show hello.socket; ss -tlnp")
		t.Log(out)
	}
}

func TestAlpine(t *testing.T) {
	d := testDriver(t, Options{})
	boot(t, d, 100, "alpine-3.22-default_20250617_amd64.tar.xz")
	out, _ := sh(t, d, 100, "command -v bash systemctl; cat /proc/1/comm; apk add -q curl && apk info -e curl; readlink -f /bin/sh")
	if out != "init\ncurl\n/bin/ash\n" && !strings.Contains(out, "init\n") {
		t.Errorf("%q", out)
	}
}

func TestStopKillsBusyLoop(t *testing.T) {
	d := testDriver(t, Options{})
	boot(t, d, 100, "debian-12")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := d.Exec(ctx, 100, driver.Exec{Argv: []string{"sh", "-c", "while :; do :; done"}}); err == nil {
		t.Error("a busy loop ended by itself")
	}
	go d.Exec(context.Background(), 100, driver.Exec{Argv: []string{"sh", "-c", "while :; do :; done"}})
	if err := d.Stop(context.Background(), 100); err != nil {
		t.Error(err)
	}
	if _, err := d.Exec(context.Background(), 100, driver.Exec{Argv: []string{"true"}}); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("exec in a stopped guest: %v", err)
	}
}

// The streams of an exec are pipes of the host's root, which an unprivileged guest cannot
// open again by their paths. It can if a pipe or a file of a program in the guest is
// between.
func TestStreamsOfTheHost(t *testing.T) {
	for _, unprivileged := range []bool{true, false} {
		d := testDriver(t, Options{})
		c := testConfig(100, "debian-12")
		c.Unprivileged = unprivileged
		if err := d.Create(t.Context(), c, driver.Secrets{}, func(string) {}); err != nil {
			t.Fatal(err)
		}
		if err := d.Start(t.Context(), c, func(string) {}); err != nil {
			t.Fatal(err)
		}
		for script, opens := range map[string]bool{
			"echo a >/dev/stdout": false, "echo a >>/dev/fd/1": false, "echo a >/dev/stderr": false,
			"echo a >&2": true, "{ echo a >/dev/stdout; } | cat": true, "echo a | cat /dev/stdin": true, "cat /dev/stdin; echo a": false, "read x </dev/stdin; echo a": false, "echo a | tee /dev/stderr >/dev/null": false, "sh -c 'echo a >/dev/stdout' >f; cat f": true,
		} {
			out, status := sh(t, d, 100, script)
			if ok := out == "a\n" && status == 0; ok != (opens || !unprivileged) {
				t.Errorf("unprivileged %v: %s: %q, status %d", unprivileged, script, out, status)
			}
			if !opens && unprivileged && !strings.Contains(out, "Permission denied") {
				t.Errorf("%s: %q", script, out)
			}
		}
	}
}
