package provision

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// deploy gets inside, waits until the guest is ready, looks at what earlier runs have left,
// and does what is decided then.
func (r *Run) deploy(ctx context.Context) error {
	if err := r.step(r.phase.From, "Connecting to the container"); err != nil {
		return err
	}
	if r.application {
		return r.deployApplication(ctx)
	}
	if err := r.enterReady(ctx); err != nil {
		return err
	}
	if err := r.lookInside(ctx); err != nil {
		return err
	}
	for _, a := range r.plan.In(event.Deploying) {
		if err := r.deployAction(ctx, a); err != nil {
			return err
		}
	}
	if r.plan.Has(plan.Ship) {
		return nil
	}
	r.staging = r.marks.Of(event.Deploying, plan.ItemShip).Stage
	return r.step(r.phase.To, "Template files were deployed before")
}

// deployAction executes one action. Enter was executed before, because the plan was decided
// inside the guest. A Ship ships all files in one stream, so a ShipFile does nothing.
func (r *Run) deployAction(ctx context.Context, a plan.Action) error {
	switch a.Kind {
	case plan.Refuse:
		return r.refusal()
	case plan.Removed, plan.Stays, plan.LeaveOut:
		r.say(strings.Join(a.Lines, "\n"))
	case plan.KeepJob:
		r.say("Nothing differs from the template" + r.butFor())
		return r.keepJob(ctx)
	case plan.Snapshot:
		return r.takeSnapshot(ctx)
	case plan.Redo:
		return r.redo(ctx, a.Item)
	case plan.Change:
		if err := r.claimSettings(ctx); err != nil {
			return err
		}
		return r.beginChange(ctx)
	case plan.Configure:
		return r.configure(ctx, a)
	case plan.Restart:
		return r.restart(ctx)
	case plan.Configured:
		return r.configured(ctx)
	case plan.ShipScripts:
		return r.shipScripts(ctx)
	case plan.Ship:
		return r.shipAll(ctx, r.plan.Input)
	}
	return nil
}

// shipAll ships the config-manager, the scripts and the files of in.
func (r *Run) shipAll(ctx context.Context, in configmanager.Input) error {
	bundle, err := r.bundle(in)
	if err != nil {
		return err
	}
	if err := r.step(50, "Installing config-manager"); err != nil {
		return err
	}
	if err := r.ship(ctx, bundle); err != nil {
		return err
	}
	n := len(in.Files) - unshipped(in)
	return r.step(r.phase.To, fmt.Sprintf("Template files deployed (%d)", n))
}

// enterReady gets inside and waits until the guest is ready. A resume may find
// the container running already.
func (r *Run) enterReady(ctx context.Context) error {
	if r.opening == nil {
		if err := r.findAddress(ctx, r.placement.Node); err != nil {
			return err
		}
		r.openSoon(ctx)
		close(r.opening.up)
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	if err := r.waitReady(ctx, guest.Ready{Network: r.needsNetwork()}); err != nil {
		return err
	}
	facts := r.guestFacts
	r.say(fmt.Sprintf("Inside %s by way of the %s, %s", facts.OSName, r.guest.Transport(), facts.Init))
	return nil
}

// needsNetwork reports whether the guest must have a route before the work begins: packages
// will be installed. A container that is given no address will never have one; its package
// manager may install from a folder, and reports the error otherwise.
func (r *Run) needsNetwork() bool {
	if !r.job.Spec.Network.Addressed() {
		return false
	}
	p := r.job.Template.Packages
	return len(r.job.Packages) > 0 || len(p.Names) > 0 || len(p.Custom) > 0
}

// input is the template's files and packages, as the config-manager reads them.
func (r *Run) input() (configmanager.Input, error) {
	t := r.job.Template
	in := configmanager.Input{
		Template: t.Name, RecordID: r.recordID, ConfigPath: t.ConfigPath, SyncOnBoot: t.SyncOnBoot,
		RepoURL: r.job.ConfigRepoURL, Branch: r.job.ConfigBranch, Later: r.verb == plan.Sync,
		Packages: r.packages(), Notifies: r.job.Notifies(),
	}
	for _, s := range t.Services {
		in.Services = append(in.Services, configmanager.Service{Unit: s.UnitName(), Enabled: s.Enabled})
	}
	for _, c := range t.Packages.Custom {
		in.Custom = append(in.Custom, configmanager.CustomPackage(c))
	}
	for _, f := range t.Directories {
		in.Folders = append(in.Folders, configmanager.Folder(f))
	}
	for _, f := range t.Files {
		file := configmanager.File{Target: f.Target, Policy: string(f.Policy), Mode: f.Mode, Owner: f.Owner, Check: f.Check, Notify: plan.Units(f.Notify)}
		if f.Expand {
			content, err := f.Content(r.job.Values)
			if err != nil {
				return in, err
			}
			file.Content = content
		} else {
			file.Open, file.Size, file.SHA256 = f.Open, f.Size, f.SHA256
		}
		in.Files = append(in.Files, file)
	}
	return in, nil
}

// bundle returns all files that are shipped to the guest.
func (r *Run) bundle(in configmanager.Input) ([]guest.File, error) {
	files, err := configmanager.Bundle(in)
	for _, s := range r.job.Template.EnabledScripts() { // those that are skipped, too: a later run may not
		files = append(files, guest.File{Path: "scripts/" + s.Name, Mode: 0o700, Content: s.Content})
	}
	return files, err
}

func unshipped(in configmanager.Input) (n int) {
	for _, f := range in.Files {
		if f.Unshipped {
			n++
		}
	}
	return n
}

// keepScripts returns shell text that moves the shipped scripts to the folder of this run. A
// folder that exists stays, because one of its scripts may be running.
func (r *Run) keepScripts() string {
	dir := guest.Quote(path.Join(r.runDir(), "scripts"))
	return fmt.Sprintf("\numask 077\nif [ -d scripts ] && [ ! -d %s ]; then mkdir -p %s && mv scripts %s; fi\n",
		dir, guest.Quote(r.runDir()), dir)
}

// packages are those of the template. Those of --package are added to the guest's own package
// manager.
func (r *Run) packages() map[string][]string {
	out := maps.Clone(r.job.Template.Packages.Names)
	if len(r.job.Packages) == 0 {
		return out
	}
	if out == nil {
		out = map[string][]string{}
	}
	own := r.guestFacts.PackageManager
	out[own] = append(slices.Clone(out[own]), r.job.Packages...)
	return out
}

// ship sends the bundle and puts the config-manager into place, in one remote
// command.
func (r *Run) ship(ctx context.Context, files []guest.File) error {
	return r.shipThen(ctx, files, configmanager.InstallScript())
}

// shipThen sends a bundle and runs then in the staging folder, in one remote command.
func (r *Run) shipThen(ctx context.Context, files []guest.File, then string) error {
	var out bounded
	out.limit = 8 << 10
	status, err := guest.Ship(ctx, r.guest, guest.Shipment{
		Label: "ship the config-manager and the template's files", Staging: r.staging, NoTar: r.noTar,
		Files: files, Then: then + r.keepScripts(), Stdout: &out, Stderr: &out,
	})
	if err != nil {
		return err
	}
	if status != 0 {
		return &exit.Failure{
			Status:  exit.Guest,
			Message: fmt.Sprintf("cannot install the config-manager: exit status %d", status),
			Tail:    splitLines(r.Bus.Redact(out.String())),
		}
	}
	return r.mark(ctx, event.Deploying, plan.ItemShip, plan.Done, plan.Detail{Dir: r.runDir(), SHA256: r.job.Digest(), Stage: r.staging})
}
