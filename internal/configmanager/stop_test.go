//go:build unix

package configmanager

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestAttemptIsTold: a sync that is stopped removes its lock and its request, and reports
// how it ended.
func TestAttemptIsTold(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		began := g.path("began")
		g.ship(Input{Files: []File{file("replace", "/etc/a", "one")}, Custom: []CustomPackage{
			{Name: "slow", Check: "false", Install: "touch '" + began + "'; until [ -e '" + g.path("go on") + "' ]; do sleep 0.05; done"}}})
		g.write("attempt/out", "", 0o600)
		g.write("script", SyncScript(), 0o600)
		cmd := exec.Command(g.shell[0], append(g.shell[1:], g.path("script"))...)
		cmd.Env = []string{"CONFIG_MANAGER_PREFIX=" + g.root, "PATH=" + os.Getenv("PATH"),
			"INFRAHAUS_ATTEMPT=" + g.path("attempt"), StageEnv(g.path(g.stage))}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Minute); !g.exists("began"); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it never began: " + g.read("attempt/err"))
			}
		}
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		g.write("go on", "", 0o600) // lets the package step end: a stop does not interrupt it
		_ = cmd.Wait()
		if s := cmd.ProcessState.ExitCode(); s != 143 {
			t.Errorf("status %d", s)
		}
		// The service ends without a further signal.
		for deadline := time.Now().Add(5 * time.Minute); !g.exists("attempt/sync.rc"); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it never ended")
			}
		}
		left, _ := os.ReadDir(g.path("/run"))
		if g.read("attempt/sync.rc") != "143\n" || len(left) > 0 {
			t.Errorf("%q, left in /run: %v", g.read("attempt/sync.rc"), left)
		}
		if s := g.sync(Input{Files: []File{file("replace", "/etc/a", "two")}}); s != 0 || g.read("/etc/a") != "two" || len(g.backups("/etc/a")) > 0 {
			t.Errorf("the next sync: status %d: %s%s", s, g.out, g.err)
		}
	})
}
