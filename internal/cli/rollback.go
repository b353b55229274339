package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
)

// goBack is --rollback: it looks, asks and goes back. It needs no template, because the
// template may be the fault. The run begins after the question.
func (o *syncOptions) goBack(ctx context.Context, c lxc.Container) error {
	a := o.app
	if err := a.mayRollBack(ctx, c); err != nil {
		return err
	}
	look, err := a.rehearse(ctx, c)
	if err != nil {
		return err
	}
	back := provision.RollbackRequest{Recorded: c}
	past, err := look.run.SurveyRollback(ctx, back)
	if err != nil {
		return err
	}
	if err := a.confirm(ctx, o.yes, backQuestion(c, past, time.Now())); err != nil {
		return err
	}
	return a.perform(ctx, c, request{
		verb: "sync", publish: o.publish, seals: true, at: look.place,
		do: func(ctx context.Context, s *session) (provision.Result, error) { return s.run.Rollback(ctx, back) },
		show: func(ctx context.Context, s *session, c lxc.Container) error {
			if err := s.run.EndRollback(context.WithoutCancel(ctx)); err != nil || a.global.json {
				return err
			}
			return a.done(c, "rolled back")
		},
	})
}

// backQuestion says what will be lost.
func backQuestion(c lxc.Container, past survey.RollbackSurvey, now time.Time) string {
	age := ""
	if !past.Taken.IsZero() {
		age = fmt.Sprintf(", taken %s ago", max(0, now.Sub(past.Taken)).Round(time.Second))
	}
	return fmt.Sprintf("Take container %d (%s) back to the snapshot %s%s? What was written in it since is lost.", c.CTID, c.Hostname, past.Snapshot, age)
}

// mayGoOn refuses a container whose rollback is not finished.
func (a *app) mayGoOn(ctx context.Context, c lxc.Container) error {
	look, err := a.rehearse(ctx, c)
	if err != nil {
		return err
	}
	return look.run.MayChange(ctx, c)
}

// mayRollBack refuses a container whose update is not finished: its snapshot is the update's.
func (a *app) mayRollBack(ctx context.Context, c lxc.Container) error {
	look, err := a.rehearse(ctx, c)
	if err != nil {
		return err
	}
	return look.run.MayRollBack(ctx, c)
}
