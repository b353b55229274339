package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type eventsOptions struct {
	app    *app
	follow bool
	noLogs bool
}

func newEventsCmd(a *app) *cobra.Command {
	o := &eventsOptions{app: a}
	p := &pruneOptions{app: a}
	var prune bool
	cmd := &cobra.Command{
		Use:   "events <container> | --prune [<container>]",
		Short: "Replay what happened to a container, or remove what is old",
		Long: `Replay what happened to a container: every run, every event, the scripts' output
included. With --json, one event a line.

With --prune, remove the events and logs of destroyed containers. With --older-than
as well, those of every run that ended before that time, of living containers too.
Nothing else that is recorded is touched.` + exitStatuses(0, 1, 2, 130, 143),
		Example: "  infrahaus events web --follow\n  infrahaus events --prune --older-than 30d --yes",
		Args:    rangeArgs(0, 1, "one container"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case prune && (o.follow || o.noLogs):
				return usagef("--prune goes with neither --follow nor --no-logs")
			case prune:
				return p.run(cmd.Context(), args)
			case p.olderThan != "" || p.yes:
				return usagef("--older-than and --yes go with --prune only")
			}
			if err := exactArgs("one container")(cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on as long as a run goes on")
	cmd.Flags().BoolVar(&o.noLogs, "no-logs", false, "leave the scripts' output out")
	cmd.Flags().BoolVar(&prune, "prune", false, "remove events and logs")
	cmd.Flags().StringVar(&p.olderThan, "older-than", "", "a `time` such as 30d, 720h or 2026-01-31")
	cmd.Flags().BoolVarP(&p.yes, "yes", "y", false, "do not ask")
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *eventsOptions) run(ctx context.Context, ref string) error {
	c, err := o.app.find(ctx, ref)
	if err != nil {
		return err
	}
	q := store.EventQuery{RecordID: c.RecordID, NoLogs: o.noLogs, Follow: o.follow}
	return o.app.eachEvent(ctx, q, ui.NewEventWriter(o.app.streams, o.app.global.json).Event)
}

// eachEvent hands on events until the end, the first error, or ctx.
func (a *app) eachEvent(ctx context.Context, q store.EventQuery, show func(event.Event) error) error {
	for e, err := range a.store.Events(ctx, q) {
		if err != nil {
			return err
		}
		if err := show(e); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

type logsOptions struct {
	app    *app
	follow bool
	script string
	run    string
	ran    []string // the scripts that were run, in order
}

func newLogsCmd(a *app) *cobra.Command {
	o := &logsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "logs <container>",
		Short: "Replay the output of a run's scripts",
		Long: `Replay the output of the scripts of a container's last create or sync, with that
of the runs that resumed it: stdout to stdout, stderr to stderr.` + exitStatuses(0, 1, 2, 130, 143),
		Args: exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.do(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on as long as the run goes on")
	cmd.Flags().StringVar(&o.script, "script", "", "one script's output only, by its `name`")
	cmd.Flags().StringVar(&o.run, "run", "", "of the run with this `id` (see events --json)")
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *logsOptions) do(ctx context.Context, ref string) error {
	a := o.app
	c, err := a.find(ctx, ref)
	if err != nil {
		return err
	}
	runs := []string{o.run}
	if o.run == "" {
		if runs, err = a.lastWork(ctx, c.RecordID); err != nil {
			return err
		}
	}
	for i, id := range runs {
		q := store.EventQuery{RecordID: c.RecordID, RunID: id, Follow: o.follow && i == len(runs)-1}
		if err := a.eachEvent(ctx, q, o.show); err != nil {
			return err
		}
	}
	if o.script == "" || o.follow || slices.Contains(o.ran, o.script) {
		return nil
	}
	f := failf(provision.ExitOther, "cannot find the output of %s: no script of that name was run in %s", o.script, c.Hostname)
	if len(o.ran) == 0 {
		return f.hint("%s", a.command("events", c.Hostname))
	}
	return f.hint("it is one of: %s", strings.Join(o.ran, ", "))
}

// show prints a line of a script's output.
func (o *logsOptions) show(e event.Event) error {
	if e.ScriptName != "" && !slices.Contains(o.ran, e.ScriptName) {
		o.ran = append(o.ran, e.ScriptName)
	}
	if store.LogFull(e) {
		return o.app.printLogFull(e)
	}
	if e.Type != event.Log || e.ScriptName == "" || o.script != "" && e.ScriptName != o.script {
		return nil
	}
	if o.app.global.json {
		return ui.NewEventWriter(o.app.streams, true).Event(e)
	}
	return o.app.printLog(e)
}

// lastWork are the ids of the last create or sync of a container and of the runs
// that resumed it: each goes on where the one before was cut off.
func (a *app) lastWork(ctx context.Context, recordID string) ([]string, error) {
	runs, err := a.store.Runs(ctx, recordID)
	var ids []string
	for _, r := range runs {
		switch r.Kind {
		case "create", "sync":
			ids = []string{r.ID}
		case "resume":
			ids = append(ids, r.ID)
		}
	}
	return ids, err
}

// printLogFull ends a log that reached its limit.
func (a *app) printLogFull(e event.Event) error {
	if a.global.json {
		return ui.NewEventWriter(a.streams, true).Event(e)
	}
	a.warn(e.Message, "")
	return nil
}

// printLog writes a script's line to the stream that it came from. A screen is
// kept safe from what a guest may have written; a pipe gets it as it was.
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
