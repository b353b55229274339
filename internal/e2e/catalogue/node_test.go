//go:build e2e

package catalogue

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// served is a node with real guests, and one user of it.
type served struct {
	binary, state string
	env           []string
}

// serve serves a node until the test ends.
func serve(t *testing.T) *served {
	t.Helper()
	binary, err := filepath.Abs("../../../bin/infrahaus")
	if err != nil {
		t.Fatal(err)
	}
	n := &served{binary: binary, state: t.TempDir()}
	cmd := exec.Command(binary, "sandbox", "serve", "--driver", "lxc", "--state-dir", n.state)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if out, err := exec.Command(binary, "sandbox", "reset", "--yes", "--state-dir", n.state).CombinedOutput(); err != nil {
			t.Errorf("sandbox reset: %v\n%s", err, out)
		}
	})
	home := t.TempDir()
	n.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home + "/config", "INFRAHAUS_STATE_DIR=" + home + "/state"}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		k, v, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		n.env = append(n.env, k+"="+strings.Trim(v, `'"`))
		if k == "INFRAHAUS_TOKEN" {
			return n
		}
	}
	t.Fatal("the sandbox ended before it was ready")
	return nil
}

// setting is a variable of the user's environment.
func (n *served) setting(key string) string {
	for _, kv := range n.env {
		if v, ok := strings.CutPrefix(kv, key+"="); ok {
			return v
		}
	}
	return ""
}

// by is a user who gets into guests by this transport.
func (n *served) by(transport string) *served {
	other := *n
	other.env = append(slices.Clone(n.env), "INFRAHAUS_SSH_TRANSPORT="+transport)
	return &other
}

// try runs the tool.
func (n *served) try(args ...string) (status int, stdout, stderr string, err error) {
	cmd := exec.Command(n.binary, args...)
	cmd.Env = n.env
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return -1, "", "", err
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String(), err
}

// run is try for a command that must succeed.
func (n *served) run(t *testing.T, args ...string) string {
	t.Helper()
	status, out, said, err := n.try(args...)
	if err != nil {
		t.Fatalf("infrahaus %s: exit status %d\n%s%s", strings.Join(args, " "), status, out, said)
	}
	return out
}

// root is where this machine has the root file system of a guest.
func root(t *testing.T, hostname string) string {
	t.Helper()
	found, err := filepath.Glob(sandboxes + "/*/guests/*/rootfs")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range found {
		if b, err := os.ReadFile(dir + "/etc/hostname"); err == nil && strings.TrimSpace(string(b)) == hostname {
			return dir
		}
	}
	t.Fatalf("this machine has no guest %s", hostname)
	return ""
}
