package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// making is what is to be done about the container itself.
type making int

const (
	makeAnew   making = iota // there is none: create it
	makeFollow               // its create task runs, or has ended unseen
	makeRemake               // its create task died half-way: remove what it left, create it
	makeNone                 // it is there
	makeLost                 // it was made, and is gone or somebody else's now
)

// course is what Proxmox says of the work that earlier runs began.
type course struct {
	make   making
	upid   string     // of the create task to follow
	why    string     // for people: what was found
	cfg    pve.Config // of the container that is there
	runs   bool
	going  bool     // the create task has not ended
	start  string   // UPID of a start task that still runs
	lost   *Failure // why there is nothing to go on with
	theirs bool     // the id is somebody else's now
}

// Resume goes on from the first thing that is not done and ends with a complete
// or an error event, as Create does. What is done is never repeated, unless From
// says so: a task or script that still runs is followed on, one that failed or
// died is tried again. It needs Recorded and Job from the catalogue.
func (r *Run) Resume(ctx context.Context) (Result, error) {
	err := r.lookBack(ctx)
	if err == nil && r.course.cfg.Lock == "snapshot" { // of a sync that was killed
		err = r.followSnapshots(ctx)
	}
	if err == nil {
		err = r.perform(ctx, Phases)
	}
	return r.end(ctx, err)
}

// lookBack finds out where the work stands: by the record, then by Proxmox.
func (r *Run) lookBack(ctx context.Context) error {
	r.resuming = true
	if r.phase = Phases[0]; r.renewing {
		r.phase = Phases[2]
	}
	defer r.wait("", 0)()
	r.CTID, r.MAC = r.Recorded.CTID, r.Recorded.MAC
	r.requested = r.CTID != 0
	if err := r.loadMarks(ctx); err != nil {
		return err
	}
	if err := r.Bus.Emit(event.Event{Type: event.Step, Step: r.phase.Name, Message: "Looking at what is done already"}); err != nil {
		return err
	}
	if r.renewing || r.Recorded.Lifecycle == lxc.Ready {
		r.looking = true // until something is to be changed
	} else if err := r.beginChange(ctx); err != nil {
		return err
	}
	if err := r.Connect(ctx); err != nil {
		return err
	}
	if err := r.mayGoOn(ctx); err != nil {
		return err
	}
	c, err := r.survey(ctx)
	if err != nil {
		return err
	}
	if c.make == makeLost {
		return c.lost
	}
	if c.make == makeNone && c.cfg.Lock == "create" { // somebody restores a backup into it
		return Locked("go on with", r.Recorded, c.cfg.Lock)
	}
	if r.looking && !r.renewing {
		if err := r.beginChange(ctx); err != nil {
			return err
		}
	}
	r.course = c
	return r.settleIn(ctx)
}

// settleIn fills in what the phases that are skipped would have.
func (r *Run) settleIn(ctx context.Context) error {
	if r.CTID != 0 && r.course.make != makeAnew {
		r.Bus.SetPlace(r.CTID, r.Recorded.Node)
	}
	var err error
	if r.hostKeys, err = r.Record.HostKeys(ctx); err != nil {
		return err
	}
	if r.course.make != makeNone {
		return nil
	}
	r.Placement = &pve.Placement{Node: r.Recorded.Node}
	r.Job.Spec.Network = r.course.cfg.Net0
	r.MAC = r.course.cfg.MAC
	return nil
}

// survey asks Proxmox what became of the container.
func (r *Run) survey(ctx context.Context) (course, error) {
	rec := r.Recorded
	f := ownership.Facts{Record: rec, Own: ownership.Task{UPID: rec.UPID}, Login: r.PVE.Login(),
		Created: r.marks.Of(event.Creating, plan.ItemCreate).State == plan.Done}
	switch {
	case rec.CTID == 0:
		return course{make: makeAnew, why: "it was never asked for"}, nil
	case f.Finished():
		f.Own = ownership.Task{} // how it was created does not matter any more
		return r.inspect(ctx, f)
	}
	var err error
	if f.Own.UPID == "" {
		// The record does not say whether the request was sent before its process ended.
		if f, err = survey.AwaitShown(ctx, r.PVE, rec.Node, f, r.watch()); err != nil {
			return course{}, err
		}
		if !f.Owner().Mine() {
			return course{make: makeAnew, why: "it was never created"}, nil
		}
		// The newest task is taken for the one that made it.
		if f.Own.UPID, err = r.PVE.LastTask(ctx, rec.Node, rec.CTID, "vzcreate"); err != nil {
			return course{}, err
		}
	}
	if f.Own, err = survey.Task(ctx, r.PVE, f.Own.UPID); err != nil {
		return course{}, err
	}
	if f.Own.State == ownership.Running {
		return course{make: makeFollow, upid: f.Own.UPID, going: true, why: "its create task runs"}, nil
	}
	return r.inspect(ctx, f)
}

// inspect looks at a container whose create task does not run any more.
func (r *Run) inspect(ctx context.Context, f ownership.Facts) (course, error) {
	cfg, err := r.config(ctx)
	switch {
	case err == nil:
		f.Config = &cfg
	case !pve.IsKind(err, pve.NotFound):
		return course{}, err
	}
	if f.Config != nil && cfg.Blank() && !f.Finished() {
		if f, err = survey.CreateTasks(ctx, r.PVE, r.Recorded.Node, f); err != nil {
			return course{}, err
		}
		if f.Own.State == ownership.Running { // the look before this one may have failed
			return course{make: makeFollow, upid: f.Own.UPID, going: true, why: "its create task runs"}, nil
		}
	}
	rec, upid := r.Recorded, f.Own.UPID
	switch f.Owner() {
	case ownership.Gone:
		return r.absent(f.Finished()), nil
	case ownership.Theirs:
		if !f.Finished() {
			return course{make: makeAnew, why: "its create task failed, and the id is somebody else's now"}, nil
		}
		return course{make: makeLost, lost: NotOurs(rec, rec.Node, r.Command), theirs: true}, nil
	case ownership.Unfinished:
		if upid == "" {
			return course{}, &Failure{
				Status:  ExitProxmox,
				Message: fmt.Sprintf("cannot tell how container %d stands: it is locked (create), and %s sees no task that creates it", rec.CTID, r.PVE.Login()),
				Hints:   []string{fmt.Sprintf("if no create task runs on the node: pct unlock %d", rec.CTID)},
			}
		}
		return course{make: makeRemake, cfg: cfg, upid: upid, why: "its create task died half-way"}, nil
	case ownership.Ours:
		if !f.Finished() && upid != "" {
			return course{make: makeFollow, cfg: cfg, upid: upid, why: "its create task has ended"}, nil
		}
		return r.power(ctx, course{make: makeNone, cfg: cfg})
	}
	return r.awaitOwner(ctx, f)
}

// power finds out whether a container that is there runs, or is being started.
func (r *Run) power(ctx context.Context, c course) (course, error) {
	st, err := r.PVE.Status(ctx, r.Recorded.Node, r.Recorded.CTID)
	if err != nil {
		return c, err
	}
	c.runs = st.Running
	if m := r.marks.Of(event.Starting, plan.ItemStart); !c.runs && m.UPID != "" {
		if going, _, err := r.PVE.TaskRunning(ctx, m.UPID); err == nil && going {
			c.start = m.UPID
		}
	}
	return c, nil
}

// absent is a container that is on record and not on Proxmox. What was only
// half made is made again; one that was finished has been destroyed by somebody.
func (r *Run) absent(finished bool) course {
	rec := r.Recorded
	if !finished {
		return course{make: makeAnew, why: "its create task failed, and Proxmox has cleaned up"}
	}
	return course{make: makeLost, lost: Lost("go on with", rec, r.Command)}
}

// Lost is the refusal to do something with a container that is on record and not
// on Proxmox.
func Lost(do string, c lxc.Container, command func(words ...string) string) *Failure {
	return &Failure{
		Status:  ExitProxmox,
		Message: fmt.Sprintf("cannot %s %s: Proxmox has no container %d any more; somebody else has destroyed it", do, c.Hostname, c.CTID),
		Hints:   []string{"to take it off the record: " + command("destroy", c.Hostname)},
	}
}

// NotOurs is the refusal to do something with a container that has the id of the one on
// record: Proxmox gives a free id to the next container.
func NotOurs(c lxc.Container, node string, command func(words ...string) string) *Failure {
	return &Failure{
		Status:  ExitProxmox,
		Message: fmt.Sprintf("container %d on %s is not %s any more: Proxmox has given the id to somebody else", c.CTID, node, c.Hostname),
		Hints:   []string{command("show", c.RecordID)},
	}
}

// config reads the configuration, of a container that has moved to another node
// too.
func (r *Run) config(ctx context.Context) (pve.Config, error) {
	node, cfg, err := r.PVE.Locate(ctx, r.Recorded.Node, r.CTID)
	if err != nil || node == r.Recorded.Node {
		return cfg, err
	}
	r.Recorded.Node = node
	return cfg, r.Record.Update(ctx, func(c *lxc.Container) { c.Node = node })
}

// remake removes what a create task that died has left, so that the container
// can be created again. Only what is known to be ours and unfinished gets here.
func (r *Run) remake(ctx context.Context) error {
	node := r.Recorded.Node
	r.say(fmt.Sprintf("Removing the half-made container %d", r.CTID))
	err := r.discard(ctx, node, r.CTID, r.course.upid)
	if err != nil {
		return err
	}
	r.CTID, r.requested = 0, false
	return r.Record.Update(ctx, func(c *lxc.Container) { c.CTID, c.UPID, c.MAC = 0, "", "" })
}

// discard destroys a half-made container, if it is ours still. The lock that its dead
// worker has left can be taken away on the node only. upid is the task that made it.
func (r *Run) discard(ctx context.Context, node string, ctid int, upid string) error {
	cfg, err := r.stillOurs(ctx, node, ctid, upid, false)
	if err == nil && cfg.Lock == "create" {
		if err := Unlock(ctx, r.SSH.Node, ctid); err != nil {
			return err
		}
		_, err = r.stillOurs(ctx, node, ctid, upid, true)
	}
	var task string
	if err == nil {
		// The container's config does not name the disk that was made for it.
		o := pve.DestroyOptions{Purge: true, Unreferenced: r.disksAreOurs(ctx, node, ctid, upid)}
		task, err = r.PVE.Destroy(ctx, node, ctid, o)
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

// Unlock takes a stale lock away by way of the node's SSH.
func Unlock(ctx context.Context, node *guest.NodeSSH, ctid int) error {
	byHand := fmt.Sprintf("on the node: pct unlock %d", ctid)
	if node == nil {
		return &Failure{
			Status:  ExitProxmox,
			Message: fmt.Sprintf("cannot remove the half-made container %d: its create task died and left it locked, and the API cannot unlock", ctid),
			Hints:   []string{byHand, "or set INFRAHAUS_SSH_NODE, and it is done for you"},
		}
	}
	err := node.Unlock(ctx, ctid)
	var in *guest.Error
	if errors.As(err, &in) {
		return &Failure{Status: ExitUnreachable, Message: in.Error(), Tail: splitLines(in.Tail), Hints: append(hint(in.Hint()), byHand), Err: err}
	}
	return err
}
