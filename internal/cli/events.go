package cli

import (
	"context"

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
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "continue until the run ends")
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
