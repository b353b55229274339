//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestTokenAlone: with nothing but an API token, a guest without sshd and network is
// created, resumed after kill -9 in every phase, discovered and synced over its console.
// The console is left as it was found.
func TestTokenAlone(t *testing.T) {
	t.Parallel()
	n := newNode(t, "--fault", "no-sshd")
	u := n.by(t, "api")
	for _, kv := range u.env {
		if key, _, _ := strings.Cut(kv, "="); strings.HasPrefix(key, "INFRAHAUS_SSH_") && key != "INFRAHAUS_SSH_TRANSPORT" {
			t.Errorf("%s is set", key)
		}
	}
	const name = "tokenalone"
	ctid, template := killedThroughout(u, name, "--ip", "none")
	if got := n.in(t, ctid, "pgrep -x sshd || :; ip -4 -o addr show scope global"); got != "" {
		t.Errorf("it has an sshd, or an address: %q", got)
	}
	if out := u.run("discover", fmt.Sprint(ctid), "--json").stdout; len(discovered(t, out)) == 0 {
		t.Errorf("nothing is discovered: %s", out)
	}
	u.consoleFree(ctid)

	writeFiles(t, template, map[string]string{"scripts/20-sync.sh": slowly})
	n.in(t, ctid, "rm /root/go-on; echo '# mine' >>/usr/local/sbin/hold")
	u.mustDrift(name, "/usr/local/sbin/hold is edited, 20-sync.sh is new")
	run := u.start("sync", name, "--json")
	run.untilLine("tick 3")
	run.kill()
	u.interrupted(name)
	u.consoleFree(ctid) // an unused root shell ends by itself
	run = u.resumed(name)
	run.untilMessage("Following 20-sync.sh")
	u.touch(ctid, "/root/go-on")
	u.ready(name, run)
	u.whole(name, "20-sync.sh")
	if got := u.effects(ctid); got != "begun begun" {
		t.Errorf("the scripts have left %q", got)
	}
	if got := n.in(t, ctid, "grep -c mine /usr/local/sbin/hold /usr/local/sbin/hold.backup-* | sed 's/.*://'"); got != "0\n1\n" {
		t.Errorf("the edit is kept in a copy alone: %q", got)
	}
	u.consoleFree(ctid)
}

// consoleFree waits until the container's console asks for a login again, and checks that
// nothing else of a run remains.
func (u *user) consoleFree(ctid int) {
	u.t.Helper()
	eventually(u.t, "the console asks for a login", func() bool {
		out, err := u.node.try(u.t, ctid, `cat "/proc/$(systemctl show -p MainPID --value container-getty@1.service)/comm"`)
		return err == nil && out == "agetty\n"
	})
	if got := u.node.in(u.t, ctid, "ls -d /run/infrahaus-* /root/.bash_history /root/.ash_history 2>/dev/null; pgrep -fa 'ih_[a-z]' | grep -v 'config-manager/runs' || :"); got != "" {
		u.t.Errorf("this is left: %s", got)
	}
}
