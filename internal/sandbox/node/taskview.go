package node

import (
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

var upidForm = lazy.Regexp(`^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s]+):([^:\s]*):([^:\s]+):$`)

// task finds a task that a may see. A token sees only its own tasks, and a user sees those
// of the user and of the user's tokens. Sys.Audit on the node sees all.
func (n *Node) visibleTask(a Auth, upid string) (*task, error) {
	if !upidForm().MatchString(upid) {
		return nil, badParam("upid", "unable to parse worker upid")
	}
	n.mu.Lock()
	t := n.ownTask(upid)
	n.mu.Unlock()
	if t == nil {
		return nil, errNoTask
	}
	if !t.own(a) {
		if err := n.Check(a, "/nodes/"+n.name, "Sys.Audit"); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// ownTask is a task of this node: each node has its own logs; mu held.
func (n *Node) ownTask(upid string) *task {
	if t := n.tasks[upid]; t != nil && t.Node == n.mark() {
		return t
	}
	return nil
}

// at is the name of the node that the task runs on.
func (t *task) at() string {
	if t.Node == "" {
		return Name
	}
	return t.Node
}

var errNoTask = badParam("upid", "no such task")

// maySee is the permission on a task of which only the id is known.
func (n *Node) maySee(a Auth, upid string) error {
	user, token, _ := strings.Cut(upidForm().FindStringSubmatch(upid)[7], "!")
	if (&task{User: user, TokenID: token}).own(a) {
		return nil
	}
	return n.Check(a, "/nodes/"+n.name, "Sys.Audit")
}

func (t *task) own(a Auth) bool {
	if t.User != a.User {
		return false
	}
	return a.TokenID == "" || a.TokenID == t.TokenID
}

func (t *task) view() map[string]any {
	m := map[string]any{
		"upid": t.UPID, "node": t.at(), "pid": t.PID, "pstart": t.PStart, "starttime": t.StartTime,
		"type": t.Type, "id": t.ID, "user": t.User,
	}
	if t.TokenID != "" {
		m["tokenid"] = t.TokenID
	}
	return m
}

// TaskStatus is GET /tasks/UPID/status.
func (n *Node) TaskStatus(a Auth, upid string) (map[string]any, error) {
	if _, ok := n.faults.Take(driver.FaultTaskPollError); ok {
		return nil, fail("unable to open file '/var/log/pve/tasks/index' - Input/output error")
	}
	t, err := n.visibleTask(a, upid)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	m := t.view()
	m["status"] = "running"
	if t.Exit != "" {
		m["status"], m["exitstatus"] = "stopped", t.Exit
	}
	return m, nil
}

// LogLine is one row of a task's log.
type LogLine struct {
	N int    `json:"n"`
	T string `json:"t"`
}

// TaskLog is GET /tasks/UPID/log: the page and the number of all lines. An
// empty log is one row that says "no content", and a missing one a row that says so.
func (n *Node) TaskLog(a Auth, upid string, start, limit int) ([]LogLine, int, error) {
	if _, ok := n.faults.Take(driver.FaultTaskPollError); ok {
		return nil, 0, fail("unable to open file '/var/log/pve/tasks/index' - Input/output error")
	}
	t, err := n.visibleTask(a, upid)
	if err == errNoTask { //nolint:errorlint // it is never wrapped
		return []LogLine{{1, "unable to open file - No such file or directory"}}, 1, n.maySee(a, upid)
	}
	if err != nil {
		return nil, 0, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	log := t.log
	if t.hideLast && len(log) > 0 {
		log, t.hideLast = log[:len(log)-1], false
	}
	if len(log) == 0 {
		return []LogLine{{1, "no content"}}, 1, nil
	}
	if limit == 0 {
		limit = len(log)
	}
	rows := []LogLine{}
	for i := start; i < len(log) && i < start+limit; i++ {
		rows = append(rows, LogLine{i + 1, log[i]})
	}
	return rows, len(log), nil
}

// StopTask is DELETE /tasks/UPID: the worker gets a TERM and cleans up.
func (n *Node) StopTask(a Auth, upid string) error {
	if !upidForm().MatchString(upid) {
		return badParam("upid", "unable to parse worker upid")
	}
	n.mu.Lock()
	t := n.ownTask(upid)
	n.mu.Unlock()
	if t == nil {
		return badParam("upid", "no such task")
	}
	if !t.own(a) {
		if err := n.Check(a, "/nodes/"+n.name, "Sys.Modify"); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.Exit == "" && t.cancel != nil {
		t.cancel()
	}
	return nil
}

// Tasks is GET /nodes/NODE/tasks, newest first.
func (n *Node) Tasks(a Auth, p Params) ([]map[string]any, int) {
	all := n.Check(a, "/nodes/"+n.name, "Sys.Audit") == nil
	source := p["source"]
	n.mu.Lock()
	defer n.mu.Unlock()
	found := []map[string]any{}
	for _, t := range slices.Backward(n.order) {
		if t.Node != n.mark() || !all && !t.own(a) || !t.matches(p, source) {
			continue
		}
		m := t.view()
		if t.Exit != "" {
			m["endtime"], m["status"] = t.EndTime, t.Exit
		} else if source == "active" || source == "all" {
			m["status"] = "RUNNING"
		}
		found = append(found, m)
	}
	start, limit := 0, 50
	if v, ok := p["start"]; ok {
		start, _ = strconv.Atoi(v)
	}
	if v, ok := p["limit"]; ok {
		limit, _ = strconv.Atoi(v)
	}
	total := len(found)
	found = found[min(start, total):]
	return found[:min(limit, len(found))], total
}

func (t *task) matches(p Params, source string) bool {
	running := t.Exit == ""
	switch {
	case source == "active" && !running, (source == "" || source == "archive") && running:
		return false
	case p["typefilter"] != "" && p["typefilter"] != t.Type,
		p["vmid"] != "" && p["vmid"] != t.ID,
		p["userfilter"] != "" && !strings.Contains(t.User, p["userfilter"]):
		return false
	case p.bool("errors") && (running || t.Exit == "OK" || strings.HasPrefix(t.Exit, "WARNINGS: ")):
		return false
	}
	if s, err := strconv.ParseInt(p["since"], 10, 64); err == nil && t.StartTime < s {
		return false
	}
	if u, err := strconv.ParseInt(p["until"], 10, 64); err == nil && t.StartTime > u {
		return false
	}
	return true
}
