package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// taken returns the container on record that has the NAME, nil if none has. It refuses a key
// that cannot seal and an address in use. It reads the catalogue only if there is one.
func (o *createOptions) taken(ctx context.Context, spec lxc.Spec) (*lxc.Container, error) {
	a := o.app
	host, err := a.hostName()
	if err != nil {
		return nil, err
	}
	hostID, err := a.hostBefore(ctx, host)
	if err != nil {
		return nil, err
	}
	if err := a.mayKeep(); err != nil || hostID == "" {
		return nil, err
	}
	c, err := a.store.Named(ctx, hostID, spec.Hostname)
	if err != nil {
		return nil, err
	}
	if c != nil {
		c.Host = host // the name that the user typed
		return c, nil
	}
	return nil, a.unheld(ctx, hostID, spec)
}

// preflight makes every check that Proxmox can answer and chooses a place for the container.
// It touches nothing.
func (o *createOptions) preflight(ctx context.Context, job plan.Job) (prepared, error) {
	a := o.app
	defer a.waiting("Proxmox to list its nodes and storages", 0)()
	ready := prepared{job: job}
	p, err := a.open(ctx)
	if err != nil {
		return ready, err
	}
	if err := a.maySee(ctx, p); err != nil {
		return ready, err
	}
	spec := p.defaults(job.Spec)
	if err := provision.CheckWayIn(p.ssh, spec); err != nil {
		return ready, err
	}
	ready.place = p
	spec.Node = orElse(o.placed, spec.Node)
	way := provision.WayOf(p.ssh)
	wish := job
	wish.Spec = spec
	way.Baked = provision.BakedWish(wish, a.command("template", "bake", orElse(o.template, job.Template.Name)))
	if ready.placement, err = p.pve.Resolve(ctx, spec, way); err != nil {
		return ready, err
	}
	if o.placed != "" && o.why != "" {
		ready.placement.Notes = append([]string{"node " + o.placed + ": " + o.why}, ready.placement.Notes...)
	}
	if err := provision.CheckApplication(job, ready.placement, p.ssh); err != nil {
		return ready, err
	}
	return ready, provision.CheckNode(ctx, p.ssh, spec, ready.placement)
}

// showPlan prints what a create would do.
func (o *createOptions) showPlan(ready prepared) error {
	doc, err := ready.plan()
	if err != nil {
		return err
	}
	if o.app.global.json {
		return ui.WriteJSON(o.app.streams, doc)
	}
	return o.app.printPlan(doc.Steps)
}

// plan is what a create would do.
func (ready prepared) plan() (planDocument, error) {
	job, p := ready.job, ready.place
	job.Spec = p.defaults(job.Spec)
	steps, err := provision.Plan(job, ready.placement, p.ssh)
	return planDocument{Template: job.Template.Name, Host: p.name, Spec: job.Spec, Placement: ready.placement, Steps: steps}, err
}

// mayKeep returns the error that keeping a record would meet: in the state folder, or with
// the keys. It makes nothing.
func (a *app) mayKeep() error {
	if err := store.CheckFolder(a.cfg.Paths.StateDir); a.store == nil && err != nil {
		return err
	}
	if err := a.checkKey(); err != nil {
		return err
	}
	for _, path := range []string{a.cfg.Paths.KeyFile(), a.cfg.Paths.SSHKey()} {
		if _, err := os.Stat(path); err == nil || path == a.cfg.Paths.KeyFile() && os.Getenv(vault.EnvKey) != "" {
			continue
		}
		if err := store.CheckFolder(filepath.Dir(path)); err != nil {
			return failf(exit.Other, "cannot make the key %s: %w", path, errors.Unwrap(err)).
				hint("choose a folder that you may write with XDG_CONFIG_HOME")
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

// maySee is mayEnter before the last check: it reads the tool's own key, and makes none.
func (a *app) maySee(ctx context.Context, p *place) (err error) {
	if _, err := os.Stat(a.cfg.Paths.SSHKey()); err == nil {
		return a.mayEnter(ctx, p)
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
