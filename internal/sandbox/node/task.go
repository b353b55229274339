package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// task is one worker. Its log is kept in memory and, line by line, in a file,
// so that the next owner finds what a killed one had got to.
type task struct {
	UPID      string `json:"upid"`
	PID       int    `json:"pid"`
	PStart    int64  `json:"pstart"`
	StartTime int64  `json:"starttime"`
	EndTime   int64  `json:"endtime,omitempty"`
	Type      string `json:"type"`
	ID        string `json:"id"`
	User      string `json:"user"`
	TokenID   string `json:"tokenid,omitempty"`
	Exit      string `json:"exitstatus,omitempty"` // "" while it runs
	Node      string `json:"node,omitempty"`       // "": the first

	log      []string
	hideLast bool // the last line comes one poll late
	file     *os.File
	cancel   context.CancelFunc
	changed  chan struct{} // closed and replaced at every line and at the end
}

// worker gives a task's function the task and its log.
type worker struct {
	n        *Node
	t        *task
	warnings int
}

// Log adds a line to the task's log.
func (w *worker) Log(line string) {
	w.n.mu.Lock()
	defer w.n.mu.Unlock()
	if strings.HasPrefix(line, "WARN: ") {
		w.warnings++
	}
	w.n.logLine(w.t, line)
}

func (n *Node) logLine(t *task, line string) {
	t.log = append(t.log, line)
	if t.file != nil {
		fmt.Fprintln(t.file, strings.ReplaceAll(line, "\n", " "))
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// fork starts a worker as fork_worker does and returns its UPID. done is called
// when the worker has ended, before the task says so.
func (n *Node) fork(a Auth, typ, id string, run func(context.Context, *worker) error) (string, error) {
	n.mu.Lock()
	if n.closed || n.off {
		n.mu.Unlock()
		return "", fail("node is shutting down")
	}
	ctx, cancel := context.WithCancel(n.life())
	t := n.newTask(a, typ, id, cancel)
	n.workers.Add(1)
	n.mu.Unlock()
	go func() {
		defer n.workers.Done()
		defer cancel()
		w := &worker{n: n, t: t}
		err := run(ctx, w)
		n.finish(t, err, w.warnings)
	}()
	return t.UPID, nil
}

func (n *Node) newTask(a Auth, typ, id string, cancel context.CancelFunc) *task {
	now := n.opt.Now()
	n.lastPID += 1 + len(n.order)%7
	t := &task{
		PID: n.lastPID, PStart: 300000 + int64(time.Since(n.boot)/(10*time.Millisecond)), StartTime: now.Unix(),
		Type: typ, ID: id, User: a.User, TokenID: a.TokenID, Node: n.mark(), cancel: cancel, changed: make(chan struct{}),
	}
	t.UPID = fmt.Sprintf("UPID:%s:%08X:%08X:%08X:%s:%s:%s:", n.name, t.PID, t.PStart, t.StartTime, typ, id, a.ID())
	t.file, _ = os.OpenFile(n.taskPath(t, ".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	n.tasks[t.UPID] = t
	n.order = append(n.order, t)
	n.saveTask(t)
	return t
}

// unread is the exit status that Proxmox gives a task whose log is empty, because it
// reads the status from the end of the log.
const unread = "unable to read tail (got 0 bytes)"

// finish writes a task's last line and exit status. A node that is closing
// leaves its tasks as a killed one would: without either.
func (n *Node) finish(t *task, err error, warnings int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.file != nil {
		defer t.file.Close()
	}
	if (n.closed || n.off) && err != nil || errors.Is(err, errKilled) {
		t.Exit = "unexpected status"
		if len(t.log) == 0 && !n.closed && !n.off {
			t.Exit = unread
		}
		if !n.closed {
			t.EndTime = n.opt.Now().Unix()
			n.saveTask(t)
		}
		close(t.changed)
		t.changed = make(chan struct{})
		return
	}
	last := "TASK OK"
	t.Exit = "OK"
	switch {
	case err != nil:
		t.Exit = strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", " ")
		last = "TASK ERROR: " + strings.TrimSpace(err.Error())
	case warnings > 0:
		t.Exit = fmt.Sprintf("WARNINGS: %d", warnings)
		last = "TASK " + t.Exit
	}
	t.EndTime = n.opt.Now().Unix()
	_, t.hideLast = n.faults.Take(driver.FaultTaskLineLate)
	n.logLine(t, last)
	n.saveTask(t)
}

func (n *Node) taskPath(t *task, ext string) string {
	name := fmt.Sprintf("%08X-%08X-%d%s", t.StartTime, t.PStart, t.PID, ext)
	return filepath.Join(n.opt.Dir, "tasks", name)
}

func (n *Node) saveTask(t *task) {
	b, err := json.Marshal(t)
	if err == nil {
		err = writeFile(n.taskPath(t, ".json"), b)
	}
	if err != nil {
		t.log = append(t.log, "cannot write the task file: "+err.Error())
	}
}

// keepTasks is how many ended tasks a node remembers.
const keepTasks = 2000

func (n *Node) loadTasks() error {
	files, err := filepath.Glob(filepath.Join(n.opt.Dir, "tasks", "*.json"))
	if err != nil {
		return err
	}
	sort.Strings(files)
	if extra := len(files) - keepTasks; extra > 0 {
		for _, f := range files[:extra] {
			_ = os.Remove(f)
			_ = os.Remove(strings.TrimSuffix(f, ".json") + ".log")
		}
		files = files[extra:]
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		t := &task{changed: make(chan struct{})}
		if err != nil || json.Unmarshal(b, t) != nil {
			continue // half a record of a dead owner
		}
		t.log = readLines(strings.TrimSuffix(f, ".json") + ".log")
		if t.Exit == "" {
			t.Exit = "unexpected status"
			t.EndTime = n.opt.Now().Unix()
			n.saveTask(t)
		}
		n.lastPID = max(n.lastPID, t.PID)
		n.tasks[t.UPID] = t
		n.order = append(n.order, t)
	}
	return nil
}

func readLines(path string) (lines []string) {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines
}

// Follow passes on the lines of a task as they come, the closing TASK line left
// out as the command line leaves it out, and returns the exit status.
func (n *Node) Follow(ctx context.Context, upid string, line func(string)) (exit string, err error) {
	for seen := 0; ; {
		n.mu.Lock()
		t := n.tasks[upid]
		if t == nil {
			n.mu.Unlock()
			return "", badParam("upid", "no such task")
		}
		lines, exit, changed := t.log[seen:], t.Exit, t.changed
		n.mu.Unlock()
		seen += len(lines)
		for _, l := range lines {
			if !strings.HasPrefix(l, "TASK ") {
				line(l)
			}
		}
		if exit != "" {
			return exit, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// Run is a task in the foreground, as pct push and pct pull make one each: it
// is in the node's history, and its error is returned.
func (n *Node) Run(ctx context.Context, a Auth, typ, id string, run func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n.mu.Lock()
	t := n.newTask(a, typ, id, cancel)
	n.mu.Unlock()
	err := run(ctx)
	n.finish(t, err, 0)
	return err
}
