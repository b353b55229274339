package provision

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// Resume continues with the first item that is not done, and ends with a complete or an
// error event, as Create does. It follows a task or script that still runs, and tries one
// again that failed or died. It repeats no item that is done, unless From says so.
func (r *Run) Resume(ctx context.Context, q ResumeRequest) (Result, error) {
	r.goOn(q)
	err := r.lookBack(ctx)
	if err == nil && r.situation.Config.Lock == "snapshot" { // a sync was killed while it took a snapshot
		err = r.followSnapshots(ctx)
	}
	if err == nil {
		err = r.perform(ctx, Phases)
	}
	return r.end(ctx, err)
}

// goOn takes the request of a resume.
func (r *Run) goOn(q ResumeRequest) {
	r.verb, r.recorded, r.from, r.anew, r.placed = plan.Resume, q.Recorded, q.From, q.Anew, q.Node
	r.destroyOnFailure = q.DestroyOnFailure
	r.take(q.Job)
}

// lookBack finds out how far earlier runs have come, from the record and then from Proxmox.
func (r *Run) lookBack(ctx context.Context) error {
	if r.phase = Phases[0]; r.verb == plan.Sync {
		r.phase = Phases[2]
	}
	defer r.wait("", 0)()
	r.onRecord()
	if err := r.loadMarks(ctx); err != nil {
		return err
	}
	if err := r.Bus.Emit(event.Event{Type: event.Step, Step: r.phase.Name, Message: "Looking at what is done already"}); err != nil {
		return err
	}
	r.asked = r.job.Spec
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.mayGoOn(ctx); err != nil {
		return err
	}
	found, err := r.survey().Situation(ctx)
	if err == nil {
		err = survey.Missing(found, r.recorded, r.Command, r.anew...)
	}
	if err != nil {
		return err
	}
	if found.State == plan.There && found.Config.Lock == "create" { // a backup is being restored into it
		return survey.Locked("go on with", r.recorded, found.Config.Lock)
	}
	if r.situation = found; r.verb == plan.Resume {
		if err := r.choosePlace(ctx); err != nil {
			return err
		}
		// Every check is done that needs no look into the guest.
		if err := r.beginChange(ctx); err != nil {
			return err
		}
	}
	if err := r.found(ctx, found); err != nil {
		return err
	}
	if err := r.settleIn(ctx); err != nil {
		return err
	}
	return r.lookAtSettings(ctx)
}

// survey asks about the container on record.
func (r *Run) survey() survey.Survey {
	return survey.Survey{PVE: r.host.PVE, Record: r.recorded, Marks: r.marks, Watch: r.watch(), Wait: r.wait, Command: r.Command}
}

// found keeps what Proxmox said of the container, and records the node that it has moved to.
func (r *Run) found(ctx context.Context, s plan.Situation) error {
	r.situation = s
	if s.Node == r.recorded.Node {
		return nil
	}
	r.recorded.Node = s.Node
	return r.record.Update(ctx, func(c *lxc.Container) { c.Node = s.Node })
}

// settleIn fills in the fields that the skipped phases would have filled in.
func (r *Run) settleIn(ctx context.Context) error {
	if r.ctid != 0 && r.situation.State != plan.NotMade {
		r.Bus.SetPlace(r.ctid, r.recorded.Node)
	}
	var err error
	if r.hostKeys, err = r.record.HostKeys(ctx); err != nil {
		return err
	}
	if r.situation.State != plan.There {
		return nil
	}
	r.placement = &pve.Placement{Node: r.recorded.Node}
	r.job.Spec.Network = r.situation.Config.Net0
	r.mac = r.situation.Config.MAC
	r.application = r.situation.Config.Application()
	return nil
}
