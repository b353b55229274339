package cli

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// request is a run that a command asks for.
type request struct {
	verb    string // the kind of the run on record
	publish bool
	seals   bool       // it may have secrets to seal: a key is made first, if there is none yet
	at      *place     // the host, if the command has opened it; nil: the run opens it
	display ui.Display // nil: the display of the phases
	carries *plan.Job  // its template goes with the job, if a worker does it; nil: it needs none

	do   func(context.Context, *session) (provision.Result, error)
	show func(context.Context, *session, lxc.Container) error // shows the result; nil: the card
}

// perform begins a run on a container, does what was requested, ends the run and shows its
// result. It is the only place that does so: a run that a command began and did not end
// would look killed.
func (a *app) perform(ctx context.Context, c lxc.Container, r request) error {
	if a.queue != nil {
		return a.queue.put(ctx, a, c, r)
	}
	var known []string
	if r.seals {
		if err := a.vault.Ready(); err != nil {
			return err
		}
		var err error
		if known, err = a.recordOf(c).Known(ctx); err != nil {
			return err
		}
	}
	display := r.display
	if display == nil {
		display = a.phases()
	}
	s, err := a.begin(ctx, c, r.verb, display, r.publish)
	if err != nil {
		display.Close()
		return err
	}
	s.place = r.at
	s.run.Bus.Secrets().Add(known...)
	res, runErr := r.do(s.fenced(ctx), s)
	return s.end(ctx, res, runErr, func(c lxc.Container) error {
		if r.show != nil {
			return r.show(ctx, s, c)
		}
		return s.card(c, res)
	})
}

// phases is the display of a run with phases.
func (a *app) phases() ui.Display {
	if a.board != nil {
		return a.board
	}
	d := ui.NewDisplay(a.streams, ui.Options{JSON: a.global.json, Quiet: a.global.quiet, Verbose: a.global.verbose})
	if a.worked != nil && !a.global.json && !a.global.verbose {
		return withoutLogs{d}
	}
	return d
}

// withoutLogs is a display for a worker: what scripts print is in the catalogue, and a worker
// would fill its journal with it.
type withoutLogs struct{ ui.Display }

func (w withoutLogs) Event(e event.Event) error {
	if e.Type == event.Log {
		return nil
	}
	return w.Display.Event(e)
}
