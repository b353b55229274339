package provision

import (
	"context"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// SurveyRollback finds out what there is to go back to, refuses a container that must not
// be taken back (see survey.Survey.Rollback), and changes nothing.
func (r *Run) SurveyRollback(ctx context.Context, q RollbackRequest) (survey.RollbackSurvey, error) {
	r.recorded = q.Recorded
	defer r.wait("Proxmox to list the snapshots", 0)()
	r.onRecord()
	if err := r.loadMarks(ctx); err != nil {
		return survey.RollbackSurvey{}, err
	}
	back, err := r.survey().RollbackOnRecord()
	if err != nil {
		return back, err
	}
	if err := r.connect(ctx); err != nil {
		return back, err
	}
	if back, err = r.survey().Rollback(ctx, back, r.nodeSSH() != nil); err != nil {
		return back, err
	}
	if err := r.found(ctx, back.Situation); err != nil {
		return back, err
	}
	r.placement = &pve.Placement{Node: r.recorded.Node}
	return back, nil
}

// MayGoOn refuses a container whose rollback has begun and not ended: work that the record
// calls done may be undone in it. It is called before a run begins, because a new run would
// hide that the run of the rollback was killed.
func (r *Run) MayGoOn(ctx context.Context, c lxc.Container) error {
	r.recorded = c
	if err := r.loadMarks(ctx); err != nil || r.recorded.Lifecycle == lxc.Ready || !plan.RollbackBegun(r.recorded, r.marks) {
		return err
	}
	name := r.recorded.Hostname
	return &exit.Failure{
		Status: exit.Other, Message: fmt.Sprintf("cannot go on with %s: going back to the snapshot %s was not finished", name, r.marks.Of(event.Deploying, plan.ItemRollback).Name),
		Hints: []string{"to finish that: " + r.Command("sync", name, "--rollback")},
	}
}

// MayChange is MayGoOn for every command but update: it also refuses a container whose update
// has begun and not ended.
func (r *Run) MayChange(ctx context.Context, c lxc.Container) error {
	if err := r.MayGoOn(ctx, c); err != nil {
		return err
	}
	return r.MayRollBack(ctx, c)
}

// UpdateBegun reports whether an update of a container has begun and not ended.
func (r *Run) UpdateBegun(ctx context.Context, c lxc.Container) (bool, error) {
	r.recorded = c
	err := r.loadMarks(ctx)
	return err == nil && plan.UpdateBegun(r.marks).Begun(), err
}

// MayRollBack refuses a container whose update has begun and not ended.
func (r *Run) MayRollBack(ctx context.Context, c lxc.Container) error {
	r.recorded = c
	if err := r.loadMarks(ctx); err != nil || !plan.UpdateBegun(r.marks).Begun() {
		return err
	}
	return &exit.Failure{
		Status: exit.Other, Message: fmt.Sprintf("cannot go on with %s: its update was not finished", c.Hostname),
		Hints: []string{"to finish it: " + r.Command("update", c.Hostname), "to put the container back: " + r.Command("update", c.Hostname, "--rollback")},
	}
}

// Rollback takes a container back to the snapshot that a sync has left, starts it, and ends
// with a complete or an error event. Scripts that ran since count as not run. If an earlier
// rollback was killed or lost its connection, it continues from the state that Proxmox
// reports.
func (r *Run) Rollback(ctx context.Context, q RollbackRequest) (Result, error) {
	return r.end(ctx, r.rollback(ctx, q))
}

func (r *Run) rollback(ctx context.Context, q RollbackRequest) error {
	p, err := r.SurveyRollback(ctx, q) // once more, now that no other run can change the container
	if err != nil {
		return err
	}
	r.Bus.SetPlace(r.ctid, r.recorded.Node)
	since := r.marks.Of(event.Deploying, plan.ItemSnapshot)
	r.verb, r.changing, r.past = plan.Rollback, true, &p
	defer r.wait("", 0)()
	// Before the lifecycle: this mark makes MayGoOn refuse the container to other runs.
	if err := r.mark(ctx, event.Deploying, plan.ItemRollback, plan.Claimed, plan.Detail{Name: p.Snapshot, UPID: p.Task}); err != nil {
		return err
	}
	if err := r.record.Update(ctx, func(c *lxc.Container) { c.Lifecycle = lxc.Creating }); err != nil {
		return err
	}
	if err := r.putBack(ctx, p); err != nil {
		return err
	}
	if err := r.forgetSince(ctx, since); err != nil {
		return err
	}
	if err := r.runAgain(ctx); err != nil {
		return r.notBack(ctx, err)
	}
	r.dropSnapshot(ctx)
	return nil
}

// EndRollback marks a rollback as done, after its run has ended. A process that is killed
// before that leaves the mark open, and the next rollback continues.
func (r *Run) EndRollback(ctx context.Context) error { return r.closeRollback(ctx, plan.Done) }

// closeRollback closes the mark of a rollback if it is open. An open mark must not outlive
// the next change of the container.
func (r *Run) closeRollback(ctx context.Context, as plan.MarkState) error {
	m := r.marks.Of(event.Deploying, plan.ItemRollback)
	if m.State != plan.Claimed {
		return nil
	}
	return r.mark(ctx, event.Deploying, plan.ItemRollback, as, m.Detail)
}

// putBack asks Proxmox for the rollback, unless a task is at it or has done it. An
// interrupted run does not stop the task, because half a rollback is of no use.
func (r *Run) putBack(ctx context.Context, p survey.RollbackSurvey) error {
	message := "Going back to the snapshot " + p.Snapshot
	if p.Task != "" {
		message = "Following how the container goes back to the snapshot " + p.Snapshot
	}
	if err := r.tell(message); err != nil {
		return err
	}
	upid := p.Task
	if upid == "" {
		var err error
		if p.Lock != "" {
			err = r.nodeSSH().Unlock(ctx, r.ctid)
		}
		if err == nil {
			upid, err = r.host.PVE.Rollback(ctx, r.recorded.Node, r.ctid, p.Snapshot, false)
		}
		if err != nil {
			return r.notBack(ctx, err)
		}
		if err = r.mark(ctx, event.Deploying, plan.ItemRollback, plan.Claimed, plan.Detail{Name: p.Snapshot, UPID: upid}); err != nil {
			return err
		}
	}
	if _, err := r.follow(ctx, upid, pve.Watch{}); err != nil {
		return r.notBack(ctx, err)
	}
	return nil
}

// notBack records that a rollback has failed. If it is not known how its request or its task
// ended, the mark stays open.
func (r *Run) notBack(ctx context.Context, err error) error {
	if context.Cause(ctx) != nil || pve.IsKind(err, pve.Unreachable) || pve.IsKind(err, pve.Timeout) {
		return err
	}
	return orMark(err, r.closeRollback(ctx, plan.Failed))
}

// runAgain starts the container, which a rollback leaves stopped.
func (r *Run) runAgain(ctx context.Context) error {
	st, err := r.host.PVE.Status(ctx, r.recorded.Node, r.ctid)
	if err != nil || st.Running {
		return err
	}
	if err := r.tell("Starting container"); err != nil {
		return err
	}
	upid, err := r.host.PVE.Start(ctx, r.recorded.Node, r.ctid)
	if err == nil {
		_, err = r.awaitStart(ctx, upid, func(ctx context.Context, upid string) (pve.Result, error) {
			return r.host.PVE.Follow(ctx, upid, pve.Watch{})
		})
	}
	return err
}

// forgetSince puts the record back to its state when the snapshot was taken. If that state
// was not kept, every mark written since becomes failed, so that the next sync does not
// take it for done. Files that were shipped since are not in the guest any more.
func (r *Run) forgetSince(ctx context.Context, snapshot plan.Mark) error {
	if kept, err := r.record.RestorePast(ctx, snapshot.Name); kept || err != nil {
		return err
	}
	for _, m := range r.marks {
		if m.Phase == string(event.Syncing) && m.RunID >= snapshot.RunID { // run ids sort by time
			if err := r.mark(ctx, event.Syncing, m.Item, plan.Failed, plan.Detail{Try: m.Try}); err != nil {
				return err
			}
		}
	}
	if ship := r.marks.Of(event.Deploying, plan.ItemShip); ship.State != "" && ship.RunID >= snapshot.RunID {
		return r.mark(ctx, event.Deploying, plan.ItemShip, plan.Done, plan.Detail{})
	}
	return nil
}
