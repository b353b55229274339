//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
)

// TestInterruptPackages: Ctrl-C does not stop the installation of a package half-way. The
// message says that it continues, and resume follows it.
func TestInterruptPackages(t *testing.T) {
	byTransport(t, func(u *user, transport string) {
		name := "packages-" + transport
		u.destroyLater(name)
		run := u.start("create", name, "--template", held(u.t, fromFolder, map[string]string{"10-after.sh": "tiny\n"}), "--json")
		ctid := run.untilMessage("is being made from").CTID
		run.untilMessage("Running config-manager initial sync")
		u.untilFile(ctid, "/root/holding")
		if err := run.cmd.Process.Signal(syscall.SIGINT); err != nil {
			u.t.Fatal(err)
		}
		last := u.failed(name, run.wait(), 130)
		if !strings.Contains(last.Message, "the config-manager goes on with files and packages") || !strings.Contains(last.Hint, "infrahaus resume "+name) {
			u.t.Errorf("it says %q, and %q", last.Message, last.Hint)
		}
		u.node.in(u.t, ctid, "pgrep -x dpkg") // it waits for its file
		run = u.resumed(name)
		run.untilMessage("Following config-manager")
		u.touch(ctid, "/root/go-on-packages")
		u.ready(name, run)
		if got := u.attempts(ctid, "00-config-manager"); got != "00-config-manager.1" {
			u.t.Errorf("attempts: %s", got)
		}
		u.installed(ctid, fromFolder)
	})
}

// TestDpkgKilled: the state of a dpkg that died half-way is repaired before the next
// attempt.
func TestDpkgKilled(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.destroyLater("halfway")
	run := u.start("create", "halfway", "--template", held(t, fromDebian, nil), "--json")
	ctid := run.untilMessage("is being made from").CTID
	run.untilMessage("Running config-manager initial sync")
	u.untilFile(ctid, "/root/holding")
	inGuest(t, ctid, "pkill -9 -x dpkg; pkill -9 -x hold")
	u.failed("halfway", run.wait(), 5)
	if got := inGuest(t, ctid, "dpkg --audit"); !strings.Contains(got, fromDebian) {
		t.Fatalf("nothing to mend: dpkg --audit says %q", got)
	}
	u.touch(ctid, "/root/go-on-packages")
	events := u.ready("halfway", u.resumed("halfway"))
	var said []string
	for _, stream := range []string{event.Stdout, event.Stderr} {
		said = append(said, output(events, "config-manager", stream)...)
	}
	if !strings.Contains(strings.Join(said, "\n"), "dpkg was interrupted: finishing what it began") {
		t.Errorf("it said %q", said)
	}
	if got := u.attempts(ctid, "00-config-manager"); got != "00-config-manager.1 00-config-manager.2" {
		t.Errorf("attempts: %s", got)
	}
	u.installed(ctid, fromDebian)
}
