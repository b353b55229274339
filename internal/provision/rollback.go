package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// Past is what a rollback goes back to.
type Past struct {
	Snapshot string
	Taken    time.Time     // zero: the snapshot is gone, for a rollback to it was all but done
	was      lxc.Lifecycle // when it was taken
	begun    bool          // by a rollback that did not see its end
	task     string        // that goes back to it, or has; "": none that is known
	lock     string        // that an earlier rollback has left, or holds
}

// FindPast finds out what there is to go back to, and changes nothing. It needs
// Recorded and Connect. That there is nothing is a Failure.
func (r *Run) FindPast(ctx context.Context) (Past, error) {
	r.looking = true
	defer r.wait("Proxmox to list the snapshots", 0)()
	r.CTID, r.MAC, r.requested = r.Recorded.CTID, r.Recorded.MAC, r.Recorded.CTID != 0
	if err := r.loadMarks(ctx); err != nil {
		return Past{}, err
	}
	m := r.marks.Of(event.Deploying, plan.ItemSnapshot)
	p := Past{Snapshot: m.Name, was: lxc.Lifecycle(m.Was), begun: r.begunBack()}
	if m.State != plan.Claimed && !p.begun {
		return p, r.nothingPast(ExitOther, fmt.Sprintf("no sync of %s has left a snapshot", r.Recorded.Hostname))
	}
	if err := r.Connect(ctx); err != nil {
		return p, err
	}
	if err := r.may(ctx, "roll back", []string{"VM.Audit", "VM.Snapshot|VM.Snapshot.Rollback", "VM.PowerMgmt"}); err != nil {
		return p, err
	}
	found, err := r.survey().Situation(ctx)
	if err == nil {
		err = survey.Missing(found, r.Recorded, r.Command)
	}
	switch {
	case err != nil:
		return p, err
	case found.State != plan.There:
		return p, r.nothingPast(ExitOther, r.Recorded.Hostname+" was never finished")
	}
	if err := r.found(ctx, found); err != nil {
		return p, err
	}
	r.Placement = &pve.Placement{Node: r.Recorded.Node}
	if p.begun {
		if p.task, err = r.lastRollback(ctx); err != nil {
			return p, err
		}
	}
	if err := r.findSnapshot(ctx, &p); err != nil {
		return p, err
	}
	p.lock = found.Config.Lock
	return p, r.lockedAgainst(p)
}

// findSnapshot looks whether Proxmox has the snapshot, and whole.
func (r *Run) findSnapshot(ctx context.Context, p *Past) error {
	list, err := r.PVE.Snapshots(ctx, r.Recorded.Node, r.CTID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(s pve.Snapshot) bool { return s.Name == p.Snapshot })
	switch {
	case i < 0 && p.task == "":
		return r.nothingPast(ExitProxmox, fmt.Sprintf("Proxmox has no snapshot %s of container %d", p.Snapshot, r.CTID))
	case i >= 0 && list[i].State != "":
		return r.nothingPast(ExitProxmox, fmt.Sprintf("the snapshot %s is half made (%s)", p.Snapshot, list[i].State))
	case i >= 0:
		p.Taken = list[i].Time
	}
	return nil
}

// lockedAgainst refuses a container on which another task is at work. The lock that
// a rollback of ours holds is none; one that it has left when it failed can be
// taken away on the node only.
func (r *Run) lockedAgainst(p Past) error {
	m := r.marks.Of(event.Deploying, plan.ItemRollback)
	ours := p.lock == "rollback" && m.Name == p.Snapshot && (m.State == plan.Claimed || m.State == plan.Failed)
	switch {
	case p.lock == "" || p.task != "" || ours && r.SSH.Node != nil:
		return nil
	case ours:
		return &Failure{
			Status: ExitProxmox, Message: fmt.Sprintf("cannot go back: an earlier rollback has failed and left container %d locked, and the API cannot unlock", r.CTID),
			Hints: []string{fmt.Sprintf("on the node: pct unlock %d", r.CTID), "or set INFRAHAUS_SSH_NODE, and it is done for you"},
		}
	}
	return survey.Locked("roll back", r.Recorded, p.lock)
}

// nothingPast says why there is nothing to go back to, and what is left to do.
func (r *Run) nothingPast(status int, why string) error {
	next := r.Command("resume", r.Recorded.Hostname)
	if r.Recorded.Lifecycle == lxc.Ready {
		next = "to see how it differs from its template: " + r.Command("sync", r.Recorded.Hostname, "--plan")
	}
	return &Failure{Status: status, Message: "cannot go back: " + why, Hints: []string{next}}
}

// begunBack reports whether a rollback has begun that did not see its end: all but
// the end, where the container is ready and the snapshot gone.
func (r *Run) begunBack() bool {
	m, since := r.marks.Of(event.Deploying, plan.ItemRollback), r.marks.Of(event.Deploying, plan.ItemSnapshot)
	return m.State == plan.Claimed && m.Name == since.Name && (r.Recorded.Lifecycle != lxc.Ready || since.State != plan.Claimed)
}

// MayGoOn refuses a container that is being taken back, or was: what is on record
// as done in it may be undone. Whoever would go on with one asks before there is a
// run, which would hide that the rollback's was killed.
func (r *Run) MayGoOn(ctx context.Context) error {
	if err := r.loadMarks(ctx); err != nil || r.Recorded.Lifecycle == lxc.Ready || !r.begunBack() {
		return err
	}
	name := r.Recorded.Hostname
	return &Failure{
		Status: ExitOther, Message: fmt.Sprintf("cannot go on with %s: going back to the snapshot %s was not finished", name, r.marks.Of(event.Deploying, plan.ItemRollback).Name),
		Hints: []string{"to finish that: " + r.Command("sync", name, "--rollback")},
	}
}

// Rollback takes a container back to the snapshot that a sync has left, starts it,
// and ends with a complete or an error event. What was run in it since counts as
// not run. After a rollback that was killed or lost its link, it goes on from
// what Proxmox says of that.
func (r *Run) Rollback(ctx context.Context) (Result, error) {
	return r.end(ctx, r.rollback(ctx))
}

func (r *Run) rollback(ctx context.Context) error {
	p, err := r.FindPast(ctx) // once more, now that nobody else is at work
	if err != nil {
		return err
	}
	r.Bus.SetPlace(r.CTID, r.Recorded.Node)
	since := r.marks.Of(event.Deploying, plan.ItemSnapshot)
	r.looking, r.past = false, &p
	defer r.wait("", 0)()
	// Before the lifecycle: a container that is said to be changed is refused to
	// others by this.
	if err := r.mark(ctx, event.Deploying, plan.ItemRollback, plan.Claimed, plan.Detail{Name: p.Snapshot, UPID: p.task}); err != nil {
		return err
	}
	if err := r.Record.Update(ctx, func(c *lxc.Container) { c.Lifecycle = lxc.Creating }); err != nil {
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

// EndRollback marks a rollback as done, once its run has ended: who is killed
// before that goes on from here.
func (r *Run) EndRollback(ctx context.Context) error { return r.closeRollback(ctx, plan.Done) }

// closeRollback ends what is on record of a rollback, if it is open: it counts no
// more once something else changes the container.
func (r *Run) closeRollback(ctx context.Context, as plan.MarkState) error {
	m := r.marks.Of(event.Deploying, plan.ItemRollback)
	if m.State != plan.Claimed {
		return nil
	}
	return r.mark(ctx, event.Deploying, plan.ItemRollback, as, m.Detail)
}

// lastRollback is the task of a rollback that did not see its end; "": it was
// never begun, as far as this login can see, or has failed.
func (r *Run) lastRollback(ctx context.Context) (string, error) {
	upid := r.marks.Of(event.Deploying, plan.ItemRollback).UPID
	known := upid != ""
	var err error
	if !known {
		if upid, err = r.PVE.LastTask(ctx, r.Recorded.Node, r.CTID, "vzrollback"); err != nil || upid == "" {
			return "", err
		}
	}
	running, exit, err := r.PVE.TaskRunning(ctx, upid)
	switch {
	case err != nil && pve.IsKind(err, pve.Unreachable):
		return "", err
	case err == nil && (running || known && pve.TaskSucceeded(exit)):
		return upid, nil
	}
	return "", nil
}

// putBack has Proxmox put the container back, unless a task has or does. A
// rollback is not told to stop when this run is: half of one is worth nothing.
func (r *Run) putBack(ctx context.Context, p Past) error {
	message := "Going back to the snapshot " + p.Snapshot
	if p.task != "" {
		message = "Following how the container goes back to the snapshot " + p.Snapshot
	}
	if err := r.tell(message); err != nil {
		return err
	}
	upid := p.task
	if upid == "" {
		var err error
		if p.lock != "" {
			err = r.SSH.Node.Unlock(ctx, r.CTID)
		}
		if err == nil {
			upid, err = r.PVE.Rollback(ctx, r.Recorded.Node, r.CTID, p.Snapshot, false)
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

// notBack records that a rollback is known to have failed. After a request or a
// task of which nobody knows how it ended, the mark stays as it is.
func (r *Run) notBack(ctx context.Context, err error) error {
	if context.Cause(ctx) != nil || pve.IsKind(err, pve.Unreachable) || pve.IsKind(err, pve.Timeout) {
		return err
	}
	return orMark(err, r.closeRollback(ctx, plan.Failed))
}

// runAgain starts the container, which a rollback leaves stopped.
func (r *Run) runAgain(ctx context.Context) error {
	st, err := r.PVE.Status(ctx, r.Recorded.Node, r.CTID)
	if err != nil || st.Running {
		return err
	}
	if err := r.tell("Starting container"); err != nil {
		return err
	}
	upid, err := r.PVE.Start(ctx, r.Recorded.Node, r.CTID)
	if err == nil {
		_, err = r.awaitStart(ctx, upid, func(ctx context.Context, upid string) (pve.Result, error) {
			return r.PVE.Follow(ctx, upid, pve.Watch{})
		})
	}
	return err
}

// forgetSince puts the record back to what it was when a snapshot was taken. Where that
// was not kept, every mark that was written since becomes one that the next sync
// does not take for done; what was shipped is not in the guest any more.
func (r *Run) forgetSince(ctx context.Context, snapshot plan.Mark) error {
	if kept, err := r.Record.RestorePast(ctx, snapshot.Name); kept || err != nil {
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

func (r *Run) unfinishedPast() bool {
	return r.past != nil && (r.past.was == lxc.Failed || r.past.was == lxc.Creating)
}

// wayBack names the commands that follow a rollback which did not end well.
func (r *Run) wayBack() []string {
	name := r.Recorded.Hostname
	again := r.Command("sync", name, "--rollback")
	if r.marks.Of(event.Deploying, plan.ItemRollback).State == plan.Claimed {
		return []string{"what was begun on the node goes on there; to finish it: " + again}
	}
	return []string{"to try again: " + again, "to go on from how it is now: " + r.Command("resume", name)}
}
