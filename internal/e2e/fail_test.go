//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
)

// TestScriptFails: a failed script gives exit status 5 with its last output, and no later
// script runs. The rest can be destroyed.
func TestScriptFails(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.destroyLater("fails")
	r := u.try("create", "fails", "--template", "exit7", "--json")
	last := u.failed("fails", r, 5)
	for _, want := range []string{"20-fails.sh", "exit status 7", "E: the disk is on fire"} {
		if !strings.Contains(last.Message, want) {
			t.Errorf("%q is not in %q", want, last.Message)
		}
	}
	if strings.Contains(r.stdout, "this must not run") {
		t.Error("a script after the failed one ran")
	}
	if out := inGuest(t, last.CTID, "test ! -e /root/ran-after-failure && echo clean"); out != "clean\n" {
		t.Errorf("in the guest: %q", out)
	}
	logs := u.run("logs", "fails")
	if !strings.Contains(logs.stdout, "before\n") || !strings.Contains(logs.stderr, "E: the disk is on fire\n") {
		t.Errorf("logs: %q, %q", logs.stdout, logs.stderr)
	}
}

// TestScriptKilled: a script that a signal ended gives exit status 5 and names the
// signal.
func TestScriptKilled(t *testing.T) {
	t.Parallel()
	u := newUser(t, "INFRAHAUS_SSH_TRANSPORT=node")
	dir := writeTemplate(t, "name: killed\nos: debian-12\n", map[string]string{"10-killed.sh": "#!/bin/sh\necho before\nkill -9 $$\necho after\n"})
	u.destroyLater("killed")
	r := u.try("create", "killed", "--template", dir, "--json")
	last := u.failed("killed", r, 5)
	if !strings.Contains(last.Message, "10-killed.sh") || !strings.Contains(last.Message, "signal 9") {
		t.Errorf("it says %q", last.Message)
	}
	if got := output(decode(t, r.stdout), "10-killed.sh", event.Stdout); !slices.Equal(got, []string{"before"}) {
		t.Errorf("output %q", got)
	}
}

// TestInterrupt: the first Ctrl-C or SIGTERM also ends the script in the guest, and the
// record has that.
func TestInterrupt(t *testing.T) {
	for _, tt := range []struct {
		transport string
		signal    syscall.Signal
	}{
		{"guest", syscall.SIGINT}, {"node", syscall.SIGTERM}, {"api", syscall.SIGINT},
	} {
		t.Run(tt.transport, func(t *testing.T) {
			t.Parallel()
			u := node.by(t, tt.transport)
			name := "interrupted-" + tt.transport
			u.destroyLater(name)
			run := u.start("create", name, "--template", "slow", "--json")
			ctid := run.untilLine("tick 3").CTID
			if err := run.cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			u.failed(name, run.wait(), 128+int(tt.signal))
			noScript(t, ctid)
			if got := inGuest(t, ctid, "cat /var/lib/config-manager/runs/*/10-slow.sh.1/rc; ls /var/lib/config-manager/runs/*"); !strings.HasPrefix(got, "143\n") || strings.Contains(got, "20-after") {
				t.Errorf("the script's own end: %q", got)
			}
		})
	}
}

// TestGuestStops: a guest that is stopped while a script runs there gives exit status 4.
func TestGuestStops(t *testing.T) {
	for _, tt := range []struct{ transport, how string }{
		{"guest", "stop"}, {"node", "shutdown"}, {"api", "stop"},
	} {
		t.Run(tt.transport, func(t *testing.T) {
			t.Parallel()
			u := node.by(t, tt.transport)
			name := "stops-" + tt.transport
			u.destroyLater(name)
			run := u.start("create", name, "--template", "slow", "--json")
			ctid := run.untilLine("tick 3").CTID
			if r := u.try("stop", name); r.status != 1 || !strings.Contains(r.stderr, "another infrahaus is at work") {
				t.Errorf("stop beside a create: exit status %d\n%s", r.status, r.stderr)
			}
			if out, err := onNode(t, fmt.Sprintf("pct %s %d", tt.how, ctid)); err != nil {
				t.Fatal(err, out)
			}
			u.failed(name, run.wait(), 4)
			u.run("destroy", name, "--yes")
			if s := u.show(name); s.Status != "destroyed" {
				t.Errorf("the record says %q", s.Status)
			}
		})
	}
}

// TestHostKeyChanged: a guest whose host key has changed since its creation is not
// trusted: exit status 4, with the key.
func TestHostKeyChanged(t *testing.T) {
	t.Parallel()
	u := newUser(t, "INFRAHAUS_SSH_TRANSPORT=guest")
	end := u.create("rekeyed", "--template", plainTemplate(t))
	u.run("discover", "rekeyed", "--json")
	inGuest(t, end.CTID, "rm /etc/ssh/ssh_host_*_key* && ssh-keygen -A >/dev/null && systemctl restart ssh")
	for _, transport := range []string{"guest", "auto"} { // auto does not fall through to the node
		u.env = append(u.env, "INFRAHAUS_SSH_TRANSPORT="+transport)
		r := u.try("discover", "rekeyed")
		if r.status != 4 || !strings.Contains(r.stderr, "host key") || !strings.Contains(r.stderr, "SHA256:") {
			t.Errorf("%s: exit status %d\n%s", transport, r.status, r.stderr)
		}
	}
}

// TestLinkCut: cutting the link while a script runs neither ends nor repeats the script,
// and no line is lost or doubled.
func TestLinkCut(t *testing.T) {
	t.Run("guest", func(t *testing.T) {
		t.Parallel()
		linkCut(node.by(t, "guest"), func(ctid int) { cutGuest(t, ctid) })
	})
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		w := sshWire(t)
		linkCut(node.by(t, "node", w.env...), func(int) {
			if n := w.cut(); n != 1 {
				t.Errorf("%d connections to the node, not one", n)
			}
		})
	})
	t.Run("api", func(t *testing.T) {
		t.Parallel()
		w := apiWire(t)
		linkCut(node.by(t, "api", w.env...), func(int) { w.cut() })
	})
}

func linkCut(u *user, cut func(ctid int)) {
	t, name := u.t, "cut"
	u.destroyLater(name)
	run := u.start("create", name, "--template", "slow", "--json")
	ctid := run.untilLine("tick 3").CTID
	for range 2 {
		cut(ctid)
		run.until("the link is back", func(e event.Event) bool { return strings.Contains(e.Message, "link to the container is back") })
	}
	inGuest(t, ctid, "touch /root/go-on")
	r := run.wait()
	if r.status != 0 {
		t.Fatalf("exit status %d\n%s%s", r.status, lastLines(r.stdout, 12), r.stderr)
	}
	wholeOnce(t, output(decode(t, r.stdout), "10-slow.sh", event.Stdout))
	if got := inGuest(t, ctid, "ls -d /var/lib/config-manager/runs/*/10-slow.sh.* | wc -l"); got != "1\n" {
		t.Errorf("%q attempts", got)
	}
}

// wholeOnce checks that each line of the slow script was printed once, in order.
func wholeOnce(t *testing.T, lines []string) {
	t.Helper()
	n := len(lines) - 2
	want := []string{"started"}
	for i := range n {
		want = append(want, fmt.Sprintf("tick %d", i+1))
	}
	want = append(want, fmt.Sprintf("finished after %d ticks", n))
	if n < 1 || !slices.Equal(lines, want) {
		t.Errorf("the output is not whole, or not once: %q", lines)
	}
}
