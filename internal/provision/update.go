package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// UpdateRequest asks to bring what a container runs to its newest version.
type UpdateRequest struct {
	Recorded lxc.Container
	Job      plan.Job
	Want     lxc.Spec // what the container is asked to be now, with the images that lock files pin
	How      plan.UpdateRequest
	Back     bool // put back an update that has begun and not ended
	Ahead    bool // of a plan: only find what can be refused without a look into the container
}

// updater is one kind of update. The frame (Run.update) plans, saves, stops, starts, waits for
// the services and decides to put back; an updater knows what changes and how.
type updater interface {
	// privileges are those on the container without which the login cannot do it, and those
	// without which it does less.
	privileges() (needs, optional []string)
	// look finds out what there is to do, refuses what cannot be done, and changes nothing. If
	// it is not deep, it stays outside of the container.
	look(ctx context.Context, deep bool) (plan.UpdateWorld, error)
	// prepare does everything that leaves the container alone. It can be repeated.
	prepare(ctx context.Context) error
	// apply changes the container, which is stopped if the world says so. It can be repeated.
	apply(ctx context.Context) error
	// half reports whether an apply that has failed may have changed the container.
	half() bool
	// canPutBack reports whether there is a way back.
	canPutBack() bool
	// undo takes the change back where there is no snapshot.
	undo(ctx context.Context) error
	// same records what has changed although nothing is newer, such as a name.
	same(ctx context.Context) error
	// settle removes what is left over and records the result: good, or put back.
	settle(ctx context.Context, good bool) error
	// swap is how far it is, which stage records.
	swap() *plan.Swap
}

// updating is the state of an update.
type updating struct {
	updater
	how   plan.UpdateRequest
	world plan.UpdateWorld
}

// UpdatePlan is what Update would do. It changes nothing.
func (r *Run) UpdatePlan(ctx context.Context, q UpdateRequest) (plan.UpdateWorld, []PlanStep, error) {
	defer r.closeGuest()
	defer r.wait("Proxmox and what is asked for newer versions to answer", 0)()
	u, err := r.lookUpdate(ctx, q)
	if err != nil {
		return plan.UpdateWorld{}, nil, err
	}
	return u.world, steps(plan.DecideUpdate(u.how, u.world)), nil
}

// Update brings what a container runs to its newest version: everything is made ready beside
// it, then it is saved, changed and started, and has to answer; otherwise it is put back. How
// far it is, is on record before each step, so that a killed update can be finished or put
// back.
func (r *Run) Update(ctx context.Context, q UpdateRequest) (Result, error) {
	u, err := r.lookUpdate(ctx, q)
	switch {
	case err != nil:
	case q.Back:
		err = r.updateBack(ctx, u, nil)
	default:
		err = r.update(ctx, u)
	}
	return r.end(ctx, err)
}

// lookUpdate finds the container and what there is to do.
func (r *Run) lookUpdate(ctx context.Context, q UpdateRequest) (*updating, error) {
	r.verb, r.recorded, r.phase = plan.Update, q.Recorded, Phases[0]
	r.how.Snapshot = q.How.Save
	r.take(q.Job)
	r.onRecord()
	if err := r.loadMarks(ctx); err != nil {
		return nil, err
	}
	if err := r.Bus.Emit(event.Event{Type: event.Step, Step: r.phase.Name, Message: "Looking at what there is to update"}); err != nil {
		return nil, err
	}
	r.asked = r.job.Spec
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	begun := plan.UpdateBegun(r.marks)
	u := &updating{updater: r.updaterOf(q, begun), how: q.How}
	needs, optional := u.privileges()
	if err := r.may(ctx, "update", needs, optional...); err != nil {
		return nil, err
	}
	found, err := r.survey().Situation(ctx)
	if err == nil {
		err = survey.Missing(found, r.recorded, r.Command, r.anew...)
	}
	if err != nil {
		return nil, err
	}
	name := r.recorded.Hostname
	switch {
	case found.State != plan.There:
		return nil, &exit.Failure{Status: exit.Other, Message: fmt.Sprintf("cannot update %s: it was never finished", name), Hints: []string{r.Command("resume", name)}}
	case found.Config.Lock != "" && !begun.Begun():
		return nil, survey.Locked("update", r.recorded, found.Config.Lock)
	case found.Config.Protection:
		return nil, &exit.Failure{
			Status: exit.Proxmox, Message: fmt.Sprintf("cannot update %s: protection is on, and its disks cannot be changed", name),
			Hints: []string{fmt.Sprintf("on the node: pct set %d --protection 0", r.ctid)},
		}
	case q.Back && begun.Stage == plan.SwapGood:
		return nil, &exit.Failure{Status: exit.Other, Message: fmt.Sprintf("cannot put %s back: its update has ended well, and only what is left over has to be removed", name), Hints: []string{r.Command("update", name)}}
	case q.Back && !begun.Begun():
		return nil, &exit.Failure{Status: exit.Other, Message: fmt.Sprintf("cannot put %s back: no update of it has begun and not ended", name), Hints: []string{r.Command("update", name, "--plan")}}
	}
	r.situation = found
	if err := r.found(ctx, found); err != nil {
		return nil, err
	}
	if err := r.settleIn(ctx); err != nil {
		return nil, err
	}
	switch {
	case q.Back && begun.Touched() && !u.canPutBack():
		return nil, &exit.Failure{Status: exit.Other, Message: fmt.Sprintf("cannot put %s back: it was not saved before its update", name), Hints: []string{"to go on with the update: " + r.Command("update", name)}}
	case q.Back:
		return u, nil
	}
	u.world, err = u.look(ctx, !q.Ahead)
	u.world.Begun = begun
	return u, err
}

// updaterOf is the update of an image's container, or else that of the template, where it
// has one.
func (r *Run) updaterOf(q UpdateRequest, begun plan.Swap) updater {
	image := r.recorded.Image
	if t := r.job.Template; t != nil && t.Update != nil && (image == nil || !image.Application()) {
		return &scriptUpdate{run: r, how: q.How, at: begun}
	}
	return &rootSwap{run: r, how: q.How, want: q.Want, at: begun}
}

// stage records how far an update is. It is called before the step.
func (r *Run) stage(ctx context.Context, u updater, to plan.SwapStage) error {
	s := u.swap()
	s.Stage = to
	kept := *s
	return r.mark(ctx, event.Deploying, plan.ItemUpdate, plan.Claimed, plan.Detail{Swap: &kept})
}

// at moves on to a phase, whose percentage is From.
func (r *Run) at(phase int, message string) error {
	r.phase = Phases[phase]
	return r.step(r.phase.From, message)
}

// update executes the plan.
func (r *Run) update(ctx context.Context, u *updating) error {
	defer r.wait("", 0)()
	if r.plan = plan.DecideUpdate(u.how, u.world); r.Decided != nil {
		r.Decided(r.plan)
	}
	if r.plan.Has(plan.Same) {
		r.updated = r.plan.Actions[0].Lines[0]
		if err := u.same(ctx); err != nil {
			return err
		}
		return r.at(4, "Nothing to update: "+u.world.SameWords())
	}
	defer func() { r.noWayBack = !u.canPutBack() }()
	if u.swap().Stage == plan.SwapBack {
		return r.updateBack(ctx, u, nil)
	}
	if err := r.at(0, "Updating "+u.world.Change()); err != nil {
		return err
	}
	r.Bus.SetPlace(r.ctid, r.recorded.Node)
	back := func() bool { return !u.how.Keep && u.canPutBack() }
	err := r.change(ctx, u)
	changed := err == nil
	if changed {
		err = r.runUpdated(ctx, u)
	}
	switch {
	case context.Cause(ctx) != nil:
		return err
	case err != nil && !changed && !u.half():
		return err
	case err != nil && back() && puts(err):
		return r.updateBack(ctx, u, err)
	case err != nil && !changed && puts(err):
		return r.leaveHalf(ctx, u, err)
	case err != nil:
		return err
	case len(r.unready) > 0 && back():
		return r.updateBack(ctx, u, r.notAnswering())
	}
	if err := r.stage(ctx, u, plan.SwapGood); err != nil {
		return err
	}
	r.updated = "Updated " + u.world.Change()
	return u.settle(ctx, true)
}

// puts reports whether an error after the change speaks against what was updated.
func puts(err error) bool {
	var e *pve.Error
	var f *exit.Failure
	return errors.As(err, &e) && e.Kind == pve.TaskFailed || errors.As(err, &f) && (f.Status == exit.Proxmox || f.Status == exit.Guest || f.Status == exit.Unreachable)
}

// change makes ready, stops, saves and applies, from the stage that an earlier run has reached.
func (r *Run) change(ctx context.Context, u *updating) error {
	switch u.swap().Stage {
	case "", plan.SwapMade:
		if u.swap().Before == "" {
			u.swap().Before = r.recorded.Lifecycle
		}
		if err := r.stage(ctx, u, plan.SwapMade); err != nil {
			return err
		}
		r.changing = true
		if err := u.prepare(ctx); err != nil {
			return r.unprepared(ctx, u, err)
		}
		u.swap().Ran = r.situation.Running
		if err := r.stage(ctx, u, plan.SwapHalt); err != nil {
			return err
		}
		if err := r.record.Update(ctx, func(c *lxc.Container) { c.Lifecycle = lxc.Creating }); err != nil {
			return err
		}
		fallthrough
	case plan.SwapHalt:
		r.changing = true
		message := "Saving the container"
		if u.world.Stop {
			message = "Stopping the container"
		}
		if err := r.at(2, message); err != nil {
			return err
		}
		if err := r.haltForUpdate(ctx, u); err != nil {
			return err
		}
		if err := r.save(ctx, u); err != nil {
			return err
		}
		if err := r.stage(ctx, u, plan.SwapPut); err != nil {
			return err
		}
		fallthrough
	case plan.SwapPut:
		r.changing = true
		if err := u.apply(ctx); err != nil {
			return err
		}
		return r.stage(ctx, u, plan.SwapRun)
	}
	r.changing = true
	return nil
}

func (r *Run) haltForUpdate(ctx context.Context, u *updating) error {
	if !u.world.Stop {
		return nil
	}
	st, err := r.host.PVE.Status(ctx, r.placement.Node, r.ctid)
	if err != nil || !st.Running {
		return err
	}
	r.closeGuest()
	r.guest = nil
	upid, err := r.host.PVE.Shutdown(ctx, r.placement.Node, r.ctid, restartGrace, true)
	if err != nil {
		return err
	}
	return r.awaitStop(ctx, upid)
}

// save takes a snapshot, or makes a backup where there can be none.
func (r *Run) save(ctx context.Context, u *updating) error {
	switch w := u.world; {
	case u.how.Save == plan.SnapshotNever:
		return nil
	case w.CanSnapshot:
		return r.takeSnapshot(ctx)
	case w.Backup == "":
		r.warn("no snapshot and no backup: the storage cannot make one, and the login sees no storage for backups", "")
		return nil
	case u.swap().Backup != "": // an earlier run made it
		return nil
	}
	if err := r.step(45, "Making a backup on "+u.world.Backup); err != nil {
		return err
	}
	upid, err := r.host.PVE.Backup(ctx, r.placement.Node, r.ctid, u.world.Backup, "before an update of infrahaus")
	if err != nil {
		return err
	}
	res, err := r.followTask(ctx, upid)
	if err != nil {
		return err
	}
	if archive := pve.BackupArchive(u.world.Backup, res.Lines); archive != "" {
		u.swap().Backup = archive
		r.say("The backup is " + archive)
	}
	return r.stage(ctx, u, plan.SwapHalt)
}

// waysToSave finds out how the container can be saved.
func (r *Run) waysToSave(ctx context.Context, save string, w *plan.UpdateWorld) error {
	if save == plan.SnapshotNever {
		return nil
	}
	can, err := r.host.PVE.CanSnapshot(ctx, r.placement.Node, r.ctid)
	if err != nil && !(pve.IsKind(err, pve.Forbidden) && save != plan.SnapshotAlways) {
		return err
	}
	if w.CanSnapshot = can && err == nil; w.CanSnapshot {
		return nil
	}
	if w.Backup, err = r.host.PVE.BackupStorage(ctx, r.placement.Node); err != nil {
		return err
	}
	if w.Backup == "" && save == plan.SnapshotAlways {
		return &exit.Failure{
			Status: exit.Proxmox, Message: fmt.Sprintf("cannot save container %d: its storage cannot make a snapshot, and no storage takes backups", r.ctid),
			Hints: []string{"go on without: --snapshot never"},
		}
	}
	return nil
}

// runUpdated starts the container, unless it did not run before, and waits for its services.
func (r *Run) runUpdated(ctx context.Context, u *updating) error {
	if !u.swap().Ran {
		return r.at(4, "The container was stopped before, and stays so")
	}
	return r.runAndLook(ctx)
}

// runAndLook starts the container if it does not run, and looks at its services.
func (r *Run) runAndLook(ctx context.Context) error {
	r.phase = Phases[2]
	cfg, err := r.host.PVE.Config(ctx, r.placement.Node, r.ctid)
	if err != nil {
		return err
	}
	r.situation.Config, r.application, r.unready = cfg, cfg.Application(), nil
	st, err := r.host.PVE.Status(ctx, r.placement.Node, r.ctid)
	if err != nil {
		return err
	}
	r.forgetWay()
	if !st.Running {
		if err := r.step(55, "Starting the container"); err != nil {
			return err
		}
		if err := r.startIt(ctx, plan.Action{Kind: plan.Start}); err != nil {
			return err
		}
	}
	enter := r.enterReady
	if r.application {
		enter = r.enterApplication
	}
	if err := enter(ctx); err != nil {
		return err
	}
	r.phase = Phases[4]
	return r.lookAround(ctx)
}

// notAnswering is the reason why an update is put back.
func (r *Run) notAnswering() error {
	return &exit.Failure{Status: exit.Guest, Message: "cannot keep the update: not answering: " + strings.Join(r.unready, ", ")}
}
