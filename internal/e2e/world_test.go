//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// node is the sandbox that most tests share.
var node = &served{}

func TestMain(m *testing.M) {
	code, err := withNode(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// withNode serves a sandbox with real guests while run runs.
func withNode(run func() int) (int, error) {
	state, err := os.MkdirTemp("", "infrahaus-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(state)
	node.state = state
	defer node.reset()
	if err := node.begin(); err != nil {
		return 1, err
	}
	return run(), nil
}

// user has a state directory of its own.
type user struct {
	t     *testing.T
	node  *served
	state string
	env   []string
}

func newUser(t *testing.T, env ...string) *user {
	t.Helper()
	return node.newUser(t, env...)
}

// newUser makes a user of another node than the shared one.
func (n *served) newUser(t *testing.T, env ...string) *user {
	t.Helper()
	state := t.TempDir()
	base := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + state, "XDG_CONFIG_HOME=" + filepath.Join(state, "config"),
		"INFRAHAUS_STATE_DIR=" + filepath.Join(state, "state"), "TEMPLATES_ROOT=" + abs(t, "../../testdata/templates"),
	}
	return &user{t: t, node: n, state: state, env: append(append(base, n.env...), env...)}
}

func abs(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// result is the end of a command.
type result struct {
	status         int
	stdout, stderr string
}

// command prepares a command of this user.
func (u *user) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary(), args...)
	cmd.Env = u.env
	return cmd
}

// try runs a command to its end.
func (u *user) try(args ...string) result {
	u.t.Helper()
	cmd := u.command(args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		u.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// run is try for a command that must succeed.
func (u *user) run(args ...string) result {
	u.t.Helper()
	r := u.try(args...)
	if r.status != 0 {
		u.t.Fatalf("infrahaus %s: exit status %d\n%s%s", strings.Join(args, " "), r.status, r.stdout, r.stderr)
	}
	return r
}

// create makes a container, and destroys it when the test ends. It returns the last
// event.
func (u *user) create(name string, args ...string) event.Event {
	u.t.Helper()
	u.destroyLater(name)
	r := u.run(append([]string{"create", name, "--json"}, args...)...)
	events := decode(u.t, r.stdout)
	return events[len(events)-1]
}

// destroyLater destroys a container when the test ends, if it exists then.
func (u *user) destroyLater(name string) {
	u.t.Cleanup(func() {
		if r := u.try("destroy", name, "--yes"); r.status > 1 {
			u.t.Errorf("destroy %s: exit status %d\n%s", name, r.status, r.stderr)
		}
	})
}

// decode reads one JSON event a line, and checks the rules for every run: seq has no gap,
// percent never falls.
func decode(t *testing.T, text string) []event.Event {
	t.Helper()
	var events []event.Event
	percent := 0
	for line := range strings.Lines(text) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("not an event: %q", line)
		}
		if e.Seq != len(events)+1 {
			t.Fatalf("seq %d after %d events", e.Seq, len(events))
		}
		if e.Percent != nil {
			if *e.Percent < percent {
				t.Fatalf("percent falls to %d at seq %d", *e.Percent, e.Seq)
			}
			percent = *e.Percent
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		t.Fatal("no events")
	}
	return events
}

// eventually repeats ok until it succeeds, or until a long deadline, because the machine
// may be busy.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("gave up waiting until %s", what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
