package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console"
)

// functions is the agent without its loop.
func functions(t *testing.T) string {
	t.Helper()
	text, _, ok := strings.Cut(agentText, "\nih_full=\n")
	if !ok {
		t.Fatal("agent.sh has changed")
	}
	return text + "\n"
}

// A dd without iflag=fullblock reads byte by byte, and not one too many.
func TestPayloadWithoutFullblock(t *testing.T) {
	for name, sh := range shells(t) {
		for _, full := range []string{"", "1"} {
			cmd := exec.Command(sh[0], append(sh[1:], "-c", functions(t)+"ih_full="+full+"; ih_payload 1 5 | wc -c | tr -d ' '; cat")...)
			cmd.Stdin = strings.NewReader(strings.Repeat("x", 65536+5) + "rest")
			if out, err := cmd.Output(); err != nil || string(out) != "65541\nrest" {
				t.Errorf("%s %q: %v %q", name, full, err, out)
			}
		}
	}
}

// Without setsid an attempt still starts, and Kill still reaches it.
func TestLaunchWithoutSetsid(t *testing.T) {
	for name, sh := range shells(t) {
		if name == "busybox" {
			continue // has setsid built in
		}
		tools, d := t.TempDir(), t.TempDir()
		for _, tool := range []string{"sh", "nohup", "mkdir", "sleep", "mv", "grep", "ls", "head", "cat"} {
			path, err := exec.LookPath(tool)
			if err != nil {
				t.Fatal(err)
			}
			os.Symlink(path, filepath.Join(tools, tool))
		}
		os.WriteFile(d+"/run", []byte(runText), 0o600)
		os.WriteFile(d+"/script", []byte("echo up; sleep 100"), 0o600)
		text := functions(t) + `PATH=` + tools + ` D=` + Quote(d) + `
ih_booted; ih_claim "$D" && ih_launch "$D" "$D/script" "" x
until [ -s "$D/out" ]; do ih_nap 0.02; done
ih_kill "$D" 50 2>&1; cd "$D"; cat out rc`
		cmd := exec.Command(sh[0], append(sh[1:], "-c", text)...)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "up\n143\n") {
			t.Errorf("%s: %v %q", name, err, out)
		}
	}
}

// The runner ends an attempt after its limit with everything that the script has started,
// even if that ignores SIGTERM, and says so in the place of a status.
func TestRunnerEndsWhatTakesTooLong(t *testing.T) {
	for name, sh := range shells(t) {
		for script, want := range map[string]string{
			"(sleep 4; echo late) &\nsleep 100":                        "124 timeout\n",
			"trap 'exit 0' TERM\nsleep 100 & wait":                     "124 timeout\n",
			"(trap '' TERM; while :; do sleep 0.2; done) &\nsleep 100": "124 timeout\n",
			"exit 3": "3\n",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := t.TempDir()
				os.WriteFile(d+"/script", []byte(script), 0o600)
				os.WriteFile(d+"/how", []byte(Attempt{Timeout: time.Second}.how()+"ih_grace=1\n"), 0o600)
				os.WriteFile(d+"/run", []byte(runText), 0o600)
				cmd := exec.Command("setsid", append(append([]string{"-w", sh[0]}, sh[1:]...), d+"/run", d, d+"/script", "", "x")...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v %s", err, out)
				}
				if rc, _ := os.ReadFile(d + "/rc"); string(rc) != want {
					t.Errorf("%q ends with %q", script, rc)
				}
				if left, _ := exec.Command("pgrep", "-f", d+"/script").Output(); len(left) != 0 {
					t.Errorf("%q went on as %s", script, left)
				}
			})
		}
	}
}

// The time between SIGTERM and SIGKILL does not grow with that of each look, as where sleep
// takes whole seconds only.
func TestRunnerGraceIsTime(t *testing.T) {
	for name, sh := range shells(t) {
		if name == "busybox" {
			continue // has sleep built in
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := t.TempDir()
			os.WriteFile(d+"/sleep", []byte("#!/bin/sh\ncase $1 in *.*) exit 1 ;; esac\necho x >>"+Quote(d+"/slept")+"\nexec /bin/sleep $1\n"), 0o755)
			os.WriteFile(d+"/script", []byte("trap '' TERM\nwhile :; do /bin/sleep 0.2; done"), 0o600)
			os.WriteFile(d+"/how", []byte("ih_limit=1\nih_grace=1\n"), 0o600)
			os.WriteFile(d+"/run", []byte(runText), 0o600)
			cmd := exec.Command("setsid", append(append([]string{"-w", sh[0]}, sh[1:]...), d+"/run", d, d+"/script", "", "x")...)
			cmd.Env = []string{"PATH=" + d + ":" + os.Getenv("PATH")}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			rc, _ := os.ReadFile(d + "/rc")
			slept, _ := os.ReadFile(d + "/slept")
			if n := strings.Count(string(slept), "x"); string(rc) != "124 timeout\n" || n < 2 || n > 4 { // one is the limit's
				t.Errorf("%q after %d s", rc, n)
			}
		})
	}
}

// The program that each link sends once has no comments left, and still parses.
func TestGreeting(t *testing.T) {
	text := greeting("N")
	if strings.Contains(text, "\n# ") || !regexp.MustCompile(`^N\n#\d+\nih_run='`).MatchString(text) || !strings.HasSuffix(text, "done\nN\n") {
		t.Errorf("%.80q … %q", text, text[len(text)-20:])
	}
	for name, sh := range shells(t) {
		for _, s := range []string{console.StripComments(agentText), console.StripComments(runText), console.StripComments(readyText), bootText} {
			cmd := exec.Command(sh[0], append(sh[1:], "-n")...)
			cmd.Stdin = strings.NewReader(s)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v %s", name, err, out)
			}
		}
	}
}

// A guest that cannot hold the attempt says so, and the script is not run.
func TestAttemptNoRoom(t *testing.T) {
	g := shared(t)
	a := attempt(t, "echo no")
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	a.Dir = file + "/a"
	r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, Sink{})
	if KindOf(err) != Failed || r.Claimed || !strings.HasPrefix(err.Error(), "cannot run 01-x.sh: ") {
		t.Errorf("%v %+v", err, r)
	}
}

func BenchmarkAttempt(b *testing.B) {
	g := benchGuest(b)
	for b.Loop() {
		a := Attempt{Dir: b.TempDir() + "/a", Name: "x", Script: []byte("echo hi\n")}
		if _, err := RunAttempt(b.Context(), g, a, Offsets{}, Sink{}); err != nil {
			b.Fatal(err)
		}
	}
}
