package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// snapshotPrefix begins the names of the snapshots that a sync takes.
const snapshotPrefix = "infrahaus-"

// takeSnapshot has Proxmox keep the container as it is, before a sync changes it.
// One that an earlier sync has left, for it failed, shows an older and better
// state: it is kept instead. One that a sync which ended well could not remove goes
// now.
func (r *Run) takeSnapshot(ctx context.Context) error {
	if m := r.marks.Of(event.Deploying, plan.ItemSnapshot); m.State == plan.Claimed || m.State == plan.Expired {
		there, err := r.snapshotThere(ctx, m)
		switch {
		case err != nil:
			return err
		case there && m.State == plan.Claimed:
			r.say("The snapshot " + m.Name + " of a sync that did not end well is kept")
			return nil
		case there:
			r.dropSnapshot(ctx)
		}
	}
	always := r.Asked.Snapshot == plan.SnapshotAlways
	if r.Asked.Snapshot == plan.SnapshotNever {
		return nil
	}
	node := r.Placement.Node
	can, err := r.PVE.CanSnapshot(ctx, node, r.CTID)
	if err == nil && can {
		err = r.snapshot(ctx, node)
	}
	switch {
	case err == nil && can:
		return nil
	case err == nil && !always:
		r.say("No snapshot: the container's storage cannot make one")
		return nil
	case err == nil:
		return &Failure{
			Status: ExitProxmox, Message: fmt.Sprintf("cannot take a snapshot of container %d: its storage cannot make one", r.CTID),
			Hints: []string{"go on without: --snapshot never"},
		}
	case pve.IsKind(err, pve.Forbidden) && !always:
		f := Explain(err)
		r.warn("no snapshot, so there will be no way back: "+f.Message, strings.Join(f.Hints, "\n"))
		return nil
	case pve.IsKind(err, pve.Forbidden):
		f := Explain(err)
		f.Hints = append(f.Hints, "or go on without: --snapshot never")
		return f
	}
	return err
}

// snapshotThere asks whether the snapshot of an earlier sync was really taken: one
// that was killed or interrupted then may have come no further than the record, or
// its task may still be at it.
func (r *Run) snapshotThere(ctx context.Context, m plan.Mark) (bool, error) {
	if err := r.followSnapshots(ctx); err != nil {
		return false, err
	}
	list, err := r.PVE.Snapshots(ctx, r.Recorded.Node, r.CTID)
	i := slices.IndexFunc(list, func(s pve.Snapshot) bool { return s.Name == m.Name })
	if i >= 0 && list[i].State != "" && m.State == plan.Claimed {
		return false, &Failure{
			Status:  ExitProxmox,
			Message: fmt.Sprintf("cannot sync %s: the snapshot %s of an earlier sync is half made (%s), and no task is at it", r.Recorded.Hostname, m.Name, list[i].State),
			Hints:   []string{fmt.Sprintf("on the node: pct unlock %d; pct delsnapshot %d %s --force", r.CTID, r.CTID, m.Name)},
		}
	}
	return i >= 0, err
}

// followSnapshots waits for a task that makes or removes a snapshot: a killed sync has
// left it running. It is not told to stop when this run is.
func (r *Run) followSnapshots(ctx context.Context) error {
	for _, typ := range []string{"vzsnapshot", "vzdelsnapshot"} {
		upid, err := r.PVE.LastTask(ctx, r.Recorded.Node, r.CTID, typ)
		running := false
		if err == nil && upid != "" {
			running, _, err = r.PVE.TaskRunning(ctx, upid)
		}
		if err == nil && running {
			r.say("Following the snapshot task that still runs")
			_, err = r.follow(ctx, upid, pve.Watch{})
		}
		if err != nil && !pve.IsKind(err, pve.TaskFailed) {
			return err
		}
	}
	return nil
}

func (r *Run) snapshot(ctx context.Context, node string) error {
	name := snapshotPrefix + strings.ToLower(time.Now().UTC().Format("20060102-150405"))
	if err := r.Record.KeepPast(ctx, name); err != nil {
		return err
	}
	if err := r.mark(ctx, event.Deploying, plan.ItemSnapshot, plan.Claimed, plan.Detail{Name: name, Was: string(r.Recorded.Lifecycle)}); err != nil {
		return err
	}
	r.say("Taking the snapshot " + name)
	upid, err := r.PVE.TakeSnapshot(ctx, node, r.CTID, name, "before a sync of infrahaus")
	if err == nil {
		_, err = r.followTask(ctx, upid)
	}
	if err != nil {
		return orMark(err, r.mark(ctx, event.Deploying, plan.ItemSnapshot, plan.Expired, plan.Detail{Name: name}))
	}
	return nil
}

// orMark is err, which is the reason, or else that of the record.
func orMark(err, recordErr error) error {
	if err != nil {
		return err
	}
	return recordErr
}

// dropSnapshot removes the snapshot of a sync that has ended well. That it could
// not be removed is a warning: the work is done. The record says first that nobody
// is to go back to it.
func (r *Run) dropSnapshot(ctx context.Context) {
	m := r.marks.Of(event.Deploying, plan.ItemSnapshot)
	if m.State != plan.Claimed && m.State != plan.Expired {
		return
	}
	if m.State == plan.Claimed {
		if err := r.mark(ctx, event.Deploying, plan.ItemSnapshot, plan.Expired, m.Detail); err != nil {
			r.noteErr(err)
			return
		}
	}
	upid, err := r.PVE.DeleteSnapshot(ctx, r.Recorded.Node, r.CTID, m.Name)
	if err == nil {
		_, err = r.follow(ctx, upid, pve.Watch{})
	}
	if err != nil {
		r.warn("the snapshot "+m.Name+" could not be removed: "+err.Error(), fmt.Sprintf("on the node: pct delsnapshot %d %s", r.CTID, m.Name))
		return
	}
	r.noteErr(r.mark(ctx, event.Deploying, plan.ItemSnapshot, plan.Done, m.Detail))
}
