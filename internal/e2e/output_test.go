//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/infrahaus/infrahaus/internal/event"
)

// TestOutput: any output of a script arrives, is kept, and is replayed unchanged.
func TestOutput(t *testing.T) {
	for _, transport := range []string{"guest", "api"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			loud(node.by(t, transport))
		})
	}
}

func loud(u *user) {
	t := u.t
	u.destroyLater("loud")
	r := u.run("create", "loud", "--template", "big-output", "--json")
	events := decode(t, r.stdout)
	const script = "10-output.sh"
	out, errOut := output(events, script, event.Stdout), output(events, script, event.Stderr)
	checkOutput(t, out, errOut)

	logs := u.run("logs", "loud", "--script", script)
	if want := strings.Join(out, "\n") + "\n"; logs.stdout != want {
		t.Errorf("logs: %d bytes of stdout, not %d", len(logs.stdout), len(want))
	}
	if want := strings.Join(errOut, "\n") + "\n"; logs.stderr != want {
		t.Errorf("logs: %d bytes of stderr, not %d", len(logs.stderr), len(want))
	}
	if replay := u.run("events", "loud", "--json"); replay.stdout != r.stdout {
		t.Errorf("events: %d bytes, not the %d of the run", len(replay.stdout), len(r.stdout))
	}
	for line := range strings.Lines(u.run("events", "loud", "--json", "--no-logs").stdout) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Type == event.Log {
			t.Errorf("with --no-logs: %.200q", line)
		}
	}
}

// checkOutput expects the long line complete, the last state of a progress bar,
// replacements for bytes that are not UTF-8, both streams complete and in order, and a
// last line without a newline.
func checkOutput(t *testing.T, out, errOut []string) {
	t.Helper()
	var numbered, numberedErr []string
	for i := range 500 {
		numbered = append(numbered, fmt.Sprintf("out %d", i+1))
		numberedErr = append(numberedErr, fmt.Sprintf("err %d", i+1))
	}
	if want := append([]string{"on stderr"}, numberedErr...); !slices.Equal(errOut, want) {
		t.Errorf("stderr has %d lines, not %d", len(errOut), len(want))
	}
	if len(out) < 505 || out[0] != "first" || out[1] != strings.Repeat("x", 1_000_000) {
		t.Fatalf("stdout has %d lines, the first of them %.60q", len(out), out[:min(2, len(out))])
	}
	progress, rest := out[2:len(out)-502], out[len(out)-502:]
	if progress[len(progress)-1] != "progress 100%" || len(progress) > 20 {
		t.Errorf("the progress bar is %q", progress)
	}
	odd := rest[0]
	if !utf8.ValidString(odd) || !strings.HasPrefix(odd, "latin1 ") || !strings.Contains(odd, "tab\t") || strings.Contains(odd, "\x00") {
		t.Errorf("the odd line is %q", odd)
	}
	if want := append(numbered, "last, without a newline"); !slices.Equal(rest[1:], want) {
		t.Errorf("the end of stdout is %q", rest[max(0, len(rest)-5):])
	}
}

// TestLegacy runs a template in the original's layout: files by policy, bash scripts with
// the helpers, and credentials.
func TestLegacy(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	end := u.create("legacy", "--template", "web3-legacy")
	if end.Type != event.Complete || *end.ExitStatus != 0 {
		t.Fatalf("the last event is %+v", end)
	}
	got := inGuest(t, end.CTID, "ls /etc/profile.d/aliases.sh /root/.vimrc; cat /root/.vimrc | wc -c | grep -vx 0 >/dev/null && echo filled; systemctl is-enabled config-manager.service; stat -c '%a %U' /etc/infrahaus/credentials/code-server")
	if want := "/etc/profile.d/aliases.sh\n/root/.vimrc\nfilled\nenabled\n600 root\n"; got != want {
		t.Errorf("in the guest: %q", got)
	}
	if out := u.run("credentials", "legacy", "code-server", "--json").stdout; !strings.Contains(out, "PASSWORD") {
		t.Errorf("credentials: %s", out)
	}
}
