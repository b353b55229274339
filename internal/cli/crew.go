package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fleet"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// job is the work on one container of several.
type job struct {
	ref, name, ctid string
	status          int
	why             string
	begun           bool
	ended           *ending
	done            string // what is done to it in the end; "": as the crew says
}

// ending is a result in other words than the command's own, and its reason.
type ending struct{ result, why string }

// crew is the work of one command on several containers at once. Each of them has an app of
// its own, which shares the files and connections of the command's.
type crew struct {
	app      *app
	command  string // for messages
	done     string // what is done to a container in the end
	jobs     []job
	after    func(i int) []int // the jobs that have to end well first; nil: none
	parallel int
	failFast bool
	slots    func(i int) []string // see fleet.Crew
	room     func(slot string) int
	resume   string // the command that goes on after an interrupt or a failure; "": none

	verb string // of the board: what is done; "": every line of each container is shown

	lock  sync.Mutex // one of the containers writes at a time
	apps  []*app
	board *ui.Board
}

// errAgain is the result of a job that has done nothing because its node is gone, and was
// given another one.
var errAgain = errors.New("its place is gone")

// muster makes the apps of the jobs.
func (c *crew) muster() {
	for _, j := range c.jobs {
		c.apps = append(c.apps, c.app.beside(j.name, &c.lock))
	}
}

// show opens the board, on which the jobs are shown from now on. With --json and --verbose
// each container has its own lines.
func (c *crew) show() {
	g := c.app.global
	if c.verb == "" || g.json || g.verbose {
		return
	}
	names := make([]string, len(c.jobs))
	for i, j := range c.jobs {
		names[i] = j.name
	}
	c.board = ui.NewBoard(c.app.streams, ui.Options{Quiet: g.quiet}, c.verb, names)
	for i, b := range c.apps {
		b.board, b.streams.Err = c.board.Member(i), c.board.Writer(names[i])
	}
}

// shown closes the board.
func (c *crew) shown() error {
	if c.board == nil {
		return nil
	}
	err := c.board.Close()
	if ui.IsClosed(err) {
		return nil
	}
	return err
}

// tell tells the board how a job has ended.
func (c *crew) tell(i int, j job) {
	if c.board == nil {
		return
	}
	result, why := j.result(c.done)
	c.board.Ended(i, ui.BoardEnd{Result: result, Why: why, Failed: j.status != exit.Done, Begun: j.begun})
}

// run does every job, reports them, and prints a row for each.
func (c *crew) run(ctx context.Context, do func(ctx context.Context, b *app, i int, free func()) error) error {
	if c.apps == nil {
		c.muster()
	}
	tasks := make([]fleet.Task, len(c.jobs))
	for i, j := range c.jobs {
		tasks[i].Name = j.name
		if c.after != nil {
			tasks[i].After = c.after(i)
		}
	}
	c.show()
	if c.app.queue != nil {
		c.parallel = 1 // jobs are queued in the order of the containers
	}
	at := fleet.Crew{Parallel: c.parallel, FailFast: c.failFast, Slots: c.slots, Room: c.room}
	ends := at.Run(ctx, tasks, func(ctx context.Context, i int, free func()) fleet.End {
		var once sync.Once
		b, j := c.apps[i], &c.jobs[i]
		c.comesAfter(b, i)
		err := do(ctx, b, i, func() { once.Do(free) })
		if errors.Is(err, errAgain) {
			return fleet.End{Again: true}
		}
		status, why := b.told(ctx, c.command, err)
		j.ended = b.ended
		if j.ctid == "" {
			j.ctid = b.actedOn(ctx)
		}
		ended := *j
		ended.begun, ended.status, ended.why = true, status, why
		c.tell(i, ended)
		return fleet.End{Status: status, Why: why}
	})
	for i, end := range ends {
		j := &c.jobs[i]
		j.begun, j.status, j.why = end.Begun, end.Status, end.Why
		if j.begun {
			continue
		}
		c.tell(i, *j)
		if c.app.global.json {
			if err := c.app.unbegun(*j); err != nil {
				return err
			}
		}
	}
	return errors.Join(c.shown(), c.conclude())
}

// comesAfter lets the job that is queued for a container wait for those of the containers that
// come before it.
func (c *crew) comesAfter(b *app, i int) {
	if b.queue == nil {
		return
	}
	q := *b.queue
	q.after, q.last = nil, nil
	if c.after != nil {
		for _, first := range c.after(i) {
			if of := c.apps[first].queue; of != nil && of.last != nil {
				q.after = append(q.after, of.last.ID)
			}
		}
	}
	b.queue = &q
}

// unbegun is the JSON face of a container with which nothing was begun.
func (a *app) unbegun(j job) error {
	return a.emitError(event.Event{Message: "cannot begin with " + j.name + ": " + j.why, ExitStatus: &j.status, Hostname: j.name})
}

// actedOn is the id of the container that a command has worked on, as text.
func (a *app) actedOn(ctx context.Context) string {
	if a.acting == "" {
		return ""
	}
	c, err := a.store.Record(context.WithoutCancel(ctx), a.acting)
	if err != nil {
		return "" // it was worth a try: the row has one column less
	}
	return ctidText(c.CTID)
}

// beside is this invocation for one of several containers: the same files, connections and
// settings, and other streams.
func (a *app) beside(name string, lock *sync.Mutex) *app {
	out := io.Discard
	if a.global.json {
		out = &whole{to: a.streams.Out, lock: lock}
	}
	return &app{
		args: a.args, in: a.in, out: a.out, err: a.err, watch: a.watch, global: a.global, cfg: a.cfg, host: a.host, store: a.store, vault: a.vault,
		sandbox: a.sandbox, junit: &report{}, met: maps.Clone(a.met), member: name, shared: a.shared, looked: a.looked, observed: a.observed, queue: a.queue,
		streams: &ui.Streams{In: bytes.NewReader(nil), Out: out, Err: &whole{to: a.streams.Err, lock: lock, before: name + ": "}},
	}
}

// told reports the error of one container and returns its exit status and the reason in a
// line.
func (a *app) told(ctx context.Context, command string, err error) (status int, why string) {
	var quiet silent
	switch {
	case err == nil:
		return exit.Done, ""
	case errors.As(err, &quiet):
		return quiet.status, map[bool]string{true: "a declared service does not answer"}[quiet.status == exit.Unready]
	}
	var sig interrupted
	if errors.As(context.Cause(ctx), &sig) && exit.Status(err) == exit.Other {
		err = sig
	}
	f := a.explain(err)
	status = a.report(ctx, command, err)
	why, _, _ = strings.Cut(cannot(command, f.Message), "\n")
	return status, why
}

// conclude prints a row for each container. The exit status is the worst.
func (c *crew) conclude() error {
	a := c.app
	var statuses []int
	t := ui.Table{Columns: resultColumns()}
	for _, j := range c.jobs {
		statuses = append(statuses, j.status)
		result, why := j.result(c.done)
		t.Rows = append(t.Rows, []string{j.name, j.ctid, result, strconv.Itoa(j.status), why})
	}
	if !a.global.json && !a.global.quiet {
		if err := ui.WriteTable(a.streams, t); err != nil {
			return err
		}
	}
	worst := exit.Worst(statuses...)
	if worst == exit.Done {
		return nil
	}
	if c.resume != "" && !a.global.json {
		a.note("hint: to go on: " + c.resume)
	}
	return silent{worst}
}

func resultColumns() []ui.Column {
	return []ui.Column{
		{Title: "NAME"}, {Title: "CTID", Right: true, Keep: true}, {Title: "RESULT", Keep: true, Paint: resultShade}, {Title: "STATUS", Right: true, Keep: true}, {Title: "WHY"},
	}
}

// result is what became of a job, and why.
func (j job) result(done string) (result, why string) {
	switch {
	case j.ended != nil:
		return j.ended.result, j.ended.why
	case !j.begun:
		return "not begun", j.why
	case j.status == exit.Unready:
		return "not answering", j.why
	case j.status == exit.Differs:
		return "differs", j.why
	case j.status != exit.Done:
		return "failed", j.why
	}
	return orElse(j.done, done), j.why
}

func resultShade(cell string) ui.Shade {
	switch cell {
	case "failed", "interrupted":
		return ui.Bad
	case "not answering", "differs", "not begun":
		return ui.Caution
	}
	return ui.Good
}

// whole passes each write on as a whole, with a text before each line. Several containers
// write to one stream.
type whole struct {
	to     io.Writer
	lock   *sync.Mutex
	before string
}

func (w *whole) Write(p []byte) (int, error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.before == "" {
		return w.to.Write(p)
	}
	var b strings.Builder
	for line := range strings.Lines(string(p)) {
		b.WriteString(ui.Clean(w.before) + line)
	}
	if _, err := io.WriteString(w.to, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
