//go:build e2e

// Package e2e runs the built binary against real LXC guests and a real Redis,
// as a user would: commands, files, addresses. It needs Linux, root and the
// packages that `make e2e` installs.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// node is one `sandbox serve --driver lxc` for all tests, and the settings that
// it printed.
var node struct {
	env []string
	bin string
}

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
	bin, err := filepath.Abs("../../bin/infrahaus")
	if err != nil {
		return 1, err
	}
	state, err := os.MkdirTemp("", "infrahaus-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(state)
	node.bin = bin
	cmd := exec.Command(bin, "sandbox", "serve", "--driver", "lxc", "--state-dir", state)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		reset := exec.Command(bin, "sandbox", "reset", "--yes", "--state-dir", state) // what lies outside of state, too
		if out, err := reset.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "sandbox reset: %v\n%s", err, out)
		}
	}()
	if node.env, err = readExports(bufio.NewScanner(out)); err != nil {
		return 1, err
	}
	return run(), nil
}

// readExports reads `export K=V` lines up to INFRAHAUS_TOKEN, which is the last.
func readExports(lines *bufio.Scanner) ([]string, error) {
	var env []string
	for lines.Scan() {
		kv := strings.TrimPrefix(lines.Text(), "export ")
		k, v, _ := strings.Cut(kv, "=")
		env = append(env, k+"="+strings.Trim(v, `'"`))
		if k == "INFRAHAUS_TOKEN" {
			return env, nil
		}
	}
	return nil, errors.New("the sandbox ended before it was ready")
}

// user is somebody with a state directory of their own.
type user struct {
	t     *testing.T
	state string
	env   []string
}

func newUser(t *testing.T, env ...string) *user {
	t.Helper()
	state := t.TempDir()
	base := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + state, "XDG_CONFIG_HOME=" + filepath.Join(state, "config"),
		"INFRAHAUS_STATE_DIR=" + filepath.Join(state, "state"), "TEMPLATES_ROOT=" + abs(t, "../../testdata/templates"),
	}
	return &user{t: t, state: state, env: append(append(base, node.env...), env...)}
}

func abs(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// result is how a command ended.
type result struct {
	status         int
	stdout, stderr string
}

// command prepares a command of this user.
func (u *user) command(args ...string) *exec.Cmd {
	cmd := exec.Command(node.bin, args...)
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

// create makes a container and destroys it when the test ends. The last event
// is returned.
func (u *user) create(name string, args ...string) event.Event {
	u.t.Helper()
	u.destroyLater(name)
	r := u.run(append([]string{"create", name, "--json"}, args...)...)
	events := decode(u.t, r.stdout)
	return events[len(events)-1]
}

// destroyLater destroys a container when the test ends, if it is there by then.
func (u *user) destroyLater(name string) {
	u.t.Cleanup(func() {
		if r := u.try("destroy", name, "--yes"); r.status > 1 {
			u.t.Errorf("destroy %s: exit status %d\n%s", name, r.status, r.stderr)
		}
	})
}

// decode reads one JSON event a line and checks what every run keeps: seq
// without holes, percent that never falls.
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

// eventually asks again until ok or a minute has passed.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("gave up waiting until %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
