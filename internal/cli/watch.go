package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type watchOptions struct {
	app    *app
	follow bool
}

func newWatchCmd(a *app) *cobra.Command {
	o := &watchOptions{app: a}
	cmd := &cobra.Command{
		Use:   "watch [<container>...]",
		Short: "Show the runs that are in progress, on any machine",
		Long: `Show the runs that are in progress on any machine that shares the catalogue, such as
those of workers. Each is shown from its beginning, however late you come.

One container has the display of its own run, with the output of its scripts; if none
is in progress, its last one is replayed. Several, or all, are a board: those that are
worked on, the failures, and the counts. It ends with the last of them, and stdout has
a row for each: name, ctid, result, exit status and the reason of a failure. With
--follow it goes on, with the runs that begin.

With --json, stdout has the events, one a line; those of several runs are without the
output of scripts, and runId tells them apart.` + exitStatuses(0, 1, 2, 130, 143),
		Example: "  infrahaus watch\n  infrahaus watch web\n  infrahaus watch --follow",
		Args:    anyArgs("containers"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with the runs that begin, until Ctrl-C")
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *watchOptions) run(ctx context.Context, refs []string) error {
	a := o.app
	var only []lxc.Container
	for _, ref := range refs {
		c, err := a.find(ctx, ref)
		if err != nil {
			return err
		}
		only = append(only, c)
	}
	if len(only) == 1 && !o.follow {
		return o.one(ctx, only[0])
	}
	there, err := a.lookInto(ctx)
	if err != nil {
		return err
	}
	if !there {
		a.say("nothing is on record yet")
		return nil
	}
	w := &watching{app: a, only: only, follow: o.follow, at: map[string]*watchedRun{}}
	return w.run(ctx)
}

// one shows the run of one container.
func (o *watchOptions) one(ctx context.Context, c lxc.Container) error {
	a := o.app
	run, err := a.store.Working(ctx, c)
	if err != nil {
		return err
	}
	if run == nil || run.ID == "" {
		runs, err := a.store.Runs(ctx, c.RecordID)
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			a.say("no run of " + c.Hostname + " is on record")
			return nil
		}
		run = &runs[len(runs)-1]
	}
	g := a.global
	display := ui.NewDisplay(a.streams, ui.Options{JSON: g.json, Quiet: g.quiet, Verbose: g.verbose, Replay: true})
	ended := false
	err = a.eachEvent(ctx, store.EventQuery{RunID: run.ID, Follow: true}, func(e event.Event) error {
		ended = e.Type == event.Complete || e.Type == event.Error
		return display.Event(e)
	})
	if closing := display.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	now, err := a.store.RunOf(ctx, run.ID)
	if err != nil {
		return err
	}
	if !ended && now.EndedAt == nil {
		a.warn(fmt.Sprintf("the %s of %s has no end: its process was killed", run.Kind, c.Hostname), "to go on: "+a.command("resume", c.Hostname))
	}
	return nil
}

// watchPause is the time between two looks at the runs of a board. Each look costs a statement
// for every run.
const watchPause = 500 * time.Millisecond

// watching is a board of the runs in progress.
type watching struct {
	app    *app
	only   []lxc.Container // none: all
	follow bool

	board *ui.Board // nil with --json
	order []string
	at    map[string]*watchedRun // by the run's id
}

// watchedRun is one run on the board.
type watchedRun struct {
	store.Run
	i    int
	name string
	ctid int
	seq  int // of the last event that was shown
	why  string
	over bool
}

func (w *watching) run(ctx context.Context) error {
	a := w.app
	if !a.global.json {
		w.board = ui.NewBoard(a.streams, ui.Options{Quiet: a.global.quiet, Verbose: a.global.verbose}, "watch", nil)
	}
	err := w.loop(ctx)
	if w.board != nil {
		if closing := w.board.Close(); err == nil && !ui.IsClosed(closing) {
			err = closing
		}
	}
	if err != nil {
		return err
	}
	if len(w.order) == 0 {
		a.say("no run is in progress")
	}
	return w.rows()
}

// loop looks until no run is in progress any more.
func (w *watching) loop(ctx context.Context) error {
	began := time.Now()
	for {
		var recent []store.Run
		var err error
		if w.follow { // a run may begin and end between two looks
			if recent, err = w.app.store.Begun(ctx, began); err != nil {
				return err
			}
		}
		// Ask before reading, so that everything that a run wrote before its end is read.
		now, err := w.app.store.InProgress(ctx)
		if err != nil {
			return err
		}
		if err := w.look(ctx, recent, now); err != nil {
			return err
		}
		if !w.follow && len(w.open()) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(watchPause):
		}
	}
}

// open are the runs that have not ended.
func (w *watching) open() (runs []*watchedRun) {
	for _, id := range w.order {
		if r := w.at[id]; !r.over {
			runs = append(runs, r)
		}
	}
	return runs
}

// look shows what has come since the last look. recent may have ended already.
func (w *watching) look(ctx context.Context, recent, now []store.Run) error {
	alive := map[string]bool{}
	for _, r := range now {
		alive[r.ID] = true
	}
	for _, r := range append(recent, now...) {
		if w.at[r.ID] == nil && w.wanted(r) {
			if err := w.meet(ctx, r); err != nil {
				return err
			}
		}
	}
	for _, r := range w.open() {
		if err := w.show(ctx, r); err != nil {
			return err
		}
		if !alive[r.ID] {
			if err := w.end(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *watching) wanted(r store.Run) bool {
	return len(w.only) == 0 || slices.ContainsFunc(w.only, func(c lxc.Container) bool { return c.RecordID == r.RecordID })
}

// meet adds a run to the board.
func (w *watching) meet(ctx context.Context, r store.Run) error {
	c, err := w.app.store.Record(ctx, r.RecordID)
	if err != nil {
		return err
	}
	w.at[r.ID] = &watchedRun{Run: r, i: len(w.order), name: c.Hostname, ctid: c.CTID}
	w.order = append(w.order, r.ID)
	if w.board != nil {
		w.board.Add(c.Hostname)
	}
	return nil
}

func (w *watching) show(ctx context.Context, r *watchedRun) error {
	events, err := w.app.store.EventsAfter(ctx, r.ID, r.seq)
	if err != nil {
		return err
	}
	for _, e := range events {
		r.seq = e.Seq
		if e.CTID != 0 {
			r.ctid = e.CTID
		}
		if e.Type == event.Error {
			r.why = e.Message
		}
		if w.board == nil {
			err = ui.NewEventWriter(w.app.streams, true).Event(e)
		} else {
			err = w.board.Member(r.i).Event(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// end shows how a run has ended.
func (w *watching) end(ctx context.Context, r *watchedRun) (err error) {
	if r.Run, err = w.app.store.RunOf(ctx, r.ID); err != nil {
		return err
	}
	r.over = true
	if w.board == nil {
		return nil
	}
	result, why := r.result()
	w.board.Ended(r.i, ui.BoardEnd{Result: result, Why: why, Failed: r.failed(), Begun: true})
	return nil
}

func (r *watchedRun) failed() bool { return r.ExitStatus == nil || *r.ExitStatus != exit.Done }

// result is how a run ended, in the words of the commands.
func (r *watchedRun) result() (result, why string) {
	if r.ExitStatus == nil {
		return "interrupted", orElse(r.why, "its process was killed")
	}
	done := map[string]string{
		"create": "created", "resume": "resumed", "sync": "synced", "update": "updated", "rollback": "rolled back", "destroy": "destroyed",
		"discover": "discovered", "start": "started", "stop": "stopped", "restart": "restarted", "bake": "baked",
	}
	return job{begun: true, status: *r.ExitStatus, why: r.why}.result(orElse(done[r.Kind], r.Kind))
}

// rows prints a row for each run that has ended.
func (w *watching) rows() error {
	if w.app.global.json || w.app.global.quiet {
		return nil
	}
	t := ui.Table{Columns: resultColumns()}
	for _, id := range w.order {
		r := w.at[id]
		result, why := r.result()
		status := ""
		if r.ExitStatus != nil {
			status = strconv.Itoa(*r.ExitStatus)
		}
		t.Rows = append(t.Rows, []string{r.name, ctidText(r.ctid), result, status, why})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return ui.WriteTable(w.app.streams, t)
}
