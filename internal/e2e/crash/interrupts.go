package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// late is the time after which the table notes that an interrupted run took long to end.
// After tooLate it is a failure. Both leave room for a busy machine.
const (
	late    = 2 * time.Second
	tooLate = 10 * time.Second
)

// interruption is one SIGINT.
type interruption struct {
	what  string
	verb  scenario
	when  func(event.Event) bool
	trace string // the boundary after which it comes, if there is no event
	hold  string // the script that waits for it
	fault string
	says  []string // what the message and its hints must contain, besides the signal
	quick bool     // the run may have ended before
}

// interruptions has one in each phase, one during a package's installation, and one for
// each other command.
func interruptions() []interruption {
	create, resume, sync, destroy := named("create"), named("resume of a create killed while a script ran"), named("sync"), named("destroy")
	on := []string{"resume " + name, "destroy " + name}
	return []interruption{
		{what: "creating, the task hangs", verb: create, fault: "create-hang:1", when: percent(12)},
		{what: "starting", verb: create, when: percent(25), says: on},
		{what: "deploying", verb: create, when: percent(40), says: on},
		{what: "syncing, in a package", verb: create, hold: "package", when: says("holding "), says: append(on, "goes on")},
		{what: "syncing, in a script", verb: create, hold: "10-first.sh", when: says("holding "), says: append(on, "10-first.sh was stopped")},
		{what: "finalizing", verb: create, when: percent(92), says: on, quick: true},
		{what: "a resume follows a script", verb: resume, when: says("Following "), says: append(on, "20-second.sh was stopped")},
		{what: "a sync takes its snapshot", verb: sync, when: says("Taking the snapshot"), says: []string{"nothing was changed", "sync " + name}},
		{what: "a sync applies files", verb: sync, when: percent(65), says: []string{"resume " + name, "--rollback"}},
		{what: "a destroy stops the container", verb: destroy, trace: "step Stopping", says: []string{"destroy " + name}, quick: true},
	}
}

func (h *harness) interrupts() []kase {
	var cases []kase
	for i, m := range interruptions() {
		transport := h.transports[i%len(h.transports)]
		cases = append(cases, kase{
			row: "SIGINT while " + m.what, name: "SIGINT while " + m.what + ", by the " + transport, transport: transport,
			do: func(ctx context.Context, t *trial) { t.interruptAndGoOn(ctx, m) },
		})
	}
	return cases
}

func (t *trial) interruptAndGoOn(ctx context.Context, m interruption) {
	if m.hold != "" {
		t.hold = m.hold
	}
	if !m.verb.prepare(ctx, t) {
		return
	}
	if m.fault != "" {
		t.w.fault(m.fault)
	}
	var tool *os.Process
	var at time.Time
	var once sync.Once
	c := call{args: m.verb.args(t), trace: filepath.Join(t.dir, "trace")}
	interrupt := func() {
		at = time.Now()
		_ = tool.Signal(os.Interrupt) // a run that has ended is checked below
	}
	c.start = func(p *os.Process) {
		tool = p
		for end := time.Now().Add(patience); m.trace != "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if b, err := os.ReadFile(c.trace); err == nil && strings.Contains(string(b), m.trace) {
				interrupt()
				break
			}
		}
	}
	c.watch = func(e event.Event) {
		if m.when != nil && m.when(e) {
			once.Do(interrupt)
		}
	}
	e := t.tool(ctx, c)
	took := time.Since(at)
	t.note = fmt.Sprintf("exit %d after %.1f s", e.status, took.Seconds())
	if took > late {
		t.note += " (over 2 s)"
	}
	if took > tooLate {
		t.lost("an interrupted run took %s to its end", took)
	}
	t.explained(m, e)
	t.w.sb.Faults().Clear("")
	t.goOn(ctx, m.verb, false, 0)
}

// explained checks that the run names what it has left and how to continue.
func (t *trial) explained(m interruption, e ended) {
	if e.status == 0 && m.quick {
		return
	}
	said := e.err
	if n := len(e.events); n > 0 {
		said = e.events[n-1].Message + " | " + e.events[n-1].Hint
	}
	if e.status != 130 || !strings.Contains(said, "interrupted by SIGINT") {
		t.lost("SIGINT: %s", e.why())
	}
	for _, want := range m.says {
		if !strings.Contains(said, want) {
			t.lost("an interrupted run does not say %q: %s", want, said)
		}
	}
	if ids := t.w.sb.Node().IDs(); m.says == nil && len(ids) > 0 {
		t.lost("an interrupted create has left container %d and says: %s", ids[0], said)
	}
}
