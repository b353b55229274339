package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	// blankWait is how long a container that shows nothing of whose it is is waited
	// for, and blankLook how often it is looked at.
	blankWait = 2 * time.Minute
	blankLook = 500 * time.Millisecond
)

// whoseBlank tells whose a blank container is, by the tasks that create that id.
// Ours has left one only where it died: Proxmox cleans up behind one that fails, and
// somebody else may be given the id then. Nobody: that cannot be told.
func (r *Run) whoseBlank(ctx context.Context, node string, ctid int, upid string) (pve.Owner, error) {
	last, err := r.PVE.LastTask(ctx, node, ctid, "vzcreate")
	if err != nil || last == "" || upid == "" {
		return pve.Nobody, err
	}
	running, exit, err := r.PVE.TaskRunning(ctx, last)
	if err == nil && last != upid {
		if running {
			return pve.Theirs, nil
		}
		if pve.TaskDied(exit) {
			return pve.Nobody, nil // one of the two has left it
		}
		running, exit, err = r.PVE.TaskRunning(ctx, upid)
	}
	switch {
	case pve.IsKind(err, pve.Unreachable):
		return pve.Nobody, err
	case err == nil && !running && pve.TaskDied(exit):
		return pve.Ours, nil
	}
	return pve.Nobody, nil
}

// halfMade decides what is to be done about a blank container. Where the tasks do
// not tell whose it is, it is waited for until it shows its MAC or is gone.
func (r *Run) halfMade(ctx context.Context, c course, upid, exit string) (course, error) {
	rec := r.Recorded
	owner, err := r.whoseBlank(ctx, rec.Node, rec.CTID, upid)
	switch {
	case err != nil:
		return c, err
	case owner == pve.Ours:
		c.make, c.upid, c.why = makeRemake, upid, "its create task died half-way"
		return c, nil
	case owner == pve.Theirs:
		return course{make: makeAnew, why: theirsNow}, nil
	}
	defer r.wait(fmt.Sprintf("container %d, which is being created, to show its owner", rec.CTID), blankWait)()
	for end := time.Now().Add(blankWait); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return c, context.Cause(ctx)
		case <-time.After(blankLook):
		}
		cfg, err := r.config(ctx)
		if pve.IsKind(err, pve.NotFound) || err == nil && !cfg.Blank() {
			return r.inspect(ctx, upid, exit, pve.TaskSucceeded(exit))
		}
		if err != nil && !pve.IsKind(err, pve.Unreachable) && !pve.IsKind(err, pve.Timeout) {
			return c, err
		}
	}
	return c, &Failure{
		Status:  ExitProxmox,
		Message: fmt.Sprintf("cannot tell whose container %d is: it has neither name nor network yet; nothing was changed", rec.CTID),
		Hints:   []string{"try again once the task that creates it has ended", fmt.Sprintf("if none runs on the node: pct unlock %d; pct destroy %d --purge 1 --destroy-unreferenced-disks 1", rec.CTID, rec.CTID)},
	}
}

const theirsNow = "its create task failed, and the id is somebody else's now"

// stillOurs asks once more whose a half-made container is, right before something is
// done to it: the id may have changed hands. NotFound if it is gone. unlocked says that
// we have just taken the lock of a blank one away.
func (r *Run) stillOurs(ctx context.Context, node string, ctid int, upid string, unlocked bool) (pve.Config, error) {
	cfg, err := r.PVE.Config(ctx, node, ctid)
	if err != nil {
		return cfg, err
	}
	switch {
	case !cfg.Blank():
		rec := r.Recorded
		rec.RecordID, rec.CTID, rec.MAC, rec.Marked = r.RecordID, ctid, r.MAC, true
		if rec.Hostname == "" {
			rec.Hostname = r.Job.Spec.Hostname
		}
		return cfg, CheckSame(rec, cfg, node, r.Command)
	case unlocked && cfg.Lock == "":
		return cfg, nil
	case !unlocked:
		owner, err := r.whoseBlank(ctx, node, ctid, upid)
		if err != nil || owner == pve.Ours {
			return cfg, err
		}
	}
	return cfg, &Failure{
		Status:  ExitProxmox,
		Message: fmt.Sprintf("cannot remove the half-made container %d: somebody else may be creating it now; it was left alone", ctid),
		Hints:   []string{"try again once the task that creates it has ended"},
	}
}
