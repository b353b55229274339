package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
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
	if err := a.maySee(p); err != nil {
		return err
	}
	job.Spec = p.defaults(job.Spec)
	if err := provision.CheckWayIn(p.ssh, job.Spec); err != nil {
		return err
	}
	placement, err := p.pve.Resolve(ctx, job.Spec, provision.Inside(p.host.SSH.Transport)...)
	if err != nil {
		return err
	}
	steps, err := provision.Plan(job, placement, p.ssh)
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

// unclaimed refuses in a plan what create refuses by the catalogue, in create's order: a
// key that cannot seal, an address in use, and a NAME that a living record has, unless
// --if-exists says what to do then. It reads the catalogue only if there is one.
func (o *createOptions) unclaimed(ctx context.Context, spec lxc.Spec) error {
	list, hostID, err := o.app.recorded(ctx, false)
	if err != nil {
		return err
	}
	if err := o.app.checkKey(); err != nil || hostID == "" {
		return err
	}
	if err := o.app.unheld(ctx, hostID, spec); err != nil {
		return err
	}
	for _, c := range list {
		if o.ifExists == "fail" && strings.EqualFold(c.Hostname, spec.Hostname) {
			return &store.NameTaken{Existing: c}
		}
	}
	return nil
}

// checkKey returns the error that sealing would meet, and makes neither a key nor a
// catalogue.
func (a *app) checkKey() error {
	v := a.vault
	if v == nil {
		var err error
		if v, err = vault.Open(vault.Options{KeyFile: a.cfg.Paths.KeyFile()}); err != nil {
			return err
		}
	}
	return v.Check()
}

// maySee is mayEnter for a plan: it reads the tool's own key, and makes none.
func (a *app) maySee(p *place) (err error) {
	if _, err := os.Stat(a.cfg.Paths.SSHKey()); err == nil {
		return a.mayEnter(p)
	}
	p.ssh, err = p.waysIn()
	return err
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
