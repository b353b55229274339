package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// Sync applies the template as it is now to a container that runs: files that
// differ by policy, packages that are missing, scripts that are new or have
// changed. What is the same is neither shipped nor touched. An edit in the guest
// that the template also changed is refused before anything is changed, unless
// Take settles it.
func (r *Run) Sync(ctx context.Context, how plan.SyncRequest) (Result, error) {
	r.renewing, r.Asked = true, how
	err := r.lookBack(ctx)
	if err == nil {
		err = r.mustRun()
	}
	if err == nil {
		err = r.perform(ctx, Phases[2:])
	}
	return r.end(ctx, err)
}

// mustRun refuses a sync of what is not there, or not running.
func (r *Run) mustRun() error {
	name := r.Recorded.Hostname
	switch {
	case r.situation.State != plan.There:
		return &Failure{
			Status: ExitOther, Message: fmt.Sprintf("cannot sync %s: it was never finished", name), Hints: []string{r.Command("resume", name)},
		}
	case !r.situation.Running:
		return &Failure{
			Status: ExitUnreachable, Message: fmt.Sprintf("cannot sync %s: it is not running", name), Hints: []string{r.Command("start", name)},
		}
	}
	return nil
}

// renew finds out what differs, and where anything does prepares to change it: a
// snapshot, and the record. It refuses conflicts before it has changed anything.
func (r *Run) renew(ctx context.Context) error {
	in, err := r.input()
	if err != nil {
		return err
	}
	drift, err := r.drift(ctx, in)
	if err != nil {
		return err
	}
	r.Drift = &drift
	differing, refused := in.Differing(drift, r.Asked.Take)
	if len(refused) > 0 {
		return r.conflict(refused)
	}
	r.sayRemoved(drift)
	manager := differing.ToApply() || packagesDiffer(drift)
	if !manager && !r.scriptsToRun() && !r.unfinished() {
		r.say("Nothing differs from the template" + r.butFor())
		return r.keepJob(ctx)
	}
	if err := r.takeSnapshot(ctx); err != nil {
		return err
	}
	if manager {
		// Before the record says that a change goes on: a resume would take what the
		// config-manager did last for done.
		r.turns[plan.ItemManager] = turnAgain
		m := r.marks.Of(event.Syncing, plan.ItemManager)
		if err := r.mark(ctx, event.Syncing, plan.ItemManager, plan.Failed, plan.Detail{Dir: m.Dir, Try: m.Try, Take: r.Asked.Take}); err != nil {
			return err
		}
	}
	if err := r.rerunRevalued(ctx); err != nil {
		return err
	}
	return r.beginChange(ctx)
}

// rerunRevalued marks the scripts that are to run with another value, before that is
// on record: a resume could not tell that they did not.
func (r *Run) rerunRevalued(ctx context.Context) error {
	for _, s := range r.Job.Scripts() {
		m := r.marks.Of(event.Syncing, s.Name)
		if m.State != plan.Done || !r.revalued(s.Name) {
			continue
		}
		if err := r.mark(ctx, event.Syncing, s.Name, plan.Failed, m.Detail); err != nil {
			return err
		}
	}
	return nil
}

// keepJob puts a template and values on record that change nothing in the container
// now.
func (r *Run) keepJob(ctx context.Context) error {
	switch {
	case len(r.Asked.Values) > 0:
		r.say("On record from now on: the new value of " + strings.Join(r.Asked.Values, ", "))
	case !r.Asked.Changed:
		return nil
	}
	return r.Record.SaveJob(ctx, r.Job)
}

// beginChange writes down that the container is being changed, and into what.
func (r *Run) beginChange(ctx context.Context) error {
	r.looking = false
	if err := r.closeRollback(ctx, plan.Done); err != nil {
		return err
	}
	if err := r.Record.SaveJob(ctx, r.Job); err != nil {
		return err
	}
	return r.Record.Update(ctx, func(c *lxc.Container) { c.Lifecycle = lxc.Creating })
}

// unfinished reports whether something that an earlier run began goes on.
func (r *Run) unfinished() bool {
	for _, t := range r.turns {
		if t != turnDone {
			return true
		}
	}
	return false
}

// butFor names, at the end of a sentence that says that all is as the template has
// it, what is not: files of which the guest's version was taken.
func (r *Run) butFor() string {
	if r.Drift == nil {
		return ""
	}
	n := r.Drift.Kept(r.Asked.Take)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", but for %s kept as the container has %s", counted(n, "file"), map[bool]string{true: "it", false: "them"}[n == 1])
}

func packagesDiffer(d configmanager.Drift) bool {
	return slices.ContainsFunc(d.Packages, func(p configmanager.PackageDrift) bool { return p.State != configmanager.PackageSame })
}

// drift asks the guest, in one remote command, how it differs from in.
func (r *Run) drift(ctx context.Context, in configmanager.Input) (configmanager.Drift, error) {
	script, stdin, err := configmanager.DriftScript(in)
	if err != nil {
		return configmanager.Drift{}, err
	}
	var out, said bounded
	var status int
	err = r.reading(ctx, func() (err error) {
		out, said = bounded{limit: configmanager.MaxDrift}, bounded{limit: 4 << 10}
		status, err = r.Guest.Run(ctx, guest.Cmd{
			Label: "compare the container with its template", Script: script,
			Stdin: bytesReader(stdin), Size: int64(len(stdin)), Stdout: &out, Stderr: &said,
		})
		return err
	})
	if err != nil {
		return configmanager.Drift{}, err
	}
	d, err := configmanager.ParseDrift(in, out.Bytes())
	if err != nil {
		return d, &Failure{
			Status: ExitGuest, Message: fmt.Sprintf("cannot compare the container with its template: %v (status %d)", err, status),
			Tail: splitLines(r.Bus.Redact(said.String())), Err: err,
		}
	}
	return d, nil
}

// differing is in without the contents that the guest has already, and without any
// where the config-manager is not to have a turn. What is refused is returned too.
func (r *Run) differing(ctx context.Context, in configmanager.Input) (configmanager.Input, []configmanager.FileDrift, error) {
	if r.turns[plan.ItemManager] == turnDone {
		for i := range in.Files {
			in.Files[i].Unshipped = true
		}
		return in, nil, nil
	}
	if r.Drift == nil {
		d, err := r.drift(ctx, in)
		if err != nil {
			return in, nil, err
		}
		r.Drift = &d
	}
	out, refused := in.Differing(*r.Drift, r.take())
	return out, refused, nil
}

// take is how conflicts are settled: as this sync was told, or the one that is gone
// on with.
func (r *Run) take() string {
	if r.renewing {
		return r.Asked.Take
	}
	return r.marks.Of(event.Syncing, plan.ItemManager).Take
}

// conflict says which files would have to be overwritten although somebody
// edited them.
func (r *Run) conflict(files []configmanager.FileDrift) *Failure {
	f := &Failure{
		Status:  ExitGuest,
		Message: fmt.Sprintf("cannot sync %s: %s in the way; nothing was changed", r.Recorded.Hostname, counted(len(files), "file")),
	}
	for _, c := range files {
		why := "edited in the container, and changed in the template"
		if c.State == configmanager.FileFolder {
			why = "a folder, or no regular file, is there"
		}
		f.Tail = append(f.Tail, c.Target+": "+why)
	}
	name := r.Recorded.Hostname
	f.Hints = []string{
		"to write the template's, keeping a copy of what is there: " + r.Command("sync", name, "--take", "template"),
		"to keep the container's: " + r.Command("sync", name, "--take", "guest"),
	}
	return f
}

// sayRemoved names what the template no longer has. It is left where it is: what
// else uses it cannot be known.
func (r *Run) sayRemoved(d configmanager.Drift) {
	for _, name := range r.Asked.Removed {
		r.say("script " + name + " is not in the template any more; what it did stays")
	}
	for _, f := range d.Files {
		if f.State == configmanager.FileRemoved {
			r.say(f.Target + " is not in the template any more; it stays in the container")
		}
	}
}
