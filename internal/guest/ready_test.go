package guest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestParseFacts(t *testing.T) {
	f, err := ParseFacts([]byte("release PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nrelease ID=debian\nrelease VERSION_ID=\"12\"\nrelease ID_LIKE='x y'\n" +
		"init systemd\nstate degraded\nboot abc:1\narch x86_64\nhostname web-01\nshell sh\nshell bash\npackages apt-get\nroute yes\nresolves yes\nnew thing\nready\n"))
	if err != nil || f.OS != "debian" || f.OSVersion != "12" || f.OSName != "Debian GNU/Linux 12 (bookworm)" || f.OSLike != "x y" ||
		f.Init != "systemd" || f.InitState != "degraded" || f.Boot != "abc:1" || f.Arch != "x86_64" || f.Hostname != "web-01" ||
		strings.Join(f.Shells, " ") != "sh bash" || f.PackageManager != "apt" || !f.Route || !f.Resolves || f.Late != "" {
		t.Errorf("%v %+v", err, f)
	}
	if f, err = ParseFacts([]byte("init systemd\nlate init is starting\n")); err != nil || f.Late != "init is starting" {
		t.Errorf("%v %+v", err, f)
	}
	for _, bad := range []string{"", "init systemd\n", "read"} {
		if _, err := ParseFacts([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// Facts that a guest reports about itself appear in messages, so their length is limited
// and all characters are visible.
func TestHostileFacts(t *testing.T) {
	f, err := ParseFacts([]byte("release PRETTY_NAME=\"\x1b]0;x\a\u202e\xff" + strings.Repeat("x", 1000) + "\"\nhostname a\x00b\nlate \x1b[2J\n"))
	if err != nil || len(f.OSName) > maxFact || strings.ContainsAny(f.OSName+f.Hostname+f.Late, "\x00\x1b\a\u202e") || f.Hostname != "a?b" {
		t.Errorf("%+v, %v", f, err)
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add([]byte("release ID=debian\nready\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := ParseFacts(b)
		if err == nil && !strings.Contains(string(b), "ready") && facts.Late == "" && !strings.Contains(string(b), "late") {
			t.Errorf("ready without saying so: %q", b)
		}
	})
}

// readyIn runs the readiness program on this machine with tools of the test before
// those of the machine.
func readyIn(t *testing.T, sh []string, tools map[string]string, r Ready) (Facts, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range tools {
		os.WriteFile(dir+"/"+name, []byte("#!/bin/sh\n"+text), 0o755)
	}
	// The tools print what systemd and the files of a real guest would.
	text := strings.NewReplacer("/nonexistent/run/systemd/system", dir, "/proc/net/route", dir+"/route", "/proc/net/ipv6_route", dir+"/route6").Replace(r.Script())
	cmd := exec.Command(sh[0], append(sh[1:], "-c", "ih_b=boot:1; ih_nap() { sleep 0.1; }; "+text)...)
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "D=" + dir}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	f, err := ParseFacts(out)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return f, errs.String()
}

const startingTwice = `case $1 in
is-system-running) echo x >>$D/n; if [ $(wc -l <$D/n) -gt 2 ]; then echo degraded; exit 1; fi; echo starting; exit 1 ;;
esac`

func TestReadyInEveryShell(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			f, errs := readyIn(t, sh, map[string]string{"systemctl": startingTwice, "route": "", "getent": "[ $2 = deb.example ]", "apk": ""},
				Ready{Deadline: 30 * time.Second, Resolve: "deb.example"})
			if f.Init != "systemd" || f.InitState != "degraded" || f.Late != "" || !f.Resolves || f.Boot != "boot:1" || f.Arch == "" || f.Hostname == "" || f.OS == "" || errs != "" {
				t.Errorf("%+v %s", f, errs)
			}
			f, _ = readyIn(t, sh, map[string]string{"systemctl": "case $1 in list-jobs) echo '7 net.service start running';; *) echo starting;; esac"},
				Ready{Deadline: time.Second})
			if f.Late != "init is starting, waiting for:7 net.service start running " {
				t.Errorf("%q", f.Late)
			}
			if name == "busybox" {
				return // its own ip goes before any other
			}
			f, _ = readyIn(t, sh, map[string]string{"systemctl": "echo running", "ip": "exit 0"}, Ready{Deadline: time.Second, Network: true})
			if f.Late != "there is no default route" || f.Route {
				t.Errorf("%+v", f)
			}
			f, _ = readyIn(t, sh, map[string]string{"systemctl": "echo running", "ip": "echo default via 10.0.0.1"}, Ready{Deadline: time.Second, Network: true})
			if f.Late != "" || !f.Route {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestWaitReady(t *testing.T) {
	_, g := open(t)
	f, err := WaitReady(ctxFor(t), g, Ready{Deadline: 2 * time.Second})
	if err != nil || f.Init != "other" || f.Boot == "" || f.Boot == ":" || len(f.Shells) == 0 || g.Stats().Commands != 1 {
		t.Errorf("%v %+v", err, f)
	}
}
