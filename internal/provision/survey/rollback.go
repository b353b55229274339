package survey

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// RollbackSurvey is what a rollback goes back to.
type RollbackSurvey struct {
	Snapshot  string
	Taken     time.Time      // zero: Proxmox has removed the snapshot, after a rollback to it
	Was       lxc.Lifecycle  // when the snapshot was taken
	Begun     bool           // an earlier rollback to it has begun and has not ended
	Task      string         // UPID of the rollback's task that runs or has succeeded; "": none is known
	Lock      string         // on the container: an earlier rollback left it, or still holds it
	Situation plan.Situation // of the container, which is There
}

// RollbackOnRecord finds out by the record alone what there is to go back to.
func (s Survey) RollbackOnRecord() (RollbackSurvey, error) {
	m := s.Marks.Of(event.Deploying, plan.ItemSnapshot)
	back := RollbackSurvey{Snapshot: m.Name, Was: lxc.Lifecycle(m.Was), Begun: plan.RollbackBegun(s.Record, s.Marks)}
	if m.State != plan.Claimed && !back.Begun {
		return back, s.noWayBack(exit.Other, fmt.Sprintf("no sync of %s has left a snapshot", s.Record.Hostname))
	}
	return back, nil
}

// Rollback asks Proxmox about the container and the snapshot that are on record. It refuses
// a container that another task works on. unlocks says that a lock which a failed rollback
// has left can be removed, which the API cannot do.
func (s Survey) Rollback(ctx context.Context, back RollbackSurvey, unlocks bool) (RollbackSurvey, error) {
	if err := s.may(ctx, "roll back", []string{"VM.Audit", "VM.Snapshot|VM.Snapshot.Rollback", "VM.PowerMgmt"}); err != nil {
		return back, err
	}
	found, err := s.Situation(ctx)
	if err == nil {
		err = Missing(found, s.Record, s.Command)
	}
	switch {
	case err != nil:
		return back, err
	case found.State != plan.There:
		return back, s.noWayBack(exit.Other, s.Record.Hostname+" was never finished")
	}
	back.Situation, back.Lock = found, found.Config.Lock
	if back.Begun {
		if back.Task, err = s.rollbackTask(ctx, found.Node); err != nil {
			return back, err
		}
	}
	if back.Taken, err = s.snapshot(ctx, back); err != nil {
		return back, err
	}
	return back, s.rollbackLock(back, unlocks)
}

// snapshot asks when the snapshot was taken. It refuses one that is missing or incomplete.
func (s Survey) snapshot(ctx context.Context, back RollbackSurvey) (taken time.Time, err error) {
	list, err := s.PVE.Snapshots(ctx, back.Situation.Node, s.Record.CTID)
	if err != nil {
		return taken, err
	}
	i := slices.IndexFunc(list, func(s pve.Snapshot) bool { return s.Name == back.Snapshot })
	switch {
	case i < 0 && back.Task == "":
		return taken, s.noWayBack(exit.Proxmox, fmt.Sprintf("Proxmox has no snapshot %s of container %d", back.Snapshot, s.Record.CTID))
	case i < 0:
		return taken, nil
	case list[i].State != "":
		return taken, s.noWayBack(exit.Proxmox, fmt.Sprintf("the snapshot %s is half made (%s)", back.Snapshot, list[i].State))
	}
	return list[i].Time, nil
}

// rollbackTask is the task of a rollback that has begun and not ended. "": the login sees
// none, or it has failed.
func (s Survey) rollbackTask(ctx context.Context, node string) (string, error) {
	upid := s.Marks.Of(event.Deploying, plan.ItemRollback).UPID
	known := upid != ""
	var err error
	if !known {
		if upid, err = s.PVE.LastTask(ctx, node, s.Record.CTID, "vzrollback"); err != nil || upid == "" {
			return "", err
		}
	}
	running, exit, err := s.PVE.TaskRunning(ctx, upid)
	switch {
	case err != nil && pve.IsKind(err, pve.Unreachable):
		return "", err
	case err == nil && (running || known && pve.TaskSucceeded(exit)):
		return upid, nil
	}
	return "", nil
}

// rollbackLock refuses a container that another task works on.
func (s Survey) rollbackLock(back RollbackSurvey, unlocks bool) error {
	ours := plan.RollbackLock(back.Lock, back.Snapshot, s.Marks)
	switch {
	case back.Lock == "" || back.Task != "" || ours && unlocks:
		return nil
	case ours:
		return refusal(fmt.Sprintf("cannot go back: an earlier rollback has failed and left container %d locked, and the API cannot unlock", s.Record.CTID),
			fmt.Sprintf("on the node: pct unlock %d", s.Record.CTID), "or set INFRAHAUS_SSH_NODE, and it is done for you")
	}
	return Locked("roll back", s.Record, back.Lock)
}

// noWayBack says why there is nothing to go back to, and what can be done instead.
func (s Survey) noWayBack(status int, why string) error {
	next := s.Command("resume", s.Record.Hostname)
	if s.Record.Lifecycle == lxc.Ready {
		next = "to see how it differs from its template: " + s.Command("sync", s.Record.Hostname, "--plan")
	}
	return &Refusal{status: status, message: "cannot go back: " + why, hints: []string{next}}
}
