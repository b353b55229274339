package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/needs/pgserver"
)

// workerLease is how long a worker may be silent in these trials; half a minute in real life.
const workerLease = "INFRAHAUS_CRASH_LEASE=2s"

// workers are creates by a worker that dies, or that sleeps for longer than its lease: another
// one goes on.
func (h *harness) workers() []kase {
	var cases []kase
	add := func(what string, do func(ctx context.Context, t *trial)) {
		cases = append(cases, kase{row: "worker " + what, name: "worker " + what, transport: "node", do: do})
		if !pgserver.Installed() {
			return
		}
		what += ", PostgreSQL"
		cases = append(cases, kase{row: "worker " + what, name: "worker " + what, transport: "node", do: func(ctx context.Context, t *trial) {
			s, err := pgserver.Start(pgserver.Options{})
			if err != nil {
				t.lost("%v", err)
				return
			}
			defer s.Close()
			t.database = s.URL("")
			do(ctx, t)
		}})
	}
	for _, at := range []struct {
		when string
		is   func(event.Event) bool
	}{{"creating", percent(12)}, {"deploying", percent(40)}, {"syncing", percent(65)}, {"finalizing", percent(92)}} {
		add("killed while "+at.when, func(ctx context.Context, t *trial) { t.workerGone(ctx, at.is, syscall.SIGKILL) })
		add("asleep while "+at.when, func(ctx context.Context, t *trial) { t.workerGone(ctx, at.is, syscall.SIGSTOP) })
	}
	return cases
}

// workerGone enqueues a create, sends the signal to the worker that does it, and lets another
// worker finish. A worker that was only asleep wakes up after that, and changes nothing.
func (t *trial) workerGone(ctx context.Context, when func(event.Event) bool, sig syscall.Signal) {
	args := slices.DeleteFunc(t.create(), func(s string) bool { return s == "--json" })
	if e := t.tool(ctx, call{args: append(args, "--enqueue")}); e.status != 0 {
		t.lost("create --enqueue: %s", e.why())
		return
	}
	one := *t // a trial's own notes are not for several at once
	one.problems = nil
	gone := make(chan *os.Process, 1)
	var first ended
	var process *os.Process
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		defer once.Do(func() { close(gone) }) // it has ended before the moment came
		first = one.tool(ctx, call{
			args: []string{"worker", "--json", "--grace", "1s"}, env: []string{workerLease},
			start: func(p *os.Process) { process = p },
			watch: func(ev event.Event) {
				if when(ev) {
					once.Do(func() {
						if err := process.Signal(sig); err != nil {
							one.lost("%v", err)
						}
						gone <- process
					})
				}
			},
		})
	})
	asleep := <-gone
	if asleep == nil {
		wg.Wait()
		t.lost("the first worker has done nothing: %s", first.why())
		return
	}
	began := time.Now()
	e := t.tool(ctx, call{args: []string{"worker", "--json", "--until-empty"}, env: []string{workerLease}})
	// A process that is stopped within a transaction keeps SQLite's lock: nobody can write until it
	// wakes up, and then it still has its lease.
	locked := sig == syscall.SIGSTOP && t.database == "" && strings.Contains(e.why(), "another process has held it")
	if e.status != 0 && !locked {
		t.lost("the other worker: %s", e.why())
	}
	if took := time.Since(began); took > time.Minute {
		t.lost("the other worker needed %s", took)
	}
	requests := len(t.w.sb.Node().IDs())
	if sig == syscall.SIGSTOP {
		if err := asleep.Signal(syscall.SIGCONT); err != nil {
			t.lost("%v", err)
		}
		time.Sleep(time.Second) // for what a late worker might do
		for end := time.Now().Add(20 * time.Second); locked && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if e := t.tool(ctx, call{args: []string{"jobs", "list", "--json"}}); strings.Contains(e.out, `"state": "done"`) {
				break
			}
		}
		_ = asleep.Signal(syscall.SIGTERM)
	}
	wg.Wait()
	t.problems = append(t.problems, one.problems...)
	t.said.WriteString(first.out + first.err)
	if sig == syscall.SIGSTOP && !locked && !strings.Contains(first.err, "does not count") {
		t.lost("the late worker does not say why it stops: %.300s", first.err)
	}
	if n := len(t.w.sb.Node().IDs()); n != requests {
		t.twice("%d containers, and %d before the late worker woke up", n, requests)
	}
	if e := t.tool(ctx, call{args: []string{"jobs", "list", "--json"}}); strings.Count(e.out, `"state": "done"`) != 1 || !locked && !strings.Contains(e.out, `"attempt": 2`) {
		t.lost("the job: %.600s", e.out)
	}
	t.whole(ctx)
}
