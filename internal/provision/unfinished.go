package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/outcome"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// facts are what this run knows of the container that it requested under an id. Recorded
// was read before this run claimed an id, so the run's own fields replace those in it.
func (r *Run) facts(ctid int, upid string) ownership.Facts {
	rec := r.recorded
	rec.RecordID, rec.CTID, rec.MAC, rec.Marked = r.recordID, ctid, r.mac, true
	rec.Hostname = cmp.Or(rec.Hostname, r.job.Spec.Hostname)
	return ownership.Facts{Record: rec, Own: ownership.Task{UPID: upid}, Login: r.host.PVE.Login()}
}

// remake removes the container that a dead create task has left, so that it can be created
// again.
func (r *Run) remake(ctx context.Context) error {
	node := r.recorded.Node
	r.say(fmt.Sprintf("Removing the half-made container %d", r.ctid))
	err := r.discard(ctx, node, r.ctid, r.situation.Create)
	if err != nil {
		return err
	}
	r.ctid = 0
	r.exists(outcome.NotAsked)
	return r.record.Update(ctx, func(c *lxc.Container) { c.CTID, c.UPID, c.MAC = 0, "", "" })
}

// discard destroys a half-made container, if it is still ours. upid is the task that made
// it. Only the node can remove the lock that the dead worker has left.
func (r *Run) discard(ctx context.Context, node string, ctid int, upid string) error {
	f, err := r.stillOurs(ctx, node, r.facts(ctid, upid))
	if err == nil && f.Config.Lock == "create" {
		if err := Unlock(ctx, r.nodeSSH(), ctid); err != nil {
			return err
		}
		err = r.stillUnlocked(ctx, node, f)
	}
	var task string
	if err == nil {
		// The config of a half-made container does not name its disk, which would remain.
		o := pve.DestroyOptions{Purge: true, Unreferenced: r.disksAreOurs(ctx, node, ctid, upid)}
		task, err = r.host.PVE.Destroy(ctx, node, ctid, o)
	}
	if err == nil {
		_, err = r.followTask(ctx, task)
	}
	if err == nil || pve.IsKind(err, pve.NotFound) {
		r.nameDisksLeft(ctx, node, ctid)
		return nil
	}
	return err
}

// Unlock removes the lock of a dead task, by SSH to the node.
func Unlock(ctx context.Context, node *guest.NodeSSH, ctid int) error {
	byHand := fmt.Sprintf("on the node: pct unlock %d", ctid)
	if node == nil {
		return &exit.Failure{
			Status:  exit.Proxmox,
			Message: fmt.Sprintf("cannot remove the half-made container %d: its create task died and left it locked, and the API cannot unlock", ctid),
			Hints:   []string{byHand, "or set INFRAHAUS_SSH_NODE, and it is done for you"},
		}
	}
	err := node.Unlock(ctx, ctid)
	var in *guest.Error
	if errors.As(err, &in) {
		return &exit.Failure{Status: exit.Unreachable, Message: in.Error(), Tail: splitLines(in.Tail), Hints: append(in.NextSteps(), byHand), Err: err}
	}
	return err
}

// stillOurs asks once more whose an unfinished container is, right before something is done
// to it: Proxmox may have given the id to somebody else since the last answer. The error is
// NotFound if it is gone.
func (r *Run) stillOurs(ctx context.Context, node string, f ownership.Facts) (ownership.Facts, error) {
	cfg, err := r.host.PVE.Config(ctx, node, f.Record.CTID)
	if err != nil {
		return f, err
	}
	f.Config = &cfg
	if cfg.Blank() {
		if f, err = survey.CreateTasks(ctx, r.host.PVE, node, f); err != nil {
			return f, err
		}
	}
	return f, r.mayDiscard(f, node)
}

// stillUnlocked asks again after this run has removed the lock of a container that was
// ours. A container that shows no owner and is locked again is one that somebody creates.
func (r *Run) stillUnlocked(ctx context.Context, node string, f ownership.Facts) error {
	cfg, err := r.host.PVE.Config(ctx, node, f.Record.CTID)
	if err != nil || cfg.Blank() && cfg.Lock == "" {
		return err
	}
	f.Config, f.Own.State, f.Newest = &cfg, ownership.Unseen, ownership.Task{} // the tasks were asked before
	return r.mayDiscard(f, node)
}

// mayDiscard refuses a container that is not known to be ours.
func (r *Run) mayDiscard(f ownership.Facts, node string) error {
	switch owner := f.Owner(); {
	case owner.Mine():
		return nil
	case owner == ownership.Theirs && !f.Config.Blank():
		return survey.NotOurs(f.Record, node, r.Command)
	}
	return &exit.Failure{
		Status:  exit.Proxmox,
		Message: fmt.Sprintf("cannot remove the half-made container %d: somebody else may be creating it now; it was left alone", f.Record.CTID),
		Hints:   []string{"try again once the task that creates it has ended"},
	}
}
