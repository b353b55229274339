package provision

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	// blankWait limits the wait for a container to show whose it is, and blankLook is the
	// time between two looks at it.
	blankWait = 2 * time.Minute
	blankLook = 500 * time.Millisecond
)

// facts are what this run knows of the container that it made under an id. The record that
// it began with does not know an id that was claimed since.
func (r *Run) facts(ctid int, upid string) ownership.Facts {
	rec := r.Recorded
	rec.RecordID, rec.CTID, rec.MAC, rec.Marked = r.RecordID, ctid, r.MAC, true
	rec.Hostname = cmp.Or(rec.Hostname, r.Job.Spec.Hostname)
	return ownership.Facts{Record: rec, Own: ownership.Task{UPID: upid}, Login: r.PVE.Login()}
}

// awaitOwner waits until a container shows whose it is or is gone, and inspects it then.
// The tasks did not tell.
func (r *Run) awaitOwner(ctx context.Context, f ownership.Facts) (course, error) {
	rec := r.Recorded
	defer r.wait(fmt.Sprintf("container %d, which is being created, to show its owner", rec.CTID), blankWait)()
	for end := time.Now().Add(blankWait); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return course{}, context.Cause(ctx)
		case <-time.After(blankLook):
		}
		cfg, err := r.config(ctx)
		if pve.IsKind(err, pve.NotFound) || err == nil && !cfg.Blank() {
			return r.inspect(ctx, f)
		}
		if err != nil && !pve.IsKind(err, pve.Unreachable) && !pve.IsKind(err, pve.Timeout) {
			return course{}, err
		}
	}
	return course{}, &Failure{
		Status:  ExitProxmox,
		Message: fmt.Sprintf("cannot tell whose container %d is: it has neither name nor network yet; nothing was changed", rec.CTID),
		Hints:   []string{"try again once the task that creates it has ended", fmt.Sprintf("if none runs on the node: pct unlock %d; pct destroy %d --purge 1 --destroy-unreferenced-disks 1", rec.CTID, rec.CTID)},
	}
}

// stillOurs asks once more whose an unfinished container is, right before something is done
// to it: the id may have changed hands. NotFound if it is gone. unlocked says that this run
// has just removed the lock of a container that shows nothing of its owner.
func (r *Run) stillOurs(ctx context.Context, node string, ctid int, upid string, unlocked bool) (pve.Config, error) {
	cfg, err := r.PVE.Config(ctx, node, ctid)
	if err != nil || unlocked && cfg.Blank() && cfg.Lock == "" {
		return cfg, err
	}
	f := r.facts(ctid, upid)
	f.Config = &cfg
	if cfg.Blank() && !unlocked {
		if f, err = survey.CreateTasks(ctx, r.PVE, node, f); err != nil {
			return cfg, err
		}
	}
	switch owner := f.Owner(); {
	case owner.Mine():
		return cfg, nil
	case owner == ownership.Theirs && !cfg.Blank():
		return cfg, NotOurs(f.Record, node, r.Command)
	}
	return cfg, &Failure{
		Status:  ExitProxmox,
		Message: fmt.Sprintf("cannot remove the half-made container %d: somebody else may be creating it now; it was left alone", ctid),
		Hints:   []string{"try again once the task that creates it has ended"},
	}
}
