package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/guestfiles"
)

// deploy gets inside, waits until the guest is really ready, and ships the
// config-manager and the template's files in one stream.
func (r *Run) deploy(ctx context.Context) error {
	if err := r.step(r.phase.From, "Connecting to the container"); err != nil {
		return err
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	facts, err := guest.WaitReady(ctx, r.Guest, guest.Ready{Network: r.needsNetwork()})
	if err != nil {
		return err
	}
	r.Facts = facts
	r.say(fmt.Sprintf("Inside %s by way of the %s, %s", facts.OSName, r.Guest.Transport(), facts.Init))
	bundle, err := r.bundle()
	if err != nil {
		return err
	}
	if err := r.step(50, "Installing config-manager"); err != nil {
		return err
	}
	if err := r.ship(ctx, bundle); err != nil {
		return err
	}
	return r.step(r.phase.To, fmt.Sprintf("Template files deployed (%d)", len(r.Job.Template.Files)))
}

// needsNetwork reports whether packages are to be installed, for which a route
// must be there.
func (r *Run) needsNetwork() bool {
	p := r.Job.Template.Packages
	return len(r.Job.Packages) > 0 || len(p.Names) > 0 || len(p.Custom) > 0
}

// bundle is everything that goes into the guest.
func (r *Run) bundle() ([]guest.File, error) {
	t := r.Job.Template
	in := guestfiles.Input{
		Template: t.Name, RecordID: r.RecordID, ConfigPath: t.ConfigPath, SyncOnBoot: t.SyncOnBoot,
		RepoURL: r.Job.ConfigRepoURL, Branch: r.Job.ConfigBranch,
		Packages: r.packages(),
	}
	for _, c := range t.Packages.Custom {
		in.Custom = append(in.Custom, guestfiles.CustomPackage(c))
	}
	for _, f := range t.Files {
		file := guestfiles.File{Target: f.Target, Policy: string(f.Policy), Mode: f.Mode, Owner: f.Owner}
		if f.Expand {
			content, err := f.Content(r.Job.Values)
			if err != nil {
				return nil, err
			}
			file.Content = content
		} else {
			file.Open, file.Size, file.SHA256 = f.Open, f.Size, f.SHA256
		}
		in.Files = append(in.Files, file)
	}
	files, err := guestfiles.Bundle(in)
	for _, s := range scriptsOf(r.Job) {
		files = append(files, guest.File{Path: "scripts/" + s.Name, Mode: 0o700, Content: s.Content})
	}
	return files, err
}

// keepScripts moves the scripts that came in the same stream to where their
// attempts find them. What is there already stays: it may be running.
func (r *Run) keepScripts() string {
	dir := guest.Quote(r.scriptsDir())
	return fmt.Sprintf("\numask 077\nif [ -d scripts ] && [ ! -d %s ]; then mkdir -p %s && mv scripts %s; fi\n",
		dir, guest.Quote(r.runDir()), dir)
}

// packages are the template's and, for the guest's own manager, --package's.
func (r *Run) packages() map[string][]string {
	out := maps.Clone(r.Job.Template.Packages.Names)
	if len(r.Job.Packages) == 0 {
		return out
	}
	if out == nil {
		out = map[string][]string{}
	}
	own := r.Facts.PackageManager
	out[own] = append(slices.Clone(out[own]), r.Job.Packages...)
	return out
}

// ship sends the bundle and puts the config-manager into place, in one remote
// command.
func (r *Run) ship(ctx context.Context, files []guest.File) error {
	var out bounded
	out.limit = 8 << 10
	status, err := guest.Ship(ctx, r.Guest, guest.Shipment{
		Label: "ship the config-manager and the template's files", Staging: r.Staging,
		Files: files, Then: guestfiles.InstallScript() + r.keepScripts(), Stdout: &out, Stderr: &out,
	})
	if err != nil {
		return err
	}
	if status != 0 {
		return &Failure{
			Status:  ExitGuest,
			Message: fmt.Sprintf("cannot install the config-manager: exit status %d", status),
			Tail:    splitLines(r.Bus.Secrets().Redact(out.String())),
		}
	}
	return nil
}
