package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type logsOptions struct {
	app    *app
	follow bool
	script string
	run    string
	unit   unitOptions
	ran    []string // the scripts that ran, in order
	shown  bool     // something was printed
}

func newLogsCmd(a *app) *cobra.Command {
	o := &logsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "logs <container>",
		Short: "Replay the output of a run's scripts",
		Long: `Replay the output of the scripts of a container's last create or sync and of the runs
that resumed it, and the last log lines of a declared service that did not answer:
stdout to stdout, stderr to stderr. If there was no output, stderr says which earlier
run had some.

With --unit it shows a log of the running container itself: the journal of a systemd unit,
the log files of an OpenRC service, or the log of a docker or podman container. -f then
goes on until Ctrl-C.` + exitStatuses(0, 1, 2, 3, 4, 5, 130, 143),
		Example: "  infrahaus logs web\n  infrahaus logs web --unit nginx -f --tail 20",
		Args:    exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("unit") {
				return o.inGuest(cmd.Context(), args[0])
			}
			for _, name := range []string{"tail", "since", "password-file"} {
				if cmd.Flags().Changed(name) {
					return usagef("--%s is for --unit", name)
				}
			}
			return o.do(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "continue until the run ends")
	cmd.Flags().StringVar(&o.script, "script", "", "one script's output only, by its `name`")
	cmd.Flags().StringVar(&o.run, "run", "", "only the run with this `id` (see events --json)")
	o.unit.register(cmd.Flags())
	cmd.MarkFlagsMutuallyExclusive("unit", "script")
	cmd.MarkFlagsMutuallyExclusive("unit", "run")
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *logsOptions) do(ctx context.Context, ref string) error {
	a := o.app
	c, err := a.find(ctx, ref)
	if err != nil {
		return err
	}
	works, err := a.works(ctx, c.RecordID)
	if err != nil {
		return err
	}
	var last work
	switch {
	case o.run != "":
		last.runs = []store.Run{{ID: o.run}}
	case len(works) > 0:
		last = works[len(works)-1]
	}
	if err := o.replay(ctx, c.RecordID, last); err != nil {
		return err
	}
	switch {
	case o.follow || o.shown:
		return nil
	case o.script == "":
		return o.silent(ctx, c, works)
	}
	return o.notRun(ctx, c, works)
}

// replay shows the output of all runs of a work.
func (o *logsOptions) replay(ctx context.Context, recordID string, w work) error {
	for i, r := range w.runs {
		q := store.EventQuery{RecordID: recordID, RunID: r.ID, Follow: o.follow && i == len(w.runs)-1}
		if err := o.app.eachEvent(ctx, q, o.show); err != nil {
			return err
		}
	}
	return nil
}

// lastWithOutput is the last run with output (of o.script if that is set), or nil.
func (o *logsOptions) lastWithOutput(ctx context.Context, recordID string, works []work) (*store.Run, error) {
	for _, w := range slices.Backward(works) {
		for _, r := range slices.Backward(w.runs) {
			err := o.app.eachEvent(ctx, store.EventQuery{RecordID: recordID, RunID: r.ID}, func(e event.Event) error {
				if o.wants(e) {
					return errFound
				}
				return nil
			})
			switch {
			case errors.Is(err, errFound):
				return &r, nil
			case err != nil:
				return nil, err
			}
		}
	}
	return nil, nil
}

var errFound = errors.New("found")

// silent reports that nothing was shown, and which run has output.
func (o *logsOptions) silent(ctx context.Context, c lxc.Container, works []work) error {
	found, err := o.lastWithOutput(ctx, c.RecordID, works)
	switch {
	case err != nil:
		return err
	case found == nil:
		o.app.warn("no run of "+c.Hostname+" has had any output", o.app.command("events", c.Hostname))
	default:
		o.app.warn(fmt.Sprintf("this run had no output; the last run with output is the %s of %s", found.Kind, found.StartedAt.Format(time.RFC3339)),
			o.app.command("logs", c.Hostname, "--run", found.ID))
	}
	return nil
}

// notRun is the error if no script of the requested name ran.
func (o *logsOptions) notRun(ctx context.Context, c lxc.Container, works []work) error {
	if slices.Contains(o.ran, o.script) { // it ran and printed nothing
		return nil
	}
	a := o.app
	f := failf(exit.Other, "cannot find the output of %s: no script of that name was run in %s", o.script, c.Hostname)
	found, err := o.lastWithOutput(ctx, c.RecordID, works)
	switch {
	case err != nil:
		return err
	case found != nil:
		return f.hint("it was in an earlier run: %s", a.command("logs", c.Hostname, "--run", found.ID, "--script", o.script))
	case len(o.ran) == 0:
		return f.hint("%s", a.command("events", c.Hostname))
	}
	return f.hint("it is one of: %s", strings.Join(o.ran, ", "))
}

// wants reports whether to show e. The log of a service that did not answer has no script
// name, and comes at the end.
func (o *logsOptions) wants(e event.Event) bool {
	if o.script != "" {
		return e.Type == event.Log && e.ScriptName == o.script
	}
	return e.Type == event.Log && (e.ScriptName != "" || e.Step == event.Finalizing)
}

// show prints a line of output.
func (o *logsOptions) show(e event.Event) error {
	if e.ScriptName != "" && !slices.Contains(o.ran, e.ScriptName) {
		o.ran = append(o.ran, e.ScriptName)
	}
	if store.LogFull(e) {
		return o.app.printLogFull(e)
	}
	if !o.wants(e) {
		return nil
	}
	o.shown = true
	if o.app.global.json {
		return ui.NewEventWriter(o.app.streams, true).Event(e)
	}
	return o.app.printLog(e)
}

// work is a create, sync or update together with the runs that went on with it. Each run
// continues where the one before was interrupted.
type work struct{ runs []store.Run }

// killedUpdate reports whether its last run is an update that was killed.
func (w work) killedUpdate() bool {
	last := w.runs[len(w.runs)-1]
	return last.Kind == "update" && last.EndedAt == nil
}

// works lists all works on a container, oldest first.
func (a *app) works(ctx context.Context, recordID string) ([]work, error) {
	runs, err := a.store.Runs(ctx, recordID)
	var all []work
	for _, r := range runs {
		goesOn := len(all) > 0 && r.Kind == "update" && all[len(all)-1].killedUpdate()
		switch {
		case r.Kind == "create", r.Kind == "sync", r.Kind == "update" && !goesOn, r.Kind == "resume" && len(all) == 0:
			all = append(all, work{runs: []store.Run{r}})
		case r.Kind == "resume", goesOn:
			w := &all[len(all)-1]
			w.runs = append(w.runs, r)
		}
	}
	return all, err
}

// printLogFull reports that a log reached its limit.
func (a *app) printLogFull(e event.Event) error {
	if a.global.json {
		return ui.NewEventWriter(a.streams, true).Event(e)
	}
	a.warn(e.Message, "")
	return nil
}

// printLog writes a script's line to the stream that it came from. On a terminal, control
// characters from the guest are made harmless; a pipe gets the line unchanged.
func (a *app) printLog(e event.Event) error {
	w, tty := a.streams.Out, a.streams.OutTTY
	if e.Stream == event.Stderr {
		w, tty = a.streams.Err, a.streams.ErrTTY
	}
	text := e.Message
	if tty {
		text = ui.CleanOutput(text)
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}
