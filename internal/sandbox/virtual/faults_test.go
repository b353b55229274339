package virtual_test

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

func TestOwnersOutliveTheProcess(t *testing.T) {
	o := virtual.Options{Dir: t.TempDir()}
	g := start(t, o, "debian-12")
	g.sh(t, "echo x >/root/f; chown 33:44 /root/f; chmod 4751 /root/f; mkdir /root/d; chmod 1777 /root/d; ln -s f /root/l; mkfifo /root/p")
	if err := g.d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := virtual.New(virtual.Options{Dir: o.Dir, NoListen: true, BootDelay: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	g.d = d
	g.start(t)
	if out := g.sh(t, "stat -c '%n %u:%g %a %F' f d p; readlink l"); out != "f 33:44 4751 regular file\nd 0:0 1777 directory\np 0:0 644 fifo\nf\n" {
		t.Errorf("%q", out)
	}
}

func TestQuota(t *testing.T) {
	g := start(t, virtual.Options{DiskBytes: 20 << 20}, "debian-12")
	out := g.sh(t, "head -c 40M /dev/zero >big; echo $?; cp big other; echo $?; rm -f big other; echo small >f && cat f")
	if !strings.Contains(out, "No space left on device") || !strings.HasSuffix(out, "1\nsmall\n") || strings.HasPrefix(out, "0\n") {
		t.Errorf("%q", out)
	}
}

func TestDiskFull(t *testing.T) {
	f := driver.NewFaults(driver.Fault{Name: driver.FaultDiskFull, Value: "/root/now"})
	g := start(t, virtual.Options{Faults: f}, "debian-12")
	out := g.sh(t, up+"echo before >a; : >now; until ! echo x >b; do sleep 0.01; done 2>/dev/null; cat a; mkdir d; apt-get install -y -qq nginx-light; echo $?; df -P / | awk 'NR==2{print $6}'")
	if !strings.HasPrefix(out, "before\n") || strings.Count(out, "No space left on device") < 2 || !strings.HasSuffix(out, "100\n/\n") {
		t.Errorf("%q", out)
	}
	f.Clear(driver.FaultDiskFull)
	if out := g.sh(t, "until echo room >c; do sleep 0.01; done 2>/dev/null; cat c"); out != "room\n" {
		t.Errorf("the fault was taken back, and the guest says %q", out)
	}
}

func TestSSHFaults(t *testing.T) {
	const listens = up + "ss -Htln | grep -c ':22 '"
	t.Run("no-sshd", func(t *testing.T) {
		g := start(t, virtual.Options{Faults: driver.NewFaults(driver.Fault{Name: driver.FaultNoSSHD})}, "debian-12")
		if out := g.sh(t, listens); out != "0\n" {
			t.Errorf("%q", out)
		}
	})
	t.Run("sshd-late", func(t *testing.T) {
		f := driver.NewFaults(driver.Fault{Name: driver.FaultSSHDLate, Value: "1h", Count: 1}, driver.Fault{Name: driver.FaultSSHDLate, Value: "1ms"})
		g := start(t, virtual.Options{Faults: f}, "debian-12")
		if out := g.sh(t, "ss -Htln | grep -c ':22 '"); out != "0\n" {
			t.Errorf("an hour late: %q", out)
		}
		if err := g.d.Stop(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		g.start(t)
		if out := g.sh(t, listens); out != "1\n" {
			t.Errorf("a moment late: %q", out)
		}
	})
	t.Run("host-key-changed", func(t *testing.T) {
		f := driver.NewFaults()
		g := start(t, virtual.Options{Faults: f}, "debian-12")
		keys := func() string { return g.sh(t, "cat /etc/ssh/ssh_host_*_key.pub") }
		again := func() {
			t.Helper()
			if err := g.d.Stop(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			g.start(t)
		}
		first := keys()
		if again(); keys() != first {
			t.Error("the host keys changed by themselves")
		}
		f.Add(driver.Fault{Name: driver.FaultHostKeyChanged, Count: 1})
		if again(); keys() == first {
			t.Error("the host keys did not change")
		}
	})
}

func TestHardwareAsConfigured(t *testing.T) {
	g := start(t, virtual.Options{}, "debian-12")
	for script, want := range map[string]string{
		"nproc": "3\n", "grep -c ^processor /proc/cpuinfo": "3\n", "getconf _NPROCESSORS_ONLN": "3\n",
		"free -m | awk '/^Mem/{print $2} /^Swap/{print $2}'": "768\n256\n", "awk '/^MemTotal/{print $2}' /proc/meminfo": "786432\n",
		"df -P / | awk 'NR==2{print $2}'": "5242880\n", "df --output=size -m / | tail -1": "5120\n",
	} {
		if out := g.sh(t, script); out != want {
			t.Errorf("%s: %q, want %q", script, out, want)
		}
	}
}

// TestPPID: the parent is the guest's, in every way to ask.
func TestPPID(t *testing.T) {
	g := start(t, virtual.Options{}, "debian-12")
	out := g.sh(t, `p=$$; sh -c 'echo $PPID $((PPID)) $(( PPID + 0 )) $(($PPID))'; echo $p; bash -c '((x = PPID)); a=(); a[PPID]=y; echo $x ${!a[@]} $((1 ? PPID : 0))'`)
	l := strings.Split(strings.TrimSpace(out), "\n")
	if len(l) != 3 {
		t.Fatalf("%q", out)
	}
	for _, w := range append(strings.Fields(l[0]), strings.Fields(l[2])...) {
		if w != l[1] {
			t.Errorf("%q: the parent is %s", out, l[1])
			break
		}
	}
}

func TestPsql(t *testing.T) {
	g := start(t, virtual.Options{}, "debian-12")
	out := g.sh(t, up+`apt-get install -y -qq postgresql; until psql -XAtqc 'select 1' >/dev/null 2>&1; do sleep 0.01; done
runuser -u postgres -- psql -XAtqc 'select 1'; cd /
q() { runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
q -c "select 1 from pg_roles where rolname = 'app'"
printf "SET x = on;\nCREATE ROLE app LOGIN PASSWORD 'a;b';\n" | q; echo $?
q -c "select 1 from pg_roles where rolname = 'app'"
psql -c 'CREATE DATABASE app OWNER app'
q -c "select count(*) from users"; echo $?`)
	out, ok := strings.CutPrefix(out, "could not change directory to \"/root\": Permission denied\n1\n")
	if !ok || !strings.HasPrefix(out, "0\n1\nCREATE DATABASE\n") || !strings.Contains(out, "sandbox: this statement is not supported by the virtual guest: select count(*) from users") || !strings.HasSuffix(out, "3\n") {
		t.Errorf("%q", out)
	}
}
