//go:build e2e

package catalogue

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/templates"
)

// command is `infrahaus template test` with real guests, with a state of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := filepath.Abs("../../../bin/infrahaus")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.Command(binary, append([]string{"template", "test", "--driver", "lxc"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}
	cmd.Stderr = os.Stderr
	return cmd
}

// wireguard reports whether this kernel has the module, which no package in a guest brings.
func wireguard() bool {
	return exec.Command("unshare", "--net", "ip", "link", "add", "wg0", "type", "wireguard").Run() == nil
}

func TestEveryTemplate(t *testing.T) {
	entries, err := fs.ReadDir(templates.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			args := []string{e.Name(), "--json"}
			if e.Name() == "wireguard" && !wireguard() {
				t.Log("this kernel has no wireguard: keys and settings are tested, the tunnel is not")
				args = append(args, "--set", "need_kernel=false")
			}
			passes(t, args)
		})
	}
}

// passes checks that a test passes in all its steps, and logs how long each took.
func passes(t *testing.T, args []string) {
	t.Helper()
	cmd := command(t, args...)
	out, err := cmd.Output()
	var results []struct {
		Template string
		Passed   bool
		Steps    []struct {
			Name, Message, Output string
			Passed                bool
			ElapsedMS             int64
		}
	}
	if err := json.Unmarshal(out, &results); err != nil || len(results) != 1 {
		t.Fatalf("%v in %q", err, out)
	}
	tests := 0
	for _, s := range results[0].Steps {
		t.Logf("%6.1f s  %s", float64(s.ElapsedMS)/1000, s.Name)
		if strings.HasPrefix(s.Name, "tests/") {
			tests++
		}
		if !s.Passed {
			t.Errorf("%s: %s\n%s", s.Name, s.Message, s.Output)
		}
	}
	if err != nil || !results[0].Passed {
		t.Errorf("it has not passed: %v", err)
	}
	if tests == 0 {
		t.Error("it has no tests of its own")
	}
}

// TestInterrupt checks that Ctrl-C in the middle of a create removes the guest and what it
// needed on the machine.
func TestInterrupt(t *testing.T) {
	before, others := leftovers(t), guests(t)
	cmd := command(t, "redis")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	late := time.Now().Add(10 * time.Minute)
	for guests(t) <= others {
		if time.Now().After(late) {
			t.Fatal("no guest came")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("it ended with %v", err)
	}
	if after := leftovers(t); after != before {
		t.Errorf("it left something:\n%s\nbefore:\n%s", after, before)
	}
}

const sandboxes = "/var/lib/infrahaus-sandbox/sandboxes"

// guests counts the guests that run.
func guests(t *testing.T) int {
	t.Helper()
	found, err := filepath.Glob(sandboxes + "/*/guests/*/console.log")
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// leftovers are the sandboxes and bridges of this machine, and the folders of tests.
func leftovers(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(sandboxes + "/*")
	if err != nil {
		t.Fatal(err)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if strings.HasPrefix(l.Name, "ihbr") {
			found = append(found, l.Name)
		}
	}
	return strings.Join(found, "\n")
}
