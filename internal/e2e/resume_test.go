//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// TestKilledThroughout kills the tool, as kill -9 does, in every phase of one create and
// of its resumes: nothing happens twice, nothing is lost, and the record is always right.
func TestKilledThroughout(t *testing.T) {
	byTransport(t, func(u *user, transport string) { killedThroughout(u, "hunted-"+transport) })
}

// killedThroughout returns the container and its template's folder.
func killedThroughout(u *user, name string, args ...string) (ctid int, template string) {
	t := u.t
	u.destroyLater(name)
	template = held(t, fromFolder, map[string]string{"10-slow.sh": slowly})
	run := u.start(append([]string{"create", name, "--template", template, "--json"}, args...)...)
	ctid = run.untilMessage("is being made from").CTID
	run.kill()
	u.interrupted(name)
	if got := u.planned(name, "creating"); !strings.Contains(got, "follow the task") {
		t.Errorf("killed while it was created: it would %q", got)
	}
	mac := u.show(name).MAC

	run = u.resumed(name)
	run.untilMessage("Starting container")
	run.kill()
	u.interrupted(name)

	run = u.resumed(name)
	run.untilMessage("Installing config-manager")
	run.kill()
	u.interrupted(name)

	run = u.resumed(name)
	run.untilMessage("Running config-manager initial sync")
	u.untilFile(ctid, "/root/holding")
	run.kill()
	u.interrupted(name)
	if got := u.planned(name, "syncing"); !strings.HasPrefix(got, "follow the config-manager") {
		t.Errorf("killed while a package was installed: it would %q", got)
	}
	run = u.resumed(name)
	run.untilMessage("Following config-manager")
	u.touch(ctid, "/root/go-on-packages")
	run.untilLine("tick 3")
	run.kill()
	u.interrupted(name)
	if got := u.planned(name, "syncing"); !strings.Contains(got, "follow 10-slow.sh from where its output was left") {
		t.Errorf("killed while a script ran: it would %q", got)
	}

	run = u.resumed(name)
	run.untilMessage("Following 10-slow.sh")
	u.touch(ctid, "/root/go-on")
	run.untilMessage("Discovering services")
	run.kill()
	u.interrupted(name)

	u.ready(name, u.resumed(name))
	s := u.show(name)
	if s.CTID != ctid || s.MAC != mac {
		t.Errorf("it is container %d (%s), not %d (%s)", s.CTID, s.MAC, ctid, mac)
	}
	if got := u.attempts(ctid, "10-slow.sh") + ", " + u.attempts(ctid, "00-config-manager"); got != "10-slow.sh.1, 00-config-manager.1" {
		t.Errorf("attempts: %s", got)
	}
	if got := u.effects(ctid); got != "begun" {
		t.Errorf("the scripts have left %q", got)
	}
	u.installed(ctid, fromFolder)
	u.whole(name, "10-slow.sh")
	return ctid, template
}

// TestKilledScriptEnds: a script that ends while no run follows it is not run again if it
// succeeded. If it failed, its output is shown and it is tried again.
func TestKilledScriptEnds(t *testing.T) {
	byTransport(t, func(u *user, transport string) {
		fails := transport == "node"
		name := "unseen-" + transport
		dir := writeTemplate(t, "name: unseen\nos: debian-12\n", map[string]string{"10-slow.sh": slowly + `
[ ! -e /root/fail ] || { rm /root/fail; echo "it failed" >&2; exit 7; }
`})
		u.destroyLater(name)
		run := u.start("create", name, "--template", dir, "--json")
		ctid := run.untilLine("tick 3").CTID
		run.kill()
		if fails {
			u.touch(ctid, "/root/fail")
		}
		u.touch(ctid, "/root/go-on")
		u.untilFile(ctid, "/var/lib/config-manager/runs/*/10-slow.sh.1/rc")
		noScript(u.t, ctid)
		u.interrupted(name)
		plan := u.planned(name, "syncing")
		events := u.ready(name, u.resumed(name))
		out, errOut := output(u.story(name), "10-slow.sh", event.Stdout), output(events, "10-slow.sh", event.Stderr)
		if !fails {
			if !strings.Contains(plan, "follow 10-slow.sh") || u.attempts(ctid, "10-slow.sh") != "10-slow.sh.1" || u.effects(ctid) != "begun" {
				u.t.Errorf("it would %q; attempts %s, effects %s", plan, u.attempts(ctid, "10-slow.sh"), u.effects(ctid))
			}
			u.whole(name, "10-slow.sh")
			return
		}
		if !strings.Contains(plan, "show how 10-slow.sh ended, and run it again (attempt 2)") || u.attempts(ctid, "10-slow.sh") != "10-slow.sh.1 10-slow.sh.2" {
			u.t.Errorf("it would %q; attempts %s", plan, u.attempts(ctid, "10-slow.sh"))
		}
		if !slices.Equal(errOut, []string{"it failed"}) {
			u.t.Errorf("stderr, shown late, is %q", errOut)
		}
		twoTries(u.t, out, true)
	})
}

// twoTries checks the output of a script that ran twice: the first part up to its end,
// and the second complete.
func twoTries(t *testing.T, lines []string, finished bool) {
	t.Helper()
	again := slices.Index(lines[min(1, len(lines)):], "started") + 1
	if again < 1 {
		t.Fatalf("the output has no second try: %q", lines)
	}
	first := lines[:again]
	if !finished {
		n := len(first) - 1
		for n > 0 && !strings.HasPrefix(first[n], "tick ") {
			n-- // output caused by the signal
		}
		first = append(slices.Clone(first[:n+1]), "finished after "+strings.TrimPrefix(first[n], "tick ")+" ticks")
	}
	wholeOnce(t, first)
	wholeOnce(t, lines[again:])
}

// TestRestarted: restarting a container ends the script in it. create reports that, and
// resume tries the script again.
func TestRestarted(t *testing.T) {
	byTransport(t, func(u *user, transport string) {
		name := "restarted-" + transport
		u.destroyLater(name)
		run := u.start("create", name, "--template", theSlow(u.t), "--json")
		ctid := run.untilLine("tick 3").CTID
		if transport != "node" {
			u.node.must(u.t, "pct reboot %d", ctid)
		} else {
			u.node.must(u.t, "pct stop %d", ctid)
			u.node.must(u.t, "pct start %d", ctid)
		}
		u.failed(name, run.wait(), 4)
		again(u, name, ctid)
	})
}

// again resumes a create whose script died with its guest.
func again(u *user, name string, ctid int) {
	u.t.Helper()
	run := u.resumed(name)
	run.untilMessage("Running 10-slow.sh again (attempt 2)")
	run.untilLine("tick 3")
	u.touch(ctid, "/root/go-on")
	u.ready(name, run)
	if got := u.attempts(ctid, "10-slow.sh"); got != "10-slow.sh.1 10-slow.sh.2" {
		u.t.Errorf("attempts: %s", got)
	}
	if got := u.effects(ctid); got != "begun begun after" {
		u.t.Errorf("the scripts have left %q", got)
	}
	twoTries(u.t, output(u.story(name), "10-slow.sh", event.Stdout), false)
}

// TestNodeRestarted: the node loses power while a script runs, comes back and starts its
// guests.
func TestNodeRestarted(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for _, transport := range []string{"guest", "node", "api"} {
		u := n.by(t, transport)
		name := "powerless-" + transport
		run := u.start("create", name, "--template", theSlow(t), "--json", "--onboot")
		ctid := run.untilLine("tick 3").CTID
		n.kill()
		time.Sleep(time.Second) // the node is off for a while
		if err := n.begin(); err != nil {
			t.Fatal(err)
		}
		u.failed(name, run.wait(), 4)
		again(u, name, ctid)
		u.run("destroy", name, "--yes")
	}
}
