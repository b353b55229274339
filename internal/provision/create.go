package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/outcome"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// create executes the actions that create the container, or that follow the task with which
// an earlier run creates it. Then it follows the task.
func (r *Run) create(ctx context.Context) error {
	actions := r.plan.In(event.Creating)
	if actions[0].Kind == plan.Nothing {
		return r.step(r.phase.To, fmt.Sprintf("Container %d on %s is there", r.ctid, r.placement.Node))
	}
	if err := r.step(r.phase.From, "Creating LXC container"); err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	if _, err := r.wayIn(); err != nil {
		return err
	}
	if r.plan.Has(plan.CreateAnew) {
		for _, note := range r.placement.Notes {
			r.say(note)
		}
		r.warnAll(r.placement.Warnings)
	}
	for _, a := range actions {
		if err := r.createAction(ctx, a); err != nil {
			return err
		}
	}
	return r.step(r.phase.To, "Container created")
}

// created follows the create task to its end.
func (r *Run) created(ctx context.Context) error {
	res, err := r.followTask(ctx, r.upid)
	if err != nil {
		r.afterCreate(ctx, err)
		return err
	}
	r.warnAll(res.Warnings)
	r.hostKeys = pve.SSHFingerprints(res.Lines)
	if err := r.record.PinHostKeys(ctx, r.hostKeys); err != nil {
		return err
	}
	if err := r.madeFromImage(ctx, res.Lines); err != nil {
		return err
	}
	if err := r.fromImage(ctx); err != nil {
		return err
	}
	return r.mark(ctx, event.Creating, plan.ItemCreate, plan.Done, plan.Detail{UPID: r.upid})
}

// createAction executes one action.
func (r *Run) createAction(ctx context.Context, a plan.Action) error {
	switch a.Kind {
	case plan.FollowCreate:
		r.upid = r.situation.Create
		r.placement = &pve.Placement{Node: r.recorded.Node, CTID: r.ctid}
		r.say(fmt.Sprintf("Container %d on %s: %s", r.ctid, r.recorded.Node, r.situation.Why))
		return r.created(ctx)
	case plan.RemoveHalf:
		return r.remake(ctx)
	case plan.Download:
		return r.download(ctx)
	case plan.CreateAnew:
		if err := r.createAnew(ctx); err != nil {
			return err
		}
		return r.created(ctx)
	case plan.SetOnNode:
		return r.setOnNode(ctx)
	}
	return nil
}

// download downloads the OS template to the storage that was chosen for it.
func (r *Run) download(ctx context.Context) error {
	t := r.placement.Template
	does := fmt.Sprintf("Downloading %s to %s", t.Name, t.Storage)
	if t.Image != "" {
		does = fmt.Sprintf("Pulling %s to %s", t.Image, t.Storage)
	}
	if err := r.step(8, does); err != nil {
		return err
	}
	return r.host.PVE.Download(ctx, r.placement, r.watch())
}

// createAnew asks for the container at the place that was chosen for it. Its create task runs
// when this returns.
func (r *Run) createAnew(ctx context.Context) error {
	if err := r.record.SealPassword(ctx, r.job.Password); err != nil {
		return err
	}
	created, err := r.claim(ctx)
	r.upid = created.UPID
	if err != nil {
		return err
	}
	return r.step(12, fmt.Sprintf("Container %d on %s is being made from %s", r.ctid, r.placement.Node, r.placement.Template.Name))
}

// choosePlace chooses a place for a container that will be created, which checks everything
// that Proxmox can tell before. Of one that is half made, the id is still in use: it will be
// free when the rest of it is removed, and is taken again.
func (r *Run) choosePlace(ctx context.Context) error {
	if !r.situation.ToCreate() {
		return nil
	}
	spec, half := r.job.Spec, r.situation.State == plan.HalfMade
	if r.placed != "" {
		spec.Node = r.placed
	}
	if half {
		spec.CTID = 0
	}
	way := WayOf(r.host.SSH)
	if r.job.Bake == nil {
		way.Baked = BakedWish(r.job, r.Command("template", "bake", r.job.Template.Name))
	}
	p, err := r.host.PVE.Resolve(ctx, spec, way)
	if err != nil {
		return err
	}
	if err := CheckApplication(r.job, p, r.host.SSH); err != nil {
		return err
	}
	if err := CheckNode(ctx, r.host.SSH, spec, p); err != nil {
		return err
	}
	if half {
		p.CTID = r.ctid
	}
	r.placement = p
	if r.Room != nil {
		return r.Room(ctx, p.Node)
	}
	return nil
}

// claim asks for the container. It records the id before each try and the task afterwards,
// so that a killed process leaves nothing unknown.
func (r *Run) claim(ctx context.Context) (pve.Created, error) {
	p := r.placement
	r.mac = pve.NewMAC()
	req := pve.CreateRequest{Spec: r.job.Spec, SSHKeys: []string{r.host.Key}, Placement: p, Password: r.job.Password, MAC: r.mac, Watch: r.watch(), Mine: r.madeThis}
	if p.MarkerAllowed {
		req.Description = pve.Marker(r.recordID)
	} else {
		r.warn("the login may not set a description, so the container carries no ownership mark; its id, task and MAC are remembered instead",
			"grant VM.Config.Options to the login")
	}
	created, err := r.host.PVE.Create(ctx, req, func(ctid int) error {
		r.ctid = ctid
		r.exists(outcome.Asked)
		r.Bus.SetPlace(ctid, p.Node)
		return r.record.Update(ctx, func(c *lxc.Container) {
			c.CTID, c.Node, c.MAC = ctid, p.Node, r.mac
			c.OSTemplate, c.Marked, c.UPID = p.Template.VolID, p.MarkerAllowed, ""
			c.Image, c.Baked = p.Image, ""
			if p.Baked != nil { // it stands for the OS template that is in it
				c.OSTemplate, c.Baked = p.Baked.OS.VolID, p.Baked.VolID
			}
		})
	})
	if err != nil {
		var said *pve.Error
		if errors.As(err, &said) && said.Status != 0 || errors.Is(err, pve.ErrTaken) {
			r.exists(outcome.NotAsked) // Proxmox has answered, and refused
		}
		return created, err
	}
	return created, r.record.Update(ctx, func(c *lxc.Container) { c.UPID = created.UPID })
}

// madeThis decides whether a request without an answer made the container that has its id
// now. Only the MAC counts: an earlier request of this record may have left a container with
// the same mark.
func (r *Run) madeThis(seen pve.Seen) bool {
	f := ownership.Facts{Record: lxc.Container{RecordID: r.recordID, CTID: r.ctid, MAC: r.mac}, Login: r.host.PVE.Login()}
	return f.With(seen).Owner().Mine()
}

// afterCreate finds out what a create task that ended with err has left. Proxmox removes what
// it has made, but not if the worker itself was killed, for example by a reboot of the node.
func (r *Run) afterCreate(ctx context.Context, err error) {
	if !pve.IsKind(err, pve.TaskFailed) {
		return
	}
	f := r.facts(r.ctid, r.upid)
	cfg, err := r.host.PVE.Config(ctx, r.placement.Node, r.ctid)
	switch {
	case err == nil:
		f.Config = &cfg
	case !pve.IsKind(err, pve.NotFound):
		return // it is not known
	}
	switch owner := f.Owner(); {
	case owner == ownership.Gone:
		r.exists(outcome.CleanedUp)
	case owner == ownership.Theirs:
		r.exists(outcome.Foreign)
	case cfg.Lock == "create" && cfg.Blank():
		r.exists(outcome.Locked)
	}
}

// watch turns the log lines of a task into events, and its waits into messages.
func (r *Run) watch() pve.Watch {
	return pve.Watch{
		Line: func(line string) {
			if line == "TASK OK" {
				return // the step that follows says so
			}
			r.noteErr(r.Bus.Emit(event.Event{Type: event.Log, Step: r.phase.Name, Message: line, Stream: event.Stdout}))
		},
		Waiting: r.say,
	}
}

func (r *Run) warnAll(warnings []string) {
	for _, w := range warnings {
		r.warn(w, "")
	}
}
