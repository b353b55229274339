package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// upgradeAlone is a process that opens and upgrades a database, and dies after the step
// kill.
func upgradeAlone(dir, kill string) error {
	s, err := Open(context.Background(), dir)
	if err != nil {
		return err
	}
	defer s.Close()
	die := func(step string) {
		if step == kill {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	}
	die("migrate")
	return s.Upgrade(context.Background(), Upgrade{Reread: toyReread, after: die, Tell: func(Exposure) { fmt.Println("told") }})
}

func upgradeProcess(t *testing.T, dir, kill string, out *bytes.Buffer) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(self)
	p.Env = append(os.Environ(), "STORE_TEST_UPGRADE_IN="+dir, "STORE_TEST_KILL="+kill)
	p.Stdout, p.Stderr = out, os.Stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestUpgradeSurvivesAKillAfterEveryStep(t *testing.T) {
	for _, step := range []string{"migrate", "logs", "copies", "redis", "rows", "compact", "tell"} {
		t.Run(step, func(t *testing.T) {
			dir := version3(t)
			var out bytes.Buffer
			if err := upgradeProcess(t, dir, step, &out).Wait(); err == nil {
				t.Fatal("it was not killed")
			}
			s, told := upgrade(t, dir, Upgrade{Reread: toyReread})
			nowhere(t, dir)
			if got := sealedNow(t, s); got != wholeAgain {
				t.Errorf("sealed is\n%s", got)
			}
			if len(told) != 1 || len(told[0].Leaks) != 3 {
				t.Errorf("told %+v", told)
			}
		})
	}
}

func TestTwentyProcessesUpgradeOnce(t *testing.T) {
	dir := version3(t)
	var outs [20]bytes.Buffer
	var procs []*exec.Cmd
	for i := range outs {
		procs = append(procs, upgradeProcess(t, dir, "", &outs[i]))
	}
	told := 0
	for i, p := range procs {
		if err := p.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
		told += strings.Count(outs[i].String(), "told")
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	nowhere(t, dir)
	if got := sealedNow(t, open(t, dir)); got != wholeAgain {
		t.Errorf("sealed is\n%s", got)
	}
}
