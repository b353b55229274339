package provision

import (
	"context"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// Report is how a container differs from its template, and what a sync would do.
type Report struct {
	Inside   string                       `json:"inside"` // how the guest was entered, and why so
	Files    []configmanager.FileDrift    `json:"files"`
	Packages []configmanager.PackageDrift `json:"packages"`
	// Manager is how the config-manager's last turn stands, as a script's: unless it
	// is same, files and packages are gone through although none differs.
	Manager  string         `json:"configManager"`
	Scripts  []ScriptDrift  `json:"scripts"`
	Services []ServiceDrift `json:"services"`
	// Conflicts are the targets of the files for which the sync would be refused.
	Conflicts []string `json:"conflicts"`
}

// ScriptDrift is one script: same, new, changed, failed (or died, at its last
// attempt), running, skipped, or removed from the template.
type ScriptDrift struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// ServiceDrift is one service that the template promises.
type ServiceDrift struct {
	Name  string `json:"name"`
	State string `json:"state"` // running, or how else discovery saw it
}

// Differs reports whether a sync would have anything to do, or be refused. A
// service that does not run is told, and nothing that a sync mends.
func (p Report) Differs() bool {
	for _, f := range p.Files {
		if f.Effect() != configmanager.Leave {
			return true
		}
	}
	for _, s := range p.Scripts {
		if !slices.Contains([]string{"same", "skipped", "removed"}, s.State) {
			return true
		}
	}
	return p.Manager != "same" || packagesDiffer(configmanager.Drift{Packages: p.Packages})
}

// Report compares a running container with its template, in three remote
// commands, and changes nothing. The run's record must drop what is written.
func (r *Run) Report(ctx context.Context, how plan.SyncRequest) (Report, error) {
	defer func() {
		if r.Guest != nil {
			r.Guest.Close()
		}
	}()
	r.renewing, r.Asked = true, how
	defer r.wait("Proxmox and the container to report their state", 0)()
	if err := r.lookBack(ctx); err != nil {
		return Report{}, err
	}
	if err := r.mustRun(); err != nil {
		return Report{}, err
	}
	if err := r.enterReady(ctx); err != nil {
		return Report{}, err
	}
	if err := r.takeStock(ctx); err != nil {
		return Report{}, err
	}
	in, err := r.input()
	if err != nil {
		return Report{}, err
	}
	drift, err := r.drift(ctx, in)
	if err != nil {
		return Report{}, err
	}
	report := Report{ // empty lists are [] in JSON, never null
		Files: append([]configmanager.FileDrift{}, drift.Files...), Packages: append([]configmanager.PackageDrift{}, drift.Packages...),
		Manager: r.turnState(plan.ItemManager), Scripts: append([]ScriptDrift{}, r.scriptDrift()...), Conflicts: []string{},
	}
	if report.Inside, err = r.wayIn(); err != nil {
		return report, err
	}
	_, refused := in.Differing(drift, how.Take)
	for i, f := range report.Files {
		report.Files[i] = f.Settled(how.Take)
	}
	for _, f := range refused {
		report.Conflicts = append(report.Conflicts, f.Target)
	}
	report.Services, err = r.serviceDrift(ctx)
	return report, err
}

// scriptDrift says of each script what the turns amount to.
func (r *Run) scriptDrift() []ScriptDrift {
	out := []ScriptDrift{}
	for _, s := range r.Job.Template.EnabledScripts() {
		state := "skipped"
		if !r.Job.Skips(s.Name) {
			state = r.turnState(s.Name)
		}
		out = append(out, ScriptDrift{s.Name, state})
	}
	for _, name := range r.Asked.Removed {
		out = append(out, ScriptDrift{name, "removed"})
	}
	return out
}

// turnState says of a program what its turn amounts to.
func (r *Run) turnState(item string) string {
	if r.turns[item] == turnAgain && r.marks.Of(event.Syncing, item).State == plan.Failed {
		return "failed"
	}
	return map[turn]string{turnFirst: "new", turnDone: "same", turnAttach: "running", turnAgain: "changed", turnDrain: "failed"}[r.turns[item]]
}

// serviceDrift asks which declared services run now, without waiting for them.
func (r *Run) serviceDrift(ctx context.Context) ([]ServiceDrift, error) {
	out := []ServiceDrift{}
	declared, err := r.declared()
	if err != nil || len(declared) == 0 {
		return out, err
	}
	report, err := r.probe(ctx, discover.Options{Declared: declared, Look: true})
	if err != nil {
		return out, err
	}
	for _, s := range report.Services(r.Address.String(), declared) {
		if !s.Declared {
			continue
		}
		state := string(s.Status)
		if s.Status != lxc.Running {
			state = "not " + string(lxc.Running)
		}
		out = append(out, ServiceDrift{s.Name, state})
	}
	return out, nil
}
