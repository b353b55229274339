package provision

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// PlanSync compares a running container with its template, in three remote commands, and
// changes nothing. The run's record must discard what is written to it.
func (r *Run) PlanSync(ctx context.Context, q SyncRequest) (plan.Report, error) {
	defer r.closeGuest()
	r.apply(q)
	defer r.wait("Proxmox and the container to report their state", 0)()
	if err := r.lookBack(ctx); err != nil {
		return plan.Report{}, err
	}
	if err := r.mustRun(); err != nil {
		return plan.Report{}, err
	}
	enter := r.enterReady
	if r.application {
		enter = r.enterApplication
	}
	if err := enter(ctx); err != nil {
		return plan.Report{}, err
	}
	if err := r.lookInside(ctx); err != nil {
		return plan.Report{}, err
	}
	w := r.world()
	var err error
	if w.Way, err = r.wayIn(); err != nil {
		return plan.Report{}, err
	}
	report := plan.ReportOf(r.request(), w)
	var env []plan.FileDiff
	if text := plan.EnvDiff(r.request(), w); q.Diff && text != "" {
		env = []plan.FileDiff{{Target: "environment", Diff: "--- environment on Proxmox\n+++ environment of the template\n" + r.Bus.Redact(text)}}
		report.Diffs = env
	}
	if r.application && r.guest == nil {
		return report, nil
	}
	if q.Diff {
		if report.Diffs, err = r.diffs(ctx); err != nil {
			return report, err
		}
		report.Diffs = append(env, report.Diffs...)
	}
	report.Services, err = r.serviceDrift(ctx)
	return report, err
}

// serviceDrift asks which declared services run now, without waiting for them.
func (r *Run) serviceDrift(ctx context.Context) ([]plan.ServiceDrift, error) {
	out := []plan.ServiceDrift{}
	declared, err := r.declared()
	if err != nil || len(declared) == 0 {
		return out, err
	}
	report, err := r.probe(ctx, discover.Options{Declared: declared, Look: true})
	if err != nil {
		return out, err
	}
	for _, s := range report.Services(r.address.String(), declared) {
		if !s.Declared {
			continue
		}
		state := string(s.Status)
		if s.Status != lxc.Running {
			state = "not " + string(lxc.Running)
		}
		drift := plan.ServiceDrift{Name: s.Name, State: state, Sync: []string{}}
		for i, t := range r.job.Template.Services {
			if t.Name == s.Name && i < len(r.inside.Drift.Services) {
				drift.Mend(r.inside.Drift.Services[i])
			}
		}
		out = append(out, drift)
	}
	return out, nil
}
