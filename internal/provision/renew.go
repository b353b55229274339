package provision

import (
	"context"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// Sync applies the template as it is now to a container that runs: files that differ, by
// their policy; packages that are missing; scripts that are new or have changed. It touches
// nothing else. If a file was edited in the guest and changed in the template, the sync is
// refused before any change, unless Take says which of the two wins.
func (r *Run) Sync(ctx context.Context, q SyncRequest) (Result, error) {
	r.apply(q)
	err := r.lookBack(ctx)
	if err == nil {
		err = r.mustRun()
	}
	if err == nil {
		err = r.maySet(ctx)
	}
	if err == nil {
		err = r.perform(ctx, Phases[2:])
	}
	return r.end(ctx, err)
}

// apply takes the request of a sync.
func (r *Run) apply(q SyncRequest) {
	r.verb, r.recorded, r.how, r.anew = plan.Sync, q.Recorded, q.How, q.Anew
	r.take(q.Job)
}

// mustRun refuses a sync of a container that was never finished, or that does not run.
func (r *Run) mustRun() error {
	name := r.recorded.Hostname
	switch {
	case r.situation.State != plan.There:
		return &exit.Failure{
			Status: exit.Other, Message: fmt.Sprintf("cannot sync %s: it was never finished", name), Hints: []string{r.Command("resume", name)},
		}
	case !r.situation.Running:
		return &exit.Failure{
			Status: exit.Unreachable, Message: fmt.Sprintf("cannot sync %s: it is not running", name), Hints: []string{r.Command("start", name)},
		}
	}
	return nil
}

// redo records that a program has to run again, and how the config-manager settles
// conflicts then. Otherwise a resume of this sync would take the program for done.
func (r *Run) redo(ctx context.Context, item string) error {
	d := r.marks.Of(event.Syncing, item).Detail
	switch item {
	case plan.ItemManager:
		d = plan.Detail{Dir: d.Dir, Try: d.Try, Take: r.how.Take}
	case plan.ItemNotify:
		d = plan.Detail{Dir: d.Dir, Try: d.Try, Due: r.plan.Due}
	}
	return r.mark(ctx, event.Syncing, item, plan.Failed, d)
}

// keepJob records the template and the values of a sync that has nothing to change in the
// container.
func (r *Run) keepJob(ctx context.Context) error {
	switch {
	case len(r.how.Values) > 0:
		r.say("On record from now on: the new value of " + strings.Join(r.how.Renewed(), ", "))
	case !r.how.Changed:
		return nil
	}
	return r.saveJob(ctx)
}

// saveJob puts on record what the container is asked to be.
func (r *Run) saveJob(ctx context.Context) error {
	job := r.job
	job.Spec = r.asked
	if r.verb == plan.Sync { // what no sync can change is as it was
		job.Spec.OSTemplate, job.Spec.Unprivileged = r.how.Was.OSTemplate, r.how.Was.Unprivileged
	}
	return r.record.SaveJob(ctx, job)
}

// beginChange records that the container is being changed, and the job that it is changed
// to.
func (r *Run) beginChange(ctx context.Context) error {
	r.changing = true
	if err := r.closeRollback(ctx, plan.Done); err != nil {
		return err
	}
	if err := r.saveJob(ctx); err != nil {
		return err
	}
	return r.record.Update(ctx, func(c *lxc.Container) { c.Lifecycle = lxc.Creating })
}

// butFor ends the sentence that the container is as its template says. It counts the files
// that stay as the guest has them, and names the settings that cannot be changed or wait for
// a restart; it is "" if there are none.
func (r *Run) butFor() string {
	if r.inside == nil || r.inside.Drift == nil {
		return ""
	}
	var but []string
	if n := r.inside.Drift.Kept(r.how.Take); n > 0 {
		but = append(but, fmt.Sprintf("%s kept as the container has %s", plan.Counted(n, "file"), map[bool]string{true: "it", false: "them"}[n == 1]))
	}
	var settings []string
	for _, a := range r.plan.In(event.Deploying) {
		if a.Kind == plan.Stays || a.Kind == plan.Configure && a.Put.Restart && !r.plan.Has(plan.Restart) {
			settings = append(settings, a.Item)
		}
	}
	if len(settings) > 0 {
		but = append(but, strings.Join(settings, ", "))
	}
	if len(but) == 0 {
		return ""
	}
	return ", but for " + strings.Join(but, " and ")
}

// drift compares the guest with in, by one remote command.
func (r *Run) drift(ctx context.Context, in configmanager.Input) (configmanager.Drift, error) {
	script, stdin, err := configmanager.DriftScript(in)
	if err != nil {
		return configmanager.Drift{}, err
	}
	var out, said bounded
	var status int
	err = r.reading(ctx, func() (err error) {
		out, said = bounded{limit: configmanager.MaxDrift}, bounded{limit: 4 << 10}
		status, err = r.guest.Run(ctx, guest.Cmd{
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
		return d, &exit.Failure{
			Status: exit.Guest, Message: fmt.Sprintf("cannot compare the container with its template: %v (status %d)", err, status),
			Tail: splitLines(r.Bus.Redact(said.String())), Err: err,
		}
	}
	return d, nil
}

// refusal is the error of a sync that is refused after a look inside.
func (r *Run) refusal() error {
	if r.plan.Busy != "" {
		return r.stillRuns(r.plan.Busy)
	}
	return r.conflict(r.plan.Refused)
}

// conflict is the error that names the files which a sync would overwrite although somebody
// edited them.
func (r *Run) conflict(files []configmanager.FileDrift) *exit.Failure {
	f := &exit.Failure{
		Status:  exit.Guest,
		Message: fmt.Sprintf("cannot sync %s: %s in the way; nothing was changed", r.recorded.Hostname, plan.Counted(len(files), "file")),
		Tail:    plan.InTheWay(files),
	}
	name := r.recorded.Hostname
	f.Hints = []string{
		"to write the template's, keeping a copy of what is there: " + r.Command("sync", name, "--take", "template"),
		"to keep the container's: " + r.Command("sync", name, "--take", "guest"),
	}
	return f
}
