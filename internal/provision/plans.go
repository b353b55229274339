package provision

import (
	"context"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// PlanStep is what one phase would do.
type PlanStep struct {
	Phase string   `json:"step"`
	Title string   `json:"title"`
	Does  []string `json:"does"` // one action a line
}

// steps writes a plan down, phase by phase.
func steps(p plan.Plan) []PlanStep {
	var out []PlanStep
	for _, phase := range Phases {
		out = append(out, PlanStep{Phase: string(phase.Name), Title: phase.Title, Does: append([]string{}, p.Lines(phase.Name)...)})
	}
	return out
}

// Plan is what a create of this job at this place would do, and how it would get inside. It
// asks nobody and changes nothing. Its error is a way inside that cannot work at all.
func Plan(job plan.Job, p *pve.Placement, ssh guest.Options) ([]PlanStep, error) {
	w := plan.World{Placement: p, OnNode: p.OnNode, Login: plan.Login{Node: ssh.Node != nil}}
	var err error
	if w.Application() {
		w.Way, err = ssh.ApplicationWays(job.Spec.Network.Addressed())
		if err != nil {
			w.NoShell = "there is no way in"
			err = nil
		}
	} else {
		w.Way, err = wayIn(ssh, job.Spec.Network.Addressed())
	}
	if err != nil {
		return nil, err
	}
	return steps(plan.Decide(plan.Request{Verb: plan.Create, Job: job}, w)), nil
}

// CheckWayIn refuses a container that this program could not get into, with create's words.
func CheckWayIn(ssh guest.Options, spec lxc.Spec) error {
	_, err := wayIn(ssh, spec.Network.Addressed())
	return err
}

// wayIn says how a guest will be entered. If no way can work it returns an error with the exit
// status of a wrong setting, so that nothing is created.
func wayIn(ssh guest.Options, address bool) (string, error) {
	way, err := ssh.Ways(address)
	if err != nil {
		f := exit.Explain(err)
		f.Status = exit.Usage
		return "", f
	}
	return way, nil
}

// wayIn says how the guest was entered, or will be. It fails as the function wayIn does.
func (r *Run) wayIn() (string, error) {
	if r.application && r.guest == nil {
		way, err := r.host.SSH.ApplicationWays(r.address.IsValid() || r.job.Spec.Network.Addressed())
		if err != nil {
			way = "from outside only"
		}
		return way, nil
	}
	if r.guest != nil {
		return r.host.SSH.Way(r.guest.Transport(), r.opening.notes), nil
	}
	return wayIn(r.host.SSH, r.address.IsValid() || r.job.Spec.Network.Addressed())
}

// request is what the run was asked for.
func (r *Run) request() plan.Request {
	return plan.Request{Verb: r.verb, Job: r.job, From: r.from, Sync: r.how}
}

// world is what the run has found.
func (r *Run) world() plan.World {
	rec := r.recorded
	rec.CTID = r.ctid
	var onNode []pve.Setting
	if r.host.PVE != nil {
		onNode = r.host.PVE.OnNode(r.job.Spec)
	} else if r.placement != nil { // a create decides before it connects
		onNode = r.placement.OnNode
	}
	return plan.World{
		NoShell: r.noShell,
		Record:  rec, Marks: r.marks, Situation: r.situation, Placement: r.placement, OnNode: onNode, Inside: r.inside, Login: r.login(),
	}
}

// decide makes the plan from what was found so far.
func (r *Run) decide() {
	r.plan = plan.Decide(r.request(), r.world())
	if r.Decided != nil {
		r.Decided(r.plan)
	}
}

// lookInside asks the guest about the programs that earlier runs have started and, if the
// decision needs it, how its files and packages differ from the template. Then it decides
// again. Credentials that the programs have saved become secrets of this run, so that the
// output which it follows later is redacted.
func (r *Run) lookInside(ctx context.Context) error {
	if r.application && r.guest == nil {
		r.inside = &plan.Inside{Drift: &configmanager.Drift{}}
		r.decide()
		return nil
	}
	var dirs []string
	for _, item := range r.programs() {
		if m := r.marks.Of(event.Syncing, item); m.Dir != "" {
			dirs = append(dirs, m.Dir)
		}
	}
	inside := &plan.Inside{}
	err := r.reading(ctx, func() (err error) {
		inside.Attempts, err = guest.Look(ctx, r.guest, dirs, r.learnSecret)
		return err
	})
	if err != nil {
		return err
	}
	if r.inside = inside; r.application { // only its scripts are compared, by the record
		inside.Drift = &configmanager.Drift{}
	}
	if plan.NeedsInput(r.request(), r.world()) {
		if inside.Wants, err = r.input(); err != nil {
			return err
		}
	}
	if plan.NeedsDrift(r.request(), r.world()) {
		drift, err := r.drift(ctx, inside.Wants)
		if err != nil {
			return err
		}
		inside.Drift = &drift
	}
	r.decide()
	return nil
}

// programs are the config-manager and the scripts.
func (r *Run) programs() []string {
	items := []string{plan.ItemManager}
	for _, s := range r.job.Scripts() {
		items = append(items, s.Name)
	}
	return items
}

// PlanResume is what Resume would do, phase by phase. It changes nothing: it asks Proxmox
// and, if the container runs, the guest. The run's record must discard what is written to
// it.
func (r *Run) PlanResume(ctx context.Context, q ResumeRequest) ([]PlanStep, error) {
	r.goOn(q)
	defer r.closeGuest()
	defer r.wait("Proxmox and the container to report their progress", 0)()
	if err := r.lookBack(ctx); err != nil {
		return nil, err
	}
	if r.situation.Runs() {
		enter := r.enterReady
		if r.application {
			enter = r.enterApplication
		}
		if err := enter(ctx); err != nil {
			return nil, err
		}
		if err := r.lookInside(ctx); err != nil {
			return nil, err
		}
	}
	w := r.world()
	var err error
	if w.Way, err = r.wayIn(); err != nil {
		return nil, err
	}
	decided := plan.Decide(r.request(), w)
	if i := slices.IndexFunc(decided.Actions, func(a plan.Action) bool { return a.Kind == plan.Refuse }); i >= 0 {
		refuse := &decided.Actions[i]
		refuse.Lines = append(refuse.Lines, r.conflict(decided.Refused).Hints...)
	}
	return steps(decided), nil
}

func (r *Run) closeGuest() {
	if r.guest != nil {
		r.guest.Close()
	}
}
