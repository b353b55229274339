//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// served is a running `sandbox serve --driver lxc` and the settings that it printed.
type served struct {
	state string
	env   []string
	cmd   *exec.Cmd

	mu   sync.Mutex
	said []string // its lines on stderr
}

// binary is the path of the binary from `make build`.
func binary() string {
	path, err := filepath.Abs("../../bin/infrahaus")
	if err != nil {
		panic(err)
	}
	return path
}

// newNode serves a sandbox for one test, which may end it or set faults that affect the
// first request.
func newNode(t *testing.T, args ...string) *served {
	t.Helper()
	n := &served{state: t.TempDir()}
	t.Cleanup(n.reset)
	if err := n.begin(args...); err != nil {
		t.Fatal(err)
	}
	return n
}

// begin starts the sandbox, or starts it again on the same ports with the guests that
// ran.
func (n *served) begin(args ...string) error {
	args = append([]string{"sandbox", "serve", "--driver", "lxc", "--state-dir", n.state, "--faults-from", filepath.Join(n.state, "faults")}, args...)
	n.cmd = exec.Command(binary(), args...)
	out, err1 := n.cmd.StdoutPipe()
	said, err2 := n.cmd.StderrPipe()
	if err := errors.Join(err1, err2, n.cmd.Start()); err != nil {
		return err
	}
	go n.listen(said)
	var err error
	n.env, err = readExports(bufio.NewScanner(out))
	return err
}

// listen passes on the sandbox's messages and keeps them.
func (n *served) listen(said io.Reader) {
	for lines := bufio.NewScanner(said); lines.Scan(); {
		fmt.Fprintln(os.Stderr, lines.Text())
		n.mu.Lock()
		n.said = append(n.said, lines.Text())
		n.mu.Unlock()
	}
}

// kill is a power failure of the node, including its guests.
func (n *served) kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
}

// reset ends the sandbox and also removes its files outside of the state directory.
func (n *served) reset() {
	if n.cmd == nil || n.cmd.Process == nil {
		return
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	n.cmd.Wait()
	if out, err := exec.Command(binary(), "sandbox", "reset", "--yes", "--state-dir", n.state).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "sandbox reset: %v\n%s", err, out)
	}
}

// fault sets a fault or removes one, and returns once that is in effect.
func (n *served) fault(t *testing.T, line string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(n.state, "faults"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the fault holds: "+line, func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return slices.Contains(n.said, "fault "+line)
	})
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

// setting is a variable that the sandbox printed.
func (n *served) setting(t *testing.T, key string) string {
	t.Helper()
	for _, kv := range n.env {
		if k, v, _ := strings.Cut(kv, "="); k == key {
			return v
		}
	}
	t.Fatalf("the sandbox printed no %s", key)
	return ""
}

// on runs a command on the node as root, as an administrator would.
func (n *served) on(t *testing.T, command string) (string, error) {
	t.Helper()
	user, address, _ := strings.Cut(n.setting(t, "INFRAHAUS_SSH_NODE"), "@")
	host, port, _ := strings.Cut(address, ":")
	cmd := exec.Command("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
		"-o", "UserKnownHostsFile="+n.setting(t, "INFRAHAUS_SSH_KNOWN_HOSTS"), "-i", n.setting(t, "INFRAHAUS_SSH_IDENTITY"),
		"-p", port, "-l", user, host, command)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must is on for a command that must succeed.
func (n *served) must(t *testing.T, format string, args ...any) string {
	t.Helper()
	command := fmt.Sprintf(format, args...)
	out, err := n.on(t, command)
	if err != nil {
		t.Fatalf("on the node: %s: %v\n%s", command, err, out)
	}
	return out
}

// try runs a shell script in a container without the tool under test.
func (n *served) try(t *testing.T, ctid int, script string) (string, error) {
	t.Helper()
	return n.on(t, fmt.Sprintf("pct exec %d -- sh -c %s", ctid, "'"+strings.ReplaceAll(script, "'", `'\''`)+"'"))
}

// in is try for a script that must succeed.
func (n *served) in(t *testing.T, ctid int, script string) string {
	t.Helper()
	out, err := n.try(t, ctid, script)
	if err != nil {
		t.Fatalf("in container %d: %s: %v\n%s", ctid, script, err, out)
	}
	return out
}
