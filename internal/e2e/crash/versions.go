package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // to ask who leads

	"github.com/infrahaus/infrahaus/internal/event"
)

// newerFlags make a program of a version that is not out yet, whose jobs this one does not know.
const newerFlags = "-X github.com/infrahaus/infrahaus/internal/cli.version=99.0.0 -X github.com/infrahaus/infrahaus/internal/jobs.format=99"

// newer builds that program. Only the linker has work to do.
func (h *harness) newer(ctx context.Context) (string, error) {
	path := filepath.Join(h.dir, "infrahaus-newer")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nethttpomithttp2,crash", "-ldflags", newerFlags, "-o", path, "./cmd/infrahaus")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return path, cmd.Run()
}

// versions are two programs of different versions with one catalogue.
func (h *harness) versions() []kase {
	const what = "worker of an older version"
	return []kase{{row: what, name: what, transport: "node", do: func(ctx context.Context, t *trial) { t.olderWorker(ctx) }}}
}

// olderWorker runs a worker beside jobs of a newer version: it leaves these to a newer worker,
// does not lead the queue, and says both. It does the jobs that it knows.
func (t *trial) olderWorker(ctx context.Context) {
	newer, err := t.h.newer(ctx)
	if err != nil {
		t.lost("the newer version: %v", err)
		return
	}
	args := append(t.create(), "--enqueue")
	if e := t.tool(ctx, call{bin: newer, args: args}); e.status != 0 {
		t.lost("create --enqueue: %s", e.why())
		return
	}
	older := *t // a trial's own notes are not for several at once
	older.problems = nil
	var process *os.Process
	var mu sync.Mutex
	var wg sync.WaitGroup
	begun := make(chan struct{})
	var end ended
	said := filepath.Join(t.dir, "older.txt")
	wg.Go(func() {
		end = older.tool(ctx, call{args: []string{"worker", "--name", "older"}, heard: said, start: func(p *os.Process) {
			mu.Lock()
			process = p
			mu.Unlock()
			close(begun)
		}})
	})
	<-begun
	has := func(word string) bool {
		text, _ := os.ReadFile(said)
		return strings.Contains(string(text), word)
	}
	if !within(10*time.Second, func() bool { return has("left for a newer worker") && has("does not lead") }) {
		t.lost("the older worker does not say that it leaves the job, and does not lead")
	}
	if id, err := t.leader(ctx); err != nil || id != "" {
		t.lost("the older worker leads: %s, %v", id, err)
	}
	leader := ""
	e := t.tool(ctx, call{bin: newer, args: []string{"worker", "--name", "newer", "--json", "--until-empty"}, watch: func(event.Event) {
		if leader == "" {
			within(5*time.Second, func() bool { leader, err = t.leader(ctx); return leader != "" })
		}
	}})
	if e.status != 0 {
		t.lost("the newer worker: %s", e.why())
	}
	status := t.tool(ctx, call{args: []string{"worker", "status", "--json"}})
	if leader == "" || !strings.Contains(status.out, fmt.Sprintf(`"id": "%s",`+"\n    "+`"name": "newer"`, leader)) {
		t.lost("%q leads, and not the newer worker: %v\n%.600s", leader, err, status.out)
	}
	t.whole(ctx)
	// The older worker does the jobs whose format it knows, although newer ones are in the queue.
	if e := t.tool(ctx, call{args: []string{"discover", name, "--enqueue"}}); e.status != 0 {
		t.lost("discover --enqueue: %s", e.why())
	}
	if !within(10*time.Second, func() bool {
		e := t.tool(ctx, call{args: []string{"jobs", "list", "--json"}})
		return strings.Count(e.out, `"state": "done"`) == 2 && strings.Contains(e.out, `"format": 99`) && strings.Contains(e.out, `"format": 1,`)
	}) {
		t.lost("the older worker has not done a job of its own version")
	}
	mu.Lock()
	_ = process.Signal(syscall.SIGTERM)
	mu.Unlock()
	wg.Wait()
	if end.status != 0 {
		t.lost("the older worker: %s", end.why())
	}
	t.problems = append(t.problems, older.problems...)
}

// within waits until something is so.
func within(most time.Duration, is func() bool) bool {
	for end := time.Now().Add(most); ; time.Sleep(50 * time.Millisecond) {
		switch {
		case is():
			return true
		case time.Now().After(end):
			return false
		}
	}
}

// leader is the worker that leads the queue, "" if none does.
func (t *trial) leader(ctx context.Context) (id string, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.dir, "state/infrahaus/infrahaus.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return "", err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(leader_id), '') FROM river_leader`).Scan(&id)
	return id, err
}
