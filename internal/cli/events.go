package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/event"
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
	cmd := &cobra.Command{
		Use:   "events <container>",
		Short: "Replay what happened to a container",
		Long: `Replay what happened to a container: every run, every event, the scripts' output
included. With --json, one event a line.` + exitStatuses(0, 1, 2, 130, 143),
		Args: exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on as long as a run goes on")
	cmd.Flags().BoolVar(&o.noLogs, "no-logs", false, "leave the scripts' output out")
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
}

func newLogsCmd(a *app) *cobra.Command {
	o := &logsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "logs <container>",
		Short: "Replay the output of a run's scripts",
		Long: `Replay the output of the scripts of a container's last run that had any: stdout
to stdout, stderr to stderr.` + exitStatuses(0, 1, 2, 130, 143),
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
	if o.run == "" {
		runs, err := a.store.Runs(ctx, c.RecordID)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if r.Kind != "discover" {
				o.run = r.ID
			}
		}
	}
	if o.run == "" {
		return nil
	}
	return a.eachEvent(ctx, store.EventQuery{RecordID: c.RecordID, RunID: o.run, Follow: o.follow}, func(e event.Event) error {
		if e.Type != event.Log || e.ScriptName == "" || o.script != "" && e.ScriptName != o.script {
			return nil
		}
		if a.global.json {
			return ui.NewEventWriter(a.streams, true).Event(e)
		}
		return a.printLog(e)
	})
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
