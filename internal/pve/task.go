package pve

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

const (
	firstPoll = 50 * time.Millisecond  // after the one at once
	lastPoll  = 2 * time.Second        // the longest pause between two polls
	logEvery  = 200 * time.Millisecond // read rarely, because reading the log costs the node as much as the status
	patience  = 2 * time.Minute        // how long polls may fail in a row
	logPage   = 500                    // lines a request
	tailLines = 12                     // lines of the log that a Result or Error keeps at least
	keptLines = 1000
	maxUPID   = 512     // bytes of a task's id; genuine ones have about 80
	maxPages  = 20      // of the log at one poll, so that the status is asked in between
	maxLog    = 100_000 // lines of a task that are passed on; a genuine one has hundreds
	maxBytes  = 8 << 20 // and bytes that are fetched
	maxLine   = 4 << 10 // bytes of one line
)

// Result is a task that ended well.
type Result struct {
	Warnings []string // its WARN lines, without that word; the task succeeded all the same
	Lines    []string // its log, the last thousand lines
}

// upidForm matches a task's id: node, pid, pstart, start time, type, id, user.
var upidForm = lazy.Regexp(`^UPID:([a-zA-Z0-9][a-zA-Z0-9.-]*):([0-9A-Fa-f]{8,}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([!-9;-~]+):([!-9;-~]*):([!-9;-~]+):$`)

// begin is send for a request that starts a task. upid becomes its id, "" if Proxmox
// needed no task.
func (c *Client) begin(ctx context.Context, op, method, path string, body map[string]any, upid *string) error {
	err := c.send(ctx, op, method, path, body, upid)
	if err != nil || *upid == "" {
		return err
	}
	if _, err := taskPath(op, *upid); err != nil {
		*upid = ""
		return &Error{Kind: Refused, Op: op, Reason: "Proxmox answered with something else than a task", Err: err}
	}
	return nil
}

// taskPath is the API path of a task. Its id names its node.
func taskPath(op, upid string) (string, error) {
	m := upidForm().FindStringSubmatch(upid)
	if m == nil || len(upid) > maxUPID {
		return "", &Error{Kind: Invalid, Op: op, Reason: "not a task id: " + strconv.Quote(clip(upid))}
	}
	return join("nodes", m[1], "tasks", upid), nil
}

type taskStatus struct {
	Status string `json:"status"`
	Exit   string `json:"exitstatus"`
}

// Follow waits for a task to end and passes on the lines of its log in order. It polls at
// once, then every 50 ms growing to 2 s. It tolerates polls that fail temporarily for two
// minutes, because the task goes on without us. A task that ends with warnings has
// succeeded, and so has a delete of something that did not exist. An empty upid means
// that no task was needed. When ctx ends the task is still running: see StopTask.
func (c *Client) Follow(ctx context.Context, upid string, w Watch) (Result, error) {
	if upid == "" {
		return Result{}, nil
	}
	op := "follow the Proxmox task"
	path, err := taskPath(op, upid)
	if err != nil {
		return Result{}, err
	}
	log := &taskLog{client: c, path: path, watch: w}
	began, lastLog := time.Now(), time.Time{}
	var failing time.Time
	for {
		var s taskStatus
		err := c.get(ctx, op, path+"/status", &s)
		if err == nil && (s.Status == "stopped" || time.Since(lastLog) >= logEvery) {
			lastLog = time.Now()
			err = log.read(ctx, s.Status == "stopped")
		}
		switch {
		case err == nil && s.Status == "stopped":
			return log.result(s, upid)
		case err == nil:
			failing = time.Time{}
		case ctx.Err() != nil || !bearable(err):
			return Result{Lines: log.lines}, err
		case failing.IsZero():
			failing = time.Now()
			w.waiting("Proxmox does not answer, the task goes on: " + err.Error())
		case time.Since(failing) > patience:
			return Result{Lines: log.lines}, err
		}
		if err := sleep(ctx, pollPause(time.Since(began))); err != nil {
			return Result{Lines: log.lines}, c.explain(ctx, op, err)
		}
	}
}

// pollPause grows with the time waited, so that the wait is at most an eighth too long.
func pollPause(waited time.Duration) time.Duration {
	return min(max(waited/8, firstPoll), lastPoll)
}

// bearable reports whether a failed poll is no sign that the task failed.
func bearable(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Kind == Unreachable || e.Kind == Timeout || e.Status == http.StatusInternalServerError
}

// taskLog reads a task's log from the last position.
type taskLog struct {
	client *Client
	path   string
	watch  Watch
	next   int // the line to read from, counted from 0
	lines  []string
	warned []string
	ended  bool // the final TASK line was seen
	bytes  int
	full   bool // no more lines are read
}

// read reads the available lines. After the end of the task the last lines may come later
// than the status, so it waits briefly for the final TASK line.
func (l *taskLog) read(ctx context.Context, ended bool) error {
	most := maxPages
	if ended {
		most = maxLog / logPage
	}
	for retry, pages := 0, 1; l.next < maxLog && l.bytes < maxBytes; pages++ {
		from := l.next
		var page []struct {
			N int    `json:"n"`
			T string `json:"t"`
		}
		query := "?start=" + strconv.Itoa(l.next) + "&limit=" + strconv.Itoa(logPage)
		if err := l.client.get(ctx, "read the Proxmox task's log", l.path+"/log"+query, &page); err != nil {
			return err
		}
		sort.Slice(page, func(i, j int) bool { return page[i].N < page[j].N })
		for _, line := range page {
			if l.next >= maxLog {
				break
			}
			if line.N <= l.next || line.N == 1 && line.T == "no content" {
				continue // an empty log is one line "no content"
			}
			l.next = line.N
			l.bytes += len(line.T)
			l.add(line.T)
		}
		switch {
		case len(page) >= logPage && l.next > from && pages < most:
		case !ended || l.ended || retry == 3:
			return nil
		default:
			retry++
			if sleep(ctx, firstPoll) != nil {
				return nil //nolint:nilerr // the last lines are worth a try; their absence is not an error
			}
		}
	}
	if !l.full {
		l.full = true
		l.add("the task's log has more lines than are shown; its end is waited for")
	}
	return nil
}

func (l *taskLog) add(line string) {
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "…"
	}
	if strings.HasPrefix(line, "TASK ") {
		l.ended = true
	}
	if warning, ok := strings.CutPrefix(line, "WARN: "); ok && len(l.warned) < keptLines {
		l.warned = append(l.warned, warning)
	}
	if len(l.lines) == keptLines {
		l.lines = l.lines[1:]
	}
	l.lines = append(l.lines, line)
	l.watch.line(line)
}

var warningsForm = lazy.Regexp(`^WARNINGS: \d+$`)

// TaskSucceeded interprets a task's exit status. Warnings are not a failure.
func TaskSucceeded(exit string) bool { return exit == "OK" || warningsForm().MatchString(exit) }

// TaskDied reports from the exit status of a task that its worker was killed, for example
// by a reboot of the node, and has not cleaned up. Proxmox reports "unable to read tail
// (got 0 bytes)" if the worker was killed before it wrote its first line.
func TaskDied(exit string) bool {
	return exit == "unexpected status" || exit == "" || unreadForm().MatchString(exit)
}

var unreadForm = lazy.Regexp(`^unable to read tail \(got \d+ bytes\)$`)

// TaskStopped reports from its exit status that a task was stopped by request. The status
// begins with an error of the command that happened to run, so only its end counts.
func TaskStopped(exit string) bool {
	return strings.HasSuffix(strings.TrimSpace(exit), "received interrupt")
}

func (l *taskLog) result(s taskStatus, upid string) (Result, error) {
	if TaskSucceeded(s.Exit) || alreadyGone(taskType(upid), s.Exit) {
		return Result{Warnings: l.warned, Lines: l.lines}, nil
	}
	// Our message names the failed operation already.
	reason := strings.TrimPrefix(clip(s.Exit), "unable to create CT "+taskID(upid)+" - ")
	e := &Error{Kind: TaskFailed, Op: TaskOp(upid), Reason: reason, UPID: upid, Log: l.lines[max(0, len(l.lines)-tailLines):], Told: l.watch.Line != nil}
	if TaskDied(s.Exit) {
		e.Reason = "its worker on the node died without a result"
		if taskType(upid) != "vzcreate" { // after a create the caller checks what the task has left
			e.Hints = []string{"a container left locked is freed on the node with: pct unlock " + taskID(upid)}
		}
	}
	if lockedForm().MatchString(reason) {
		e.Hints = []string{lockedHint(taskID(upid))}
	}
	for _, line := range append([]string{reason}, e.Log...) {
		if m := noPortForm().FindStringSubmatch(line); m != nil {
			e.Hints = append(e.Hints, noPortHint(m[1]))
			break
		}
	}
	if slices.ContainsFunc(append([]string{reason}, e.Log...), newerForm().MatchString) {
		e.Hints = append(e.Hints, newerHints...)
	}
	if strings.Contains(reason, "unable to detect OS distribution") {
		e.Hints = append(e.Hints, "to make it all the same, without a password and SSH keys: --ostype "+lxc.Unmanaged)
	}
	if strings.Contains(reason, "extracting OCI image") {
		e.Hints = append(e.Hints, "its archive is broken, or holds no image of a container: use another tag, or remove the archive from its storage to have it pulled anew")
	}
	return Result{Warnings: l.warned, Lines: l.lines}, e
}

// TaskOp names the work of a task, as in "cannot start container 100".
func TaskOp(upid string) string {
	m := upidForm().FindStringSubmatch(upid)
	if m == nil {
		return "run the Proxmox task"
	}
	switch m[5] {
	case "vzcreate":
		return "create container " + m[6]
	case "vzstart":
		return "start container " + m[6]
	case "vzstop":
		return "stop container " + m[6]
	case "vzshutdown":
		return "shut down container " + m[6]
	case "vzdestroy":
		return "destroy container " + m[6]
	case "vzreboot":
		return "restart container " + m[6]
	case "vzsnapshot":
		return "take a snapshot of container " + m[6]
	case "vzdelsnapshot":
		return "delete a snapshot of container " + m[6]
	case "vzrestore":
		return "restore container " + m[6] + " from its backup"
	case "vzrollback":
		return "roll container " + m[6] + " back"
	case "hastart":
		return "ask the HA manager to start container " + m[6]
	case "hastop":
		return "ask the HA manager to stop container " + m[6]
	case "download":
		return "download the OS template"
	}
	return "run the Proxmox task " + m[5]
}

func taskType(upid string) string {
	if m := upidForm().FindStringSubmatch(upid); m != nil {
		return m[5]
	}
	return ""
}

// TaskLogin is the login that started a task.
func TaskLogin(upid string) string {
	if m := upidForm().FindStringSubmatch(upid); m != nil {
		return m[7]
	}
	return ""
}

func taskID(upid string) string {
	if m := upidForm().FindStringSubmatch(upid); m != nil && m[6] != "" {
		return m[6]
	}
	return "<ctid>"
}

// StopTask asks a running task to end. Proxmox then cleans up after it.
func (c *Client) StopTask(ctx context.Context, upid string) error {
	op := "stop the Proxmox task"
	path, err := taskPath(op, upid)
	if err != nil {
		return err
	}
	return c.send(ctx, op, http.MethodDelete, path, nil, nil)
}

// TaskRunning reports whether a task is running, and otherwise its exit status.
func (c *Client) TaskRunning(ctx context.Context, upid string) (running bool, exit string, err error) {
	op := "look at the Proxmox task"
	path, err := taskPath(op, upid)
	if err != nil {
		return false, "", err
	}
	var s taskStatus
	if err := c.get(ctx, op, path+"/status", &s); err != nil {
		return false, "", err
	}
	return s.Status != "stopped", clip(s.Exit), nil
}

var fingerprintLine = lazy.Regexp(`^done: (SHA256:[A-Za-z0-9+/]{43}=?)(\s|$)`)

// SSHFingerprints are the guest's SSH host keys in the log of a create task ("done:
// SHA256:… root@web"), in ssh's notation.
func SSHFingerprints(lines []string) []string {
	var out []string
	for _, line := range lines {
		if m := fingerprintLine().FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out = append(out, strings.TrimSuffix(m[1], "="))
		}
	}
	return out
}
