package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/fleet"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/placement"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/template"
)

// createFleet is create -f.
func (o *createOptions) createFleet(cmd *cobra.Command) error {
	if o.name != "" {
		return usagef("-f takes the names of containers from the file, and NAME is not for it")
	}
	r, err := newFleetRun(cmd, o.app, &o.many, fleet.Create, "plan", "publish", "on-failure", "junit", "locked")
	if err != nil {
		return err
	}
	return r.make(cmd.Context(), fleetFlags{plan: o.plan, publish: o.publish, onFailure: o.onFailure})
}

// resumeFleet is resume -f.
func (o *resumeOptions) resumeFleet(cmd *cobra.Command) error {
	r, err := newFleetRun(cmd, o.app, &o.many, fleet.Resume, "plan", "publish", "junit", "template-changed")
	if err != nil {
		return err
	}
	return r.make(cmd.Context(), fleetFlags{plan: o.plan, publish: o.publish, onFailure: "keep", templateChanged: o.templateChanged})
}

// fleetFlags are the flags of a command that concern each container of a fleet.
type fleetFlags struct {
	plan, publish, templateChanged bool
	onFailure                      string
}

// make creates what there is not, and with resume goes on with what is not finished.
func (r *fleetRun) make(ctx context.Context, flags fleetFlags) error {
	a := r.app
	if _, err := a.lookInto(ctx); err != nil {
		return err
	}
	a.looked = &looked{app: a, known: map[string]*template.Template{}, told: map[*template.Template]bool{}}
	if err := r.look(ctx); err != nil {
		return err
	}
	r.enroll(map[fleet.Action]string{fleet.Make: "created", fleet.GoOn: "resumed"})
	if err := r.prepare(ctx, flags); err != nil {
		return err
	}
	if flags.plan {
		return r.show(ctx, flags)
	}
	r.strays()
	if err := r.crew.enlist(ctx); err != nil {
		return err
	}
	r.crew.slots = r.slots
	return r.crew.run(ctx, func(ctx context.Context, b *app, i int, free func()) error {
		s := &r.plan.Steps[i]
		switch s.Action {
		case fleet.Make:
			u := r.units[s.Name]
			u.free = free
			return r.begin(ctx, b, i, u)
		case fleet.GoOn:
			return r.goOn(ctx, b, s, flags)
		}
		return r.leave(ctx, b, s)
	})
}

// prepare makes every check of every container, and chooses the places.
func (r *fleetRun) prepare(ctx context.Context, flags fleetFlags) error {
	if err := r.crew.check(ctx, func(ctx context.Context, i int) error { return r.want(ctx, i, flags) }); err != nil {
		return err
	}
	if err := r.place(ctx); err != nil {
		return err
	}
	if err := r.crew.check(ctx, func(ctx context.Context, i int) error {
		s := r.plan.Steps[i]
		u := r.units[s.Name]
		if u == nil {
			return nil
		}
		u.placed, u.why = s.Node, s.Why
		if _, err := u.taken(ctx, u.want.job.Spec); err != nil {
			return err
		}
		var err error
		u.ready, err = u.preflight(ctx, u.want.job)
		return err
	}); err != nil {
		return err
	}
	var units []*unit
	for _, s := range r.plan.Steps {
		if u := r.units[s.Name]; u != nil {
			units = append(units, u)
		}
	}
	numberIDs(units)
	return nil
}

// want finds out what a container that is created asks for.
func (r *fleetRun) want(ctx context.Context, i int, flags fleetFlags) error {
	s := r.plan.Steps[i]
	if s.Action != fleet.Make {
		return nil
	}
	b := r.crew.apps[i]
	o, cmd := newCreate(b)
	b.junit = r.app.junit // the command has just registered its flag for its own report
	o.name, o.plan, o.publish, o.onFailure, o.fleet = s.Name, flags.plan, flags.publish, flags.onFailure, r.file.Name
	settings := s.Settings
	for flag, text := range map[string]string{"ip": s.IPText, "ip6": s.IP6Text} {
		if text != "" {
			settings = append(settings[:len(settings):len(settings)], fleet.Setting{Flag: flag, Value: text})
		}
	}
	for _, set := range settings {
		if err := cmd.Flags().Set(set.Flag, set.Value); err != nil {
			return r.at(s, usagef("--%s: %w", set.Flag, err))
		}
	}
	if err := checkFlags(cmd.Flags()); err != nil {
		return r.at(s, err)
	}
	u := &unit{createOptions: o}
	var err error
	if u.want, err = u.wanted(ctx); err != nil {
		return r.at(s, err)
	}
	r.moves.Lock()
	r.units[s.Name] = u
	r.moves.Unlock()
	return nil
}

// at names the place in the file of a container that cannot be made.
func (r *fleetRun) at(s fleet.Step, err error) error {
	f := *r.app.explain(err)
	f.Message = s.Where + ": " + f.Message
	return &failure{&f}
}

// place chooses the nodes, and decides again.
func (r *fleetRun) place(ctx context.Context) error {
	p := r.app.shared
	defer r.app.waiting("Proxmox to list its nodes and storages", 0)()
	k, err := p.pve.Cluster(ctx)
	if err != nil {
		return err
	}
	r.cluster = k
	r.world.Nodes, r.world.Wants = k.Nodes, map[string]placement.Want{}
	for i, s := range r.plan.Steps {
		var spec lxc.Spec
		switch u := r.units[s.Name]; {
		case u != nil:
			spec = p.defaults(u.want.job.Spec)
		case s.Action == fleet.GoOn && s.Record.CTID == 0:
			c, err := r.app.store.Record(ctx, s.Record.ID)
			if err != nil {
				return err
			}
			was, err := r.crew.apps[i].recordOf(c).Asked(ctx, false)
			if err != nil || was == nil {
				return err
			}
			spec = p.defaults(was.Spec)
		default:
			continue
		}
		w := wantOf(spec)
		if w.Archive, err = k.Archives(ctx, spec.OSChoices()); err != nil {
			return err
		}
		r.world.Wants[s.Name] = w
	}
	return r.decide()
}

// slots are what a container occupies until its create task has ended.
func (r *fleetRun) slots(i int) []string {
	s := r.plan.Steps[i]
	u := r.units[s.Name]
	if u == nil {
		return nil
	}
	slots := []string{"node " + r.nodeOf(u)}
	if storage := u.ready.placement.Storage; r.cluster.Shared(storage) {
		slots = append(slots, sharedSlot+storage)
	}
	return slots
}

// goOn goes on with a container that is not finished.
func (r *fleetRun) goOn(ctx context.Context, b *app, s *fleet.Step, flags fleetFlags) error {
	c, err := b.findThere(ctx, s.Record.ID)
	if err != nil {
		return err
	}
	o := &resumeOptions{app: b, publish: flags.publish, templateChanged: flags.templateChanged}
	if s.Record.CTID == 0 {
		o.placed = s.Node
	}
	return o.resume(ctx, c)
}

// show prints what would happen to every container.
func (r *fleetRun) show(ctx context.Context, flags fleetFlags) error {
	doc := fleetPlan{Fleet: r.file.Name, Containers: make([]containerPlan, len(r.plan.Steps))}
	var g errgroup.Group
	g.SetLimit(8)
	for i, s := range r.plan.Steps {
		p := &doc.Containers[i]
		*p = containerPlan{Name: s.Name, Action: string(s.Action), Node: s.Node, Why: s.Why, After: s.After}
		switch s.Action {
		case fleet.Make:
			steps, err := r.units[s.Name].ready.plan()
			if err != nil {
				return err
			}
			p.planDocument, p.Node = &steps, steps.Placement.Node
		case fleet.GoOn:
			g.Go(func() error { return r.showResume(ctx, i, p, flags) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, s := range r.plan.Strays {
		doc.Strays = append(doc.Strays, s.Name)
	}
	return r.app.showFleetPlan(doc)
}

// showResume plans the resume of one container.
func (r *fleetRun) showResume(ctx context.Context, i int, p *containerPlan, flags fleetFlags) error {
	b, s := r.crew.apps[i], r.plan.Steps[i]
	c, err := b.findThere(ctx, s.Record.ID)
	if err != nil {
		return err
	}
	var steps []provision.PlanStep
	b.outlook = &steps
	o := &resumeOptions{app: b, plan: true, templateChanged: flags.templateChanged}
	if s.Record.CTID == 0 {
		o.placed = s.Node
	}
	err = o.resume(ctx, c)
	p.planDocument = &planDocument{Template: c.Template, Host: c.Host, Steps: steps}
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// moves guards what changes when a container moves to another node.
type moves struct {
	sync.Mutex
	created map[string]bool // their create task has ended, or they have failed: they show in a node's memory
}

// sharedSlot is the prefix of a slot for a storage that several nodes share.
const sharedSlot = "storage "
