package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/outcome"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	// closeTimeout limits the work after the run's own context has ended: to stop the
	// script or task, and to write the record.
	closeTimeout = 10 * time.Second
	// stopGrace is how long a script may take to end after SIGTERM, and taskGrace how long
	// a task may take to clean up. An interrupted run must end within 2 s.
	stopGrace = 700 * time.Millisecond
	taskGrace = 1500 * time.Millisecond
	// destroyTimeout limits the clean-up of --on-failure destroy.
	destroyTimeout = 2 * time.Minute
)

// followTask follows a task. It remembers the UPID, so that an interrupted run can stop it.
func (r *Run) followTask(ctx context.Context, upid string) (pve.Result, error) {
	r.task = upid
	if r.phase.Name != event.Starting { // that phase reports it itself
		defer r.wait("Proxmox to "+pve.TaskOp(upid), 0)()
	}
	res, err := r.host.PVE.Follow(ctx, upid, r.watch())
	if context.Cause(ctx) == nil {
		r.task = ""
	}
	return res, err
}

// follow waits for a task of the node, and reports a long wait.
func (r *Run) follow(ctx context.Context, upid string, w pve.Watch) (pve.Result, error) {
	defer r.wait("Proxmox to "+pve.TaskOp(upid), 0)()
	return r.host.PVE.Follow(ctx, upid, w)
}

// stopWork stops what still runs for a run that a signal or a deadline has ended, because
// nobody waits for it any more, and explains the end.
func (r *Run) stopWork(ctx context.Context, cause, err error) error {
	f := &exit.Failure{Message: cause.Error(), Err: cause}
	waited, cut := exit.Explain(err), r.cut(cause, err)
	if f.Status = cut.Status(); cut.NamesWaited() {
		f.Tail, f.Hints = waited.Tail, waited.Hints
		f.Message += ": " + strings.TrimPrefix(waited.Message, "cannot ")
	}
	switch outcome.LeftBy(r.attempt != nil && r.guest != nil, r.task != "", r.startAsked()) {
	case outcome.ScriptLeft:
		f.Message += "; " + r.stopScript(ctx)
	case outcome.TaskLeft:
		f.Message += "; " + r.stopTask(ctx)
	case outcome.StartAsked:
		f.Message += fmt.Sprintf("; the node has not said whether it starts container %d", r.ctid)
	}
	return f
}

// cut is what the run was doing when cause ended it. err is the error that followed from
// that.
func (r *Run) cut(cause, err error) outcome.Cut {
	var coded exit.Error
	var deadline interface{ Timeout() bool }
	c := outcome.Cut{
		Deadline: errors.As(cause, &deadline), Phase: r.phase.Name, Waited: exit.Status(err),
		Following: r.task != "" && pve.IsKind(err, pve.Timeout),
	}
	if errors.As(cause, &coded) {
		c.Signalled = coded.ExitStatus()
	}
	return c
}

// stopScript stops a script, unless it installs packages: a package manager that is killed
// leaves its database broken. The config-manager mostly installs packages, so it is never
// stopped. The result is a text for the error.
func (r *Run) stopScript(ctx context.Context) string {
	if r.attempt.Name == plan.ItemManager {
		return "the config-manager goes on with files and packages in the container, and is not waited for"
	}
	spared, err := guest.Kill(ctx, r.guest, *r.attempt, stopGrace)
	if spared {
		return r.attempt.Name + " installs packages, goes on with that in the container, and is not waited for"
	}
	if err != nil {
		return fmt.Sprintf("%s could not be told to stop and may still run: %v", r.attempt.Name, err)
	}
	return r.attempt.Name + " was stopped"
}

// stopTask tells a task to stop, waits for its clean-up (an interrupted create removes
// what it has made) and returns how the task ended. It may have finished before, and a
// start that was stopped half-way may leave the container booting.
func (r *Run) stopTask(ctx context.Context) string {
	if err := r.host.PVE.StopTask(ctx, r.task); err != nil {
		return fmt.Sprintf("the task on the node could not be told to stop: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, taskGrace)
	defer cancel()
	_, err := r.host.PVE.Follow(ctx, r.task, pve.Watch{})
	if r.upid == r.task {
		r.afterCreate(ctx, err)
	}
	if ctx.Err() != nil {
		return "the task on the node was told to stop, and still cleans up"
	}
	return taskEnd(err) + r.leftRunning(ctx)
}

// taskEnd describes how a task ended after it was told to stop.
func taskEnd(err error) string {
	var e *pve.Error
	switch {
	case err == nil:
		return "the task on the node had already ended well"
	case !errors.As(err, &e) || e.Kind != pve.TaskFailed:
		return fmt.Sprintf("the task on the node was told to stop, and how it ended is not known (%v)", err)
	case pve.TaskStopped(e.Reason), pve.TaskDied(e.Reason):
		return "the task on the node was stopped"
	}
	return "the task on the node had already failed: " + e.Reason
}

// startAsked reports whether a start was requested and Proxmox has not answered.
func (r *Run) startAsked() bool {
	m := r.marks.Of(event.Starting, plan.ItemStart)
	return r.phase.Name == event.Starting && m.RunID == r.id && m.State == plan.Claimed && m.UPID == ""
}

// leftRunning reports whether the container runs after its start was stopped.
func (r *Run) leftRunning(ctx context.Context) string {
	if r.phase.Name != event.Starting {
		return ""
	}
	st, err := r.host.PVE.Status(ctx, r.placement.Node, r.ctid)
	switch {
	case err != nil:
		return ""
	case st.Running:
		return fmt.Sprintf(", and container %d runs", r.ctid)
	}
	return fmt.Sprintf(", and container %d does not run", r.ctid)
}

// cleanUp destroys the container of a failed run, if --on-failure asks for that. It returns
// the result as text, "" if it is not known. The id may belong to somebody else's container,
// which was created faster; and a request without an answer may still make ours, which is
// waited for.
func (r *Run) cleanUp(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), destroyTimeout)
	defer cancel()
	node := r.placement.Node
	f, err := survey.AwaitShown(ctx, r.host.PVE, node, r.facts(r.ctid, r.upid), r.watch())
	switch owner := f.Owner(); {
	case err != nil:
	case owner == ownership.Theirs:
		r.exists(outcome.Foreign)
		return fmt.Sprintf("nothing was destroyed: container %d is somebody else's", r.ctid)
	case owner == ownership.Gone && r.upid == "":
		r.exists(outcome.Unanswered)
		return ""
	case owner == ownership.Gone:
	case f.Config.Blank():
		err = r.discard(ctx, node, r.ctid, cmp.Or(r.upid, f.Newest.UPID))
	default:
		err = r.remove(ctx, node, 0)
	}
	asked := ", as --on-failure asks"
	if r.baking != nil {
		asked = ""
	}
	if err != nil {
		return fmt.Sprintf("container %d could not be destroyed%s: %v", r.ctid, asked, err)
	}
	r.exists(outcome.Destroyed)
	return fmt.Sprintf("container %d was destroyed%s", r.ctid, asked)
}
