package provision

import (
	"context"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// maxSilent is how many changed files without a notify the message names.
const maxSilent = 3

// notify checks what the config-manager has written, and restarts what depends on it. It
// also names the files of a sync on which nothing depends: the user may have to reload a
// service.
func (r *Run) notify(ctx context.Context) error {
	if files := r.plan.Silent; len(files) > 0 {
		names := strings.Join(files[:min(len(files), maxSilent)], ", ")
		if more := len(files) - maxSilent; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		r.say("Changed without a notify in the template, so nothing was reloaded for: " + names)
	}
	if r.plan.Of(plan.ItemNotify) == plan.Leave {
		return nil
	}
	var files []configmanager.File
	for _, f := range r.job.Template.Files {
		files = append(files, configmanager.File{Target: f.Target, Check: f.Check, Notify: plan.Units(f.Notify)})
	}
	causes, mends := r.job.Causes(r.plan.Due)
	return r.runProgram(ctx, program{
		announced: true, begins: "Checking what has changed, and restarting what depends on it",
		item: plan.ItemNotify, logs: event.Event{Type: event.Log, Step: r.phase.Name, ScriptName: plan.ItemNotify},
		attempt: guest.Attempt{
			Name: plan.ItemNotify, Script: []byte(configmanager.NotifyScript(files, causes, mends)), Env: r.scriptEnv(template.Script{}),
		},
	})
}

// refused is the error of a check that failed.
func (r *Run) refused() error {
	name := r.job.Spec.Hostname
	return &exit.Failure{
		Status:  exit.Guest,
		Message: "cannot apply what the template has changed: a check failed, and its files are as they were before",
		Tail:    r.tail.lines(),
		Hints:   []string{"mend the file in the template, then: " + r.Command("sync", name), r.Command("logs", name)},
	}
}
