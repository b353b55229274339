package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// showPlan prints what a create would do. It asks Proxmox, so that everything
// that is left open is resolved, and touches nothing.
func (o *createOptions) showPlan(ctx context.Context, job plan.Job) error {
	a := o.app
	defer a.waiting("Proxmox to list its nodes and storages", 0)()
	if err := o.unclaimed(ctx, job.Spec); err != nil {
		return err
	}
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	job.Spec = p.defaults(job.Spec)
	placement, err := p.pve.Resolve(ctx, job.Spec, provision.Inside(p.host.SSH.Transport)...)
	if err != nil {
		return err
	}
	ssh, err := p.waysIn()
	if err != nil {
		return err
	}
	steps, err := provision.Plan(job, placement, ssh)
	if err != nil {
		return err
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, planDocument{
			Template: job.Template.Name, Host: p.name, Spec: job.Spec, Placement: placement, Steps: steps,
		})
	}
	return a.printPlan(steps)
}

// unclaimed refuses in a plan what create refuses by the catalogue: a NAME that a living
// record has, unless --if-exists says what to do then, and an address in use. It reads the
// catalogue only if there is one.
func (o *createOptions) unclaimed(ctx context.Context, spec lxc.Spec) error {
	list, hostID, err := o.app.recorded(ctx, false)
	if err != nil || hostID == "" {
		return err
	}
	for _, c := range list {
		if o.ifExists == "fail" && strings.EqualFold(c.Hostname, spec.Hostname) {
			return &store.NameTaken{Existing: c}
		}
	}
	return o.app.unheld(ctx, hostID, spec)
}

// planDocument is what `create --plan --json` prints.
type planDocument struct {
	Template  string               `json:"template"`
	Host      string               `json:"host"`
	Spec      lxc.Spec             `json:"spec"`
	Placement *pve.Placement       `json:"placement"`
	Steps     []provision.PlanStep `json:"steps"`
}

func (a *app) printPlan(steps []provision.PlanStep) error {
	if !a.streams.OutTTY {
		var rows [][]string
		for _, s := range steps {
			for _, line := range s.Does {
				rows = append(rows, []string{s.Phase, line})
			}
		}
		return ui.WriteTable(a.streams, ui.Table{Columns: make([]ui.Column, 2), Rows: rows})
	}
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, ui.Clean(s.Title))
		for _, line := range s.Does {
			fmt.Fprintf(&b, "   %s\n", ui.Clean(line))
		}
	}
	_, err := fmt.Fprint(a.streams.Out, b.String())
	return err
}
