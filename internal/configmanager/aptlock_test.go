package configmanager

import (
	"os/exec"
	"strings"
	"testing"
)

// apt prints this, with status 100, if another process holds the lock of the lists. It
// does not wait: DPkg::Lock::Timeout applies only to dpkg's lock (apt 2.6.1, 3.0.4).
const locked = `echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)" >&2
	echo "E: Unable to lock directory /var/lib/apt/lists/" >&2; exit 100`

// The fake processes release their locks while the helpers sleep. The helpers wait for
// the lock of the lists and for that of the archives. Only the kernel's table shows the
// latter, because the helpers do not read an install's output.
func TestAptLocksAreWaitedFor(t *testing.T) {
	tests := []struct {
		name, apt string
		status    int
		calls     string
	}{
		{"update", `case " $* " in *" update "*) [ -e HELD ] || { : >HELD; ` + locked + `; } ;; esac`, 0, "update update install"},
		{"install", `case " $* " in *" install "*) [ -e HELD ] || { : >HELD; cp TABLE LOCKS; (/bin/sleep 1; rm -f LOCKS) >/dev/null 2>&1 & echo "E: Could not get lock" >&2; exit 100; } ;; esac`,
			0, "update install install"},
		{"no lock", `case " $* " in *" update "*) echo "E: no route" >&2; exit 100 ;; esac`, 100, "update"},
		{"another status", `case " $* " in *" install "*) exit 7 ;; esac`, 7, "update install"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachShell(t, func(t *testing.T, g *fakeGuest) {
				g.write("var/cache/apt/archives/lock", "", 0o640)
				inode, err := exec.Command("stat", "-c", "%i", g.path("var/cache/apt/archives/lock")).Output()
				if err != nil {
					t.Fatal(err)
				}
				g.write("table", "1: POSIX  ADVISORY  WRITE 7 00:1f:"+strings.TrimSpace(string(inode))+" 0 EOF\n", 0o644)
				g.write("proc/x", "", 0o644)
				paths := strings.NewReplacer("HELD", g.path("held"), "TABLE", g.path("table"), "LOCKS", g.path("proc/locks"))
				g.fakes(map[string]string{"dpkg-query": "exit 1", "dpkg": "", "apt-get": paths.Replace(test.apt)})
				out, status := g.script("ensure_installed jq || { st=$?; exit $st; }", "_PKG_MGR=apt")
				var calls []string
				for l := range strings.Lines(g.calls()) {
					for _, verb := range []string{"update", "install"} {
						if strings.HasPrefix(l, "apt-get ") && strings.Contains(l, " "+verb) {
							calls = append(calls, verb)
						}
					}
				}
				if status != test.status && (test.status == 0) != (status == 0) || strings.Join(calls, " ") != test.calls {
					t.Errorf("status %d, calls %q: %s", status, calls, out)
				}
				if waited := strings.Contains(out, "trying again"); waited != (test.status == 0) {
					t.Errorf("says %q", out)
				}
			})
		})
	}
}
