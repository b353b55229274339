package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// row is the part of `list --all --json` that matters here.
type row struct {
	lxc.Container
	Interrupted bool
	Proxmox     struct{ State string }
}

// list runs the tool's list and compares it with the node, which may need a moment to
// settle.
func (t *trial) list(ctx context.Context) *row {
	t.w.idle()
	var wrong string
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		e := t.tool(ctx, call{args: []string{"list", "--all", "--filter", "id!=", "--json"}})
		var rows []row
		if err := json.Unmarshal([]byte(e.out), &rows); e.status != 0 || err != nil {
			wrong = "list: " + e.why()
		} else if wrong = t.differs(rows); wrong == "" {
			return newest(rows)
		}
		if time.Now().After(end) {
			t.lost("%s", wrong)
			return newest(rows)
		}
	}
}

func newest(rows []row) *row {
	if len(rows) == 0 {
		return nil
	}
	return &rows[len(rows)-1]
}

// differs returns the first difference between the list and the node.
func (t *trial) differs(rows []row) string {
	n := t.w.sb.Node()
	ids := slices.DeleteFunc(n.IDs(), func(id int) bool { return id == t.given || t.aside(id) })
	for _, r := range rows {
		alive := r.Lifecycle != lxc.Destroyed
		state := "none"
		switch {
		case r.CTID == 0:
		case n.Exists(r.CTID) != nil:
			state = "missing"
		case r.CTID == t.given:
			state = "other"
		case n.Running(r.CTID):
			state = "running"
		default:
			state = "stopped"
		}
		if r.Proxmox.State != state && (alive || state == "none" || state == "missing") {
			return "list --check says " + r.Proxmox.State + " of a container that is " + state
		}
		if r.Lifecycle == lxc.Creating && !r.Interrupted {
			return "list says creating, and nobody is at it"
		}
		if r.Lifecycle == lxc.Ready && state != "running" && !r.Interrupted && !t.mayStop {
			return "list says ready of a container that is " + state
		}
		if alive {
			ids = slices.DeleteFunc(ids, func(id int) bool { return id == r.CTID })
		}
	}
	if len(ids) > 0 {
		return "no record names the container " + strconv.Itoa(ids[0]) + " that is on the node"
	}
	return ""
}

// judge checks the final state: ready, with every script ended well once and its output
// on record, or nothing at all.
func (t *trial) judge(ctx context.Context, ends []string, gone bool) {
	r := t.list(ctx)
	events := t.tool(ctx, call{args: []string{"events", name, "--json"}})
	if r == nil {
		return // there was nothing to begin with
	}
	if events.status != 0 {
		t.lost("events: %s", events.why())
	}
	if gone {
		if r.Lifecycle != lxc.Destroyed {
			t.lost("it is %s, not destroyed", r.Lifecycle)
		}
		if ids := t.w.sb.Node().IDs(); len(ids) > 0 {
			t.lost("a destroy has left container %d", ids[0])
		}
		if t.image != nil {
			t.besideNothing()
		}
		t.output(events, nil)
		return
	}
	t.learnMade()
	t.learnSealed(ctx)
	if t.image != nil {
		t.judgeImage(r)
		return
	}
	if r.Lifecycle != lxc.Ready || r.Interrupted {
		t.lost("it is %s in the end, not ready", r.Lifecycle)
	}
	if snaps, err := t.w.sb.Node().Snapshots(r.CTID); err != nil || len(snaps) > 1 { // "current" is one
		t.lost("%d snapshots are left: %v", len(snaps)-1, err)
	}
	b, err := os.ReadFile(t.w.path(r.CTID, "root/effects"))
	if err != nil {
		t.lost("no script has run: %v", err)
		return
	}
	t.output(events, t.effects(string(b), ends))
	if slices.Contains(ends, "1 40-new.sh") {
		t.synced(r.CTID)
	}
	t.configured(r.CTID)
}

// configured looks whether the node has what the template asks for, and nothing waits for a
// restart.
func (t *trial) configured(ctid int) {
	now, err := t.w.sb.Node().Config(ctid, map[string]string{"current": "1"})
	if err != nil {
		t.lost("no config: %v", err)
	}
	for key, want := range t.config {
		if got := fmt.Sprint(now[key]); !strings.Contains(got, want) {
			t.lost("%s is %s in the end, not %s", key, got, want)
		}
	}
}

// effects reads what the scripts have left in the guest and returns the attempts
// that ended well.
func (t *trial) effects(text string, want []string) (ended []string) {
	begun, done := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(text) {
		word := strings.Fields(line)
		if len(word) != 3 {
			continue // a disk was full
		}
		attempt := word[1] + " " + word[2]
		script := word[1] + " " + strings.TrimSuffix(path.Base(word[2]), path.Ext(word[2]))
		if word[2] == "package" {
			script = attempt
		}
		switch {
		case word[0] == "end":
			done[script] = true
			ended = append(ended, path.Base(word[2]))
			continue
		case begun[attempt] && word[2] != "package": // a package whose guest died has no attempt of its own
			t.twice("the attempt %s was begun twice", attempt)
		case done[script]:
			t.twice("%s was run again after it had ended well", script)
		}
		begun[attempt] = true
	}
	for _, script := range want {
		if !done[script] {
			t.lost("%s has never ended well", script)
		}
	}
	return ended
}

// output looks for the lines of the attempts that ended well in the record: each
// is there, and no line of any attempt is there again.
func (t *trial) output(events ended, attempts []string) {
	times := map[string]int{}
	for _, e := range events.events {
		times[e.Message]++
	}
	for message, n := range times {
		if n > 1 && strings.Contains(message, ".sh line ") {
			t.twice("the record has %q %d times", message, n)
		}
	}
	for _, a := range attempts {
		for _, line := range []string{" line 1 of ", " line 2 of "} {
			if script := strings.TrimSuffix(a, path.Ext(a)); a != "package" && times[script+line+a] == 0 {
				t.lost("the record lacks a line of the output: %q", script+line+a)
			}
		}
	}
}

// synced looks whether the files are as a sync leaves them.
func (t *trial) synced(ctid int) {
	for file, want := range map[string]string{"etc/crash/app.conf": "version = 2\n", "etc/crash/own.conf": "mine = yes\n"} {
		if b, err := os.ReadFile(t.w.path(ctid, file)); err != nil || string(b) != want {
			t.lost("/%s is %q, not %q (%v)", file, b, want, err)
		}
	}
}
