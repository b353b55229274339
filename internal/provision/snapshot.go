package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// snapshotPrefix begins the names of the snapshots that a sync takes.
const snapshotPrefix = "infrahaus-"

// takeSnapshot has Proxmox keep the container as it is, before a sync changes it.
// One that an earlier sync has left, for it failed, shows an older and better
// state: it is kept instead.
func (r *Run) takeSnapshot(ctx context.Context) error {
	if m := r.marks.of(event.Deploying, itemSnapshot); m.State == Claimed {
		if kept, err := r.snapshotThere(ctx, m.Name); kept || err != nil {
			return err
		}
	}
	always := r.Renewal.Snapshot == SnapshotAlways
	if r.Renewal.Snapshot == SnapshotNever {
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
		r.warn("no snapshot: "+err.Error(), "")
		return nil
	}
	return err
}

// snapshotThere asks whether the snapshot of an earlier sync was really taken: one
// that was killed or interrupted then may have come no further than the record.
func (r *Run) snapshotThere(ctx context.Context, name string) (bool, error) {
	list, err := r.PVE.Snapshots(ctx, r.Placement.Node, r.CTID)
	if err != nil {
		return false, err
	}
	there := slices.ContainsFunc(list, func(s pve.Snapshot) bool { return s.Name == name })
	if there {
		r.say("The snapshot " + name + " of a sync that did not end well is kept")
	}
	return there, nil
}

func (r *Run) snapshot(ctx context.Context, node string) error {
	name := snapshotPrefix + strings.ToLower(time.Now().UTC().Format("20060102-150405"))
	if err := r.mark(ctx, event.Deploying, itemSnapshot, Claimed, Detail{Name: name, Was: string(r.Recorded.Lifecycle)}); err != nil {
		return err
	}
	r.say("Taking the snapshot " + name)
	upid, err := r.PVE.TakeSnapshot(ctx, node, r.CTID, name, "before a sync of infrahaus")
	if err == nil {
		_, err = r.followTask(ctx, upid)
	}
	if err != nil {
		return orMark(err, r.mark(ctx, event.Deploying, itemSnapshot, Broken, Detail{Name: name}))
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
// not be removed is a warning: the work is done.
func (r *Run) dropSnapshot(ctx context.Context) {
	m := r.marks.of(event.Deploying, itemSnapshot)
	if m.State != Claimed {
		return
	}
	upid, err := r.PVE.DeleteSnapshot(ctx, r.Placement.Node, r.CTID, m.Name)
	if err == nil {
		_, err = r.PVE.Follow(ctx, upid, pve.Watch{})
	}
	if err != nil {
		r.warn("the snapshot "+m.Name+" could not be removed: "+err.Error(), fmt.Sprintf("on the node: pct delsnapshot %d %s", r.CTID, m.Name))
		return
	}
	r.noteErr(r.mark(ctx, event.Deploying, itemSnapshot, Done, Detail{Name: m.Name, Was: m.Was}))
}
