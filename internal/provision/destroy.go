package provision

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	// destroyGrace is how long the init of a container that will be destroyed may take to
	// stop before it is killed.
	destroyGrace = 15 * time.Second
	// cancelTimeout is how long a create task may take to end after it was told to stop.
	cancelTimeout = time.Minute
)

// SurveyDestroy finds out what there is to destroy, refuses what must not be destroyed (see
// survey.Survey.Destroy), and changes nothing.
func (r *Run) SurveyDestroy(ctx context.Context, q DestroyRequest) (d survey.DestroySurvey, err error) {
	defer r.wait("Proxmox to report the container's state", 0)()
	defer func() {
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = r.cutShort(cause, "nothing was changed")
		}
	}()
	r.verb, r.recorded, r.foreign = plan.Destroy, q.Recorded, q.Foreign
	r.onRecord()
	if err := r.loadMarks(ctx); err != nil {
		return d, err
	}
	if r.ctid != 0 {
		if err := r.connect(ctx); err != nil {
			return d, err
		}
	}
	d, err = r.survey().Destroy(ctx, r.foreign)
	if err == nil && d.Gone == "" {
		err = r.found(ctx, d.Situation)
	}
	return d, err
}

// Destroy removes the container that SurveyDestroy has found, and marks the record. It stops
// a create task that still runs, stops the container gracefully and then by force, and
// destroys it with its disks. A container that is gone already is no error.
func (r *Run) Destroy(ctx context.Context, d survey.DestroySurvey) error {
	defer r.wait("", 0)()
	err := r.destroy(ctx, d)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = r.cutShort(cause, "what was begun on the node goes on there")
	}
	if err != nil {
		f := exit.Explain(err)
		f.Message = r.Bus.Redact(f.Message)
		r.noteErr(r.leftHalf(after, d, f))
		emitErr := r.Bus.Emit(event.Event{Type: event.Error, Message: f.Text(), Hint: strings.Join(f.Hints, "\n"), ExitStatus: &f.Status})
		r.noteErr(emitErr)
		return f
	}
	err = r.record.Update(after, func(c *lxc.Container) {
		now := lxc.At(time.Now())
		c.Lifecycle, c.DestroyedAt = lxc.Destroyed, &now
	})
	if err != nil {
		return err
	}
	done := 0
	return r.Bus.Emit(event.Event{Type: event.Complete, Message: "Container destroyed", ExitStatus: &done})
}

// cutShort is the error of a destroy that a signal or a deadline has ended.
func (r *Run) cutShort(cause error, left string) *exit.Failure {
	words := []string{"destroy", r.recorded.Hostname}
	if r.foreign { // the container may not be on record, so that only its id finds it
		words = []string{"destroy", fmt.Sprint(r.recorded.CTID), "--foreign"}
	}
	return &exit.Failure{
		Status: exit.Explain(cause).Status, Message: cause.Error() + "; " + left,
		Hints: []string{"to go on: " + r.Command(words...)}, Err: cause,
	}
}

// leftHalf records that a destroy has begun and not ended. The container may be stopped or
// gone, so that it does not count as ready. An adopted container has no run that could make
// it ready again.
func (r *Run) leftHalf(ctx context.Context, d survey.DestroySurvey, f *exit.Failure) error {
	if d.Gone != "" {
		return nil
	}
	return r.record.Update(ctx, func(c *lxc.Container) {
		// An adopted container that still exists keeps its status.
		if c.Error = f.Message; c.Lifecycle != lxc.Destroyed && (!c.Adopted || c.Lifecycle == lxc.Creating) {
			c.Lifecycle = lxc.Failed
		}
	})
}

func (r *Run) destroy(ctx context.Context, d survey.DestroySurvey) error {
	if err := r.removeUpdate(ctx); err != nil {
		return err
	}
	if d.Gone != "" {
		return r.tell("Nothing is on the node: " + d.Gone)
	}
	r.Bus.SetPlace(r.ctid, r.recorded.Node)
	if r.situation.State == plan.InCreation {
		if err := r.cancelCreate(ctx); err != nil {
			return err
		}
	}
	switch r.situation.State {
	case plan.NotMade, plan.Vanished, plan.Replaced: // by now, after its create task was stopped
		return nil
	case plan.HalfMade:
		if err := r.tell(fmt.Sprintf("Removing the half-made container %d", r.ctid)); err != nil {
			return err
		}
		return r.discard(ctx, r.recorded.Node, r.ctid, r.situation.Create)
	}
	return r.remove(ctx, r.recorded.Node, destroyGrace)
}

// tell emits the next step of a destroy or a rollback.
func (r *Run) tell(message string) error {
	return r.Bus.Emit(event.Event{Type: event.Step, Message: message})
}

// cancelCreate stops a create task that still runs, and asks again what there is.
func (r *Run) cancelCreate(ctx context.Context) error {
	if err := r.tell("Stopping the task that creates it"); err != nil {
		return err
	}
	if err := r.host.PVE.StopTask(ctx, r.situation.Create); err != nil {
		return err
	}
	wait, cancel := context.WithTimeoutCause(ctx, cancelTimeout, fmt.Errorf("the create task has not ended %s after it was told to", cancelTimeout))
	defer cancel()
	if _, err := r.follow(wait, r.situation.Create, pve.Watch{}); err != nil && !pve.IsKind(err, pve.TaskFailed) {
		return err
	}
	found, err := r.survey().Situation(ctx)
	if err != nil {
		return err
	}
	return r.found(ctx, found)
}

// remove stops a container, gracefully if grace is not 0, and destroys it.
func (r *Run) remove(ctx context.Context, node string, grace time.Duration) error {
	st, err := r.host.PVE.Status(ctx, node, r.ctid)
	if err == nil && st.Running {
		err = r.halt(ctx, node, grace)
	}
	if err == nil {
		err = r.tell(fmt.Sprintf("Destroying container %d and its disks", r.ctid))
	}
	var upid string
	if err == nil {
		upid, err = r.host.PVE.Destroy(ctx, node, r.ctid, pve.DestroyOptions{Purge: true})
	}
	if err == nil {
		_, err = r.follow(ctx, upid, pve.Watch{})
	}
	if err == nil || pve.IsKind(err, pve.NotFound) {
		r.nameDisksLeft(ctx, node, r.ctid)
		return nil
	}
	return err
}

func (r *Run) halt(ctx context.Context, node string, grace time.Duration) error {
	var upid string
	var err error
	if grace == 0 {
		upid, err = r.host.PVE.Stop(ctx, node, r.ctid)
	} else {
		if err := r.tell(fmt.Sprintf("Stopping container %d", r.ctid)); err != nil {
			return err
		}
		upid, err = r.host.PVE.Shutdown(ctx, node, r.ctid, grace, true)
	}
	if err == nil {
		_, err = r.follow(ctx, upid, pve.Watch{})
	}
	if err == nil {
		err = r.host.PVE.Settle(ctx, node, r.ctid, upid, grace+time.Minute, r.watch())
	}
	return err
}
