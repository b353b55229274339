package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// snapshotPrefix begins the names of the snapshots that a sync takes.
const snapshotPrefix = "infrahaus-"

// takeSnapshot takes a snapshot of the container before a sync changes it. If an earlier
// sync failed and left its snapshot, that one is kept instead: it has the last good state.
// A snapshot that an earlier sync could not remove after it had ended well is removed now.
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
	always := r.how.Snapshot == plan.SnapshotAlways
	if r.how.Snapshot == plan.SnapshotNever {
		return nil
	}
	node := r.placement.Node
	can, err := r.host.PVE.CanSnapshot(ctx, node, r.ctid)
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
		return &exit.Failure{
			Status: exit.Proxmox, Message: fmt.Sprintf("cannot take a snapshot of container %d: its storage cannot make one", r.ctid),
			Hints: []string{"go on without: --snapshot never"},
		}
	case pve.IsKind(err, pve.Forbidden) && !always:
		f := exit.Explain(err)
		r.warn("no snapshot, so there will be no way back: "+f.Message, strings.Join(f.Hints, "\n"))
		return nil
	case pve.IsKind(err, pve.Forbidden):
		f := exit.Explain(err)
		f.Hints = append(f.Hints, "or go on without: --snapshot never")
		return f
	}
	return err
}

// snapshotThere asks whether the snapshot of an earlier sync exists. That sync may have been
// killed after it wrote the record and before its request, or its task may still run.
func (r *Run) snapshotThere(ctx context.Context, m plan.Mark) (bool, error) {
	if err := r.followSnapshots(ctx); err != nil {
		return false, err
	}
	list, err := r.host.PVE.Snapshots(ctx, r.recorded.Node, r.ctid)
	i := slices.IndexFunc(list, func(s pve.Snapshot) bool { return s.Name == m.Name })
	if i >= 0 && list[i].State != "" && m.State == plan.Claimed {
		return false, &exit.Failure{
			Status:  exit.Proxmox,
			Message: fmt.Sprintf("cannot sync %s: the snapshot %s of an earlier sync is half made (%s), and no task is at it", r.recorded.Hostname, m.Name, list[i].State),
			Hints:   []string{fmt.Sprintf("on the node: pct unlock %d; pct delsnapshot %d %s --force", r.ctid, r.ctid, m.Name)},
		}
	}
	return i >= 0, err
}

// followSnapshots waits for a task that takes or removes a snapshot, which a killed sync has
// left running. An interrupt of this run does not stop that task.
func (r *Run) followSnapshots(ctx context.Context) error {
	for _, typ := range []string{"vzsnapshot", "vzdelsnapshot"} {
		upid, err := r.host.PVE.LastTask(ctx, r.recorded.Node, r.ctid, typ)
		running := false
		if err == nil && upid != "" {
			running, _, err = r.host.PVE.TaskRunning(ctx, upid)
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
	if err := r.record.KeepPast(ctx, name); err != nil {
		return err
	}
	if err := r.mark(ctx, event.Deploying, plan.ItemSnapshot, plan.Claimed, plan.Detail{Name: name, Was: string(r.recorded.Lifecycle)}); err != nil {
		return err
	}
	r.say("Taking the snapshot " + name)
	upid, err := r.host.PVE.TakeSnapshot(ctx, node, r.ctid, name, "before "+map[bool]string{true: "an update", false: "a sync"}[r.verb == plan.Update]+" of infrahaus")
	if err == nil {
		_, err = r.followTask(ctx, upid)
	}
	if err != nil {
		return orMark(err, r.mark(ctx, event.Deploying, plan.ItemSnapshot, plan.Expired, plan.Detail{Name: name}))
	}
	return nil
}

// orMark returns err, or the error of the record if err is nil.
func orMark(err, recordErr error) error {
	if err != nil {
		return err
	}
	return recordErr
}

// dropSnapshot removes the snapshot of a sync that has ended well. If that fails, it only
// warns, because the work is done. The record says first that the snapshot has expired, so
// that no rollback goes to one that is half removed.
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
	upid, err := r.host.PVE.DeleteSnapshot(ctx, r.recorded.Node, r.ctid, m.Name)
	if err == nil {
		_, err = r.follow(ctx, upid, pve.Watch{})
	}
	if err != nil {
		r.warn("the snapshot "+m.Name+" could not be removed: "+err.Error(), fmt.Sprintf("on the node: pct delsnapshot %d %s", r.ctid, m.Name))
		return
	}
	r.noteErr(r.mark(ctx, event.Deploying, plan.ItemSnapshot, plan.Done, m.Detail))
}
