package survey

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	// blankWait limits the wait for a container to show whose it is, and blankLook is the
	// time between two looks at it.
	blankWait = 2 * time.Minute
	blankLook = 500 * time.Millisecond
)

// Survey asks Proxmox about one container.
type Survey struct {
	PVE     *pve.Client
	Record  lxc.Container
	Marks   plan.Marks
	Watch   pve.Watch
	Wait    func(what string, most time.Duration) (done func()) // reports a long wait
	Command Command
}

// Situation asks what became of the container.
func (s Survey) Situation(ctx context.Context) (plan.Situation, error) {
	rec := s.Record
	if rec.CTID == 0 {
		return s.notMade("it was never asked for"), nil
	}
	f := ownership.Facts{
		Record: rec, Created: s.Marks.Of(event.Creating, plan.ItemCreate).State == plan.Done,
		Own: ownership.Task{UPID: rec.UPID}, Login: s.PVE.Login(),
	}
	if f.Finished() {
		f.Own = ownership.Task{} // how it was created does not matter any more
		return s.inspect(ctx, f)
	}
	var err error
	if f.Own.UPID == "" {
		// The record does not say whether the request was sent before its process ended.
		if f, err = AwaitShown(ctx, s.PVE, rec.Node, f, s.Watch); err != nil {
			return plan.Situation{}, err
		}
		if !f.Owner().Mine() {
			return s.notMade("it was never created"), nil
		}
		// The newest task is taken for the one that made it.
		if f.Own.UPID, err = s.PVE.LastTask(ctx, rec.Node, rec.CTID, "vzcreate"); err != nil {
			return plan.Situation{}, err
		}
	}
	if f.Own, err = Task(ctx, s.PVE, f.Own.UPID); err != nil {
		return plan.Situation{}, err
	}
	if f.Own.State == ownership.Running {
		return s.inCreation(f.Own.UPID), nil
	}
	return s.inspect(ctx, f)
}

func (s Survey) notMade(why string) plan.Situation {
	return plan.Situation{State: plan.NotMade, Why: why, Node: s.Record.Node}
}

func (s Survey) inCreation(upid string) plan.Situation {
	return plan.Situation{State: plan.InCreation, Why: "its create task runs", Node: s.Record.Node, Create: upid}
}

// inspect looks at the container itself: its create task does not run any more. It may
// have moved to another node.
func (s Survey) inspect(ctx context.Context, f ownership.Facts) (plan.Situation, error) {
	node, cfg, err := s.PVE.Locate(ctx, s.Record.Node, s.Record.CTID)
	switch {
	case err == nil:
		f.Config = &cfg
	case !pve.IsKind(err, pve.NotFound):
		return plan.Situation{}, err
	}
	if f.Config != nil && cfg.Blank() && !f.Finished() {
		if f, err = CreateTasks(ctx, s.PVE, node, f); err != nil {
			return plan.Situation{}, err
		}
		if f.Own.State == ownership.Running { // the look before this one may have failed
			return s.inCreation(f.Own.UPID), nil
		}
	}
	if f.Owner() == ownership.Unknown {
		return s.awaitOwner(ctx, f)
	}
	return s.judge(ctx, f, cmp.Or(node, s.Record.Node))
}

// judge turns whose the container is into a situation.
func (s Survey) judge(ctx context.Context, f ownership.Facts, node string) (plan.Situation, error) {
	found := plan.Situation{Node: node, Create: f.Own.UPID}
	if f.Config != nil {
		found.Config = *f.Config
	}
	switch owner := f.Owner(); {
	case owner == ownership.Gone && !f.Finished():
		return s.notMade("its create task failed, and Proxmox has cleaned up"), nil
	case owner == ownership.Theirs && !f.Finished():
		return s.notMade("its create task failed, and the id is somebody else's now"), nil
	case owner == ownership.Gone:
		found.State = plan.Vanished
	case owner == ownership.Theirs:
		found.State = plan.Replaced
	case owner == ownership.Unfinished && found.Create == "":
		return found, refusal(
			fmt.Sprintf("cannot tell how container %d stands: it is locked (create), and %s sees no task that creates it", f.Record.CTID, f.Login),
			fmt.Sprintf("if no create task runs on the node: pct unlock %d", f.Record.CTID))
	case owner == ownership.Unfinished:
		found.State, found.Why = plan.HalfMade, "its create task died half-way"
	case found.Create != "":
		found.State, found.Why = plan.Unread, "its create task has ended"
	default:
		found.State = plan.There
		return s.power(ctx, found)
	}
	return found, nil
}

// power asks whether a container that is there runs, or is being started.
func (s Survey) power(ctx context.Context, found plan.Situation) (plan.Situation, error) {
	st, err := s.PVE.Status(ctx, found.Node, s.Record.CTID)
	if err != nil {
		return found, err
	}
	found.Running = st.Running
	if start := s.Marks.Of(event.Starting, plan.ItemStart).UPID; !found.Running && start != "" {
		if going, _, err := s.PVE.TaskRunning(ctx, start); err == nil && going {
			found.Start = start
		}
	}
	return found, nil
}

// awaitOwner waits until a container shows whose it is, or is gone, and inspects it then:
// the tasks did not tell.
func (s Survey) awaitOwner(ctx context.Context, f ownership.Facts) (plan.Situation, error) {
	ctid := s.Record.CTID
	defer s.Wait(fmt.Sprintf("container %d, which is being created, to show its owner", ctid), blankWait)()
	for end := time.Now().Add(blankWait); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return plan.Situation{}, context.Cause(ctx)
		case <-time.After(blankLook):
		}
		_, cfg, err := s.PVE.Locate(ctx, s.Record.Node, ctid)
		if pve.IsKind(err, pve.NotFound) || err == nil && !cfg.Blank() {
			return s.inspect(ctx, f)
		}
		if err != nil && !pve.IsKind(err, pve.Unreachable) && !pve.IsKind(err, pve.Timeout) {
			return plan.Situation{}, err
		}
	}
	return plan.Situation{}, refusal(
		fmt.Sprintf("cannot tell whose container %d is: it has neither name nor network yet; nothing was changed", ctid),
		"try again once the task that creates it has ended",
		fmt.Sprintf("if none runs on the node: pct unlock %d; pct destroy %d --purge 1 --destroy-unreferenced-disks 1", ctid, ctid))
}
