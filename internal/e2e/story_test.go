//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
)

// kill ends the tool by kill -9.
func (l *live) kill() {
	l.t.Helper()
	if err := l.cmd.Process.Kill(); err != nil {
		l.t.Fatal(err)
	}
	l.wait()
	if l.cmd.ProcessState.Exited() {
		l.t.Fatalf("it ended before it was killed\n%s%s", lastLines(l.out.String(), 12), &l.err)
	}
}

// row is the part of `list --json` that tests need.
type row struct {
	CTID        int
	Hostname    string
	Status      string
	Adopted     bool
	Interrupted bool
	Differs     []string
	Proxmox     struct{ State, Name, Lock string }
}

// listed is a container's row.
func (u *user) listed(name string, args ...string) row {
	u.t.Helper()
	var list []row
	if err := json.Unmarshal([]byte(u.run(append([]string{"list", "--json"}, args...)...).stdout), &list); err != nil {
		u.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(r row) bool { return r.Hostname == name })
	if i < 0 {
		u.t.Fatalf("no %s among %+v", name, list)
	}
	return list[i]
}

// interrupted checks that the record shows that a run was killed.
func (u *user) interrupted(name string) row {
	u.t.Helper()
	r := u.listed(name, "--check")
	if !r.Interrupted {
		u.t.Errorf("list does not say that it was interrupted: %+v", r)
	}
	return r
}

// planned returns the lines of `resume --plan` about a step.
func (u *user) planned(name, step string) string {
	u.t.Helper()
	var plan struct {
		Steps []struct {
			Step string
			Does []string
		}
	}
	if err := json.Unmarshal([]byte(u.run("resume", name, "--plan", "--json").stdout), &plan); err != nil {
		u.t.Fatal(err)
	}
	for _, s := range plan.Steps {
		if s.Step == step {
			return strings.Join(s.Does, "\n")
		}
	}
	u.t.Fatalf("no step %s in %+v", step, plan)
	return ""
}

// story returns all events of all runs on record, and checks each run by itself.
func (u *user) story(name string) []event.Event {
	u.t.Helper()
	var all []event.Event
	var run strings.Builder
	last := ""
	for line := range strings.Lines(u.run("events", name, "--json").stdout) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			u.t.Fatalf("not an event: %q", line)
		}
		if last != "" && e.RunID != last {
			all = append(all, decode(u.t, run.String())...)
			run.Reset()
		}
		last = e.RunID
		run.WriteString(line)
	}
	return append(all, decode(u.t, run.String())...)
}

// resumed starts a resume beside the test.
func (u *user) resumed(name string) *live {
	u.t.Helper()
	return u.start("resume", name, "--json")
}

// untilMessage waits for an event whose message contains part.
func (l *live) untilMessage(part string) event.Event {
	l.t.Helper()
	return l.until(part, func(e event.Event) bool { return e.Type != event.Log && strings.Contains(e.Message, part) })
}

// ready waits for a run's success and checks that the record is ready.
func (u *user) ready(name string, l *live) []event.Event {
	u.t.Helper()
	r := l.wait()
	if r.status != 0 {
		u.t.Fatalf("exit status %d\n%s%s", r.status, lastLines(r.stdout, 12), r.stderr)
	}
	if s := u.show(name); s.Status != "ready" || s.Error != "" {
		u.t.Errorf("the record says %q, error %q", s.Status, s.Error)
	}
	return decode(u.t, r.stdout)
}

// attempts lists the attempts at a program in the guest.
func (u *user) attempts(ctid int, name string) string {
	u.t.Helper()
	out := u.node.in(u.t, ctid, "for d in /var/lib/config-manager/runs/*/"+name+".*; do echo ${d##*/}; done")
	return strings.Join(strings.Fields(out), " ")
}

// touch makes a file in a guest.
func (u *user) touch(ctid int, path string) {
	u.t.Helper()
	u.node.in(u.t, ctid, "touch "+path)
}

// untilFile waits for a file in a guest.
func (u *user) untilFile(ctid int, path string) {
	u.t.Helper()
	eventually(u.t, path+" is there", func() bool {
		_, err := u.node.try(u.t, ctid, "test -e "+path)
		return err == nil
	})
}

// whole checks that each line of a script's output, over all runs and as `logs` shows it,
// comes once and in order.
func (u *user) whole(name, script string) {
	u.t.Helper()
	lines := output(u.story(name), script, event.Stdout)
	wholeOnce(u.t, lines)
	if got := u.run("logs", name, "--script", script).stdout; got != strings.Join(lines, "\n")+"\n" {
		u.t.Errorf("logs shows %q", got)
	}
}

// slowly is a script that notes its start in a file, then prints a line each tenth of a
// second until /root/go-on exists.
const slowly = `#!/bin/sh
echo begun >>/root/effects
echo started
i=0
until [ -e /root/go-on ] && [ "$i" -gt 0 ] || [ "$i" -ge 1200 ]; do
	i=$((i + 1))
	echo "tick $i"
	sleep 0.1
done
echo "finished after $i ticks"
`

// effects returns one line for each start of a script.
func (u *user) effects(ctid int) string {
	u.t.Helper()
	return strings.Join(strings.Fields(u.node.in(u.t, ctid, "cat /root/effects")), " ")
}

// theSlow is a template with that script and one after it.
func theSlow(t *testing.T) string {
	return writeTemplate(t, "name: theslow\nos: debian-12\n", map[string]string{
		"10-slow.sh": slowly, "20-after.sh": "echo after >>/root/effects\necho after\n",
	})
}

// byTransport runs a test for each transport.
func byTransport(t *testing.T, test func(u *user, transport string)) {
	for _, transport := range []string{"guest", "node", "api"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			test(node.by(t, transport), transport)
		})
	}
}

// by is a user with the settings of one transport only. For the console these are nothing
// but an API token.
func (n *served) by(t *testing.T, transport string, env ...string) *user {
	t.Helper()
	u := n.newUser(t, append([]string{"INFRAHAUS_SSH_TRANSPORT=" + transport}, env...)...)
	if transport == "api" {
		u.env = slices.DeleteFunc(u.env, func(kv string) bool {
			return strings.HasPrefix(kv, "INFRAHAUS_SSH_") && !strings.HasPrefix(kv, "INFRAHAUS_SSH_TRANSPORT=")
		})
	}
	return u
}
