package provision

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/bake"
	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// sync runs the config-manager, which applies files and packages, and then the template's
// scripts in order. The first failure ends the run.
func (r *Run) sync(ctx context.Context) error {
	if first := r.plan.In(event.Syncing)[0]; first.Kind == plan.Nothing {
		message := "Nothing is run: --from finalizing"
		if r.application {
			message = "Nothing is run in the container: " + strings.Join(first.Lines, ", ")
		}
		return r.step(r.phase.To, message)
	}
	if r.application {
		return r.syncApplication(ctx)
	}
	scripts := r.job.Scripts()
	names := make([]string, len(scripts))
	for i, s := range scripts {
		names[i] = s.Name
	}
	from := r.phase.From
	message := "Running config-manager initial sync"
	switch {
	case r.plan.Of(plan.ItemManager) == plan.Leave && r.verb == plan.Sync:
		message = "Files and packages are as they should be"
	case r.plan.Of(plan.ItemManager) == plan.Leave:
		message = "Files and packages were put in place before"
	case r.verb == plan.Sync:
		message = "Applying files and packages"
	}
	err := r.Bus.Emit(event.Event{
		Type: event.Step, Step: r.phase.Name, Percent: &from, ScriptTotal: len(scripts), ScriptNames: names,
		Message: message,
	})
	if err != nil {
		return err
	}
	if err := r.applyFiles(ctx); err != nil {
		return err
	}
	for _, a := range r.plan.In(event.Syncing) {
		if a.Kind == plan.Unmet {
			r.say(strings.Join(a.Lines, "\n"))
		}
	}
	if err := r.runScripts(ctx, scripts); err != nil {
		return err
	}
	if err := r.notify(ctx); err != nil {
		return err
	}
	return r.step(r.phase.To, plan.Counted(len(scripts), "setup script")+" completed")
}

// applyFiles runs the config-manager as an attempt, which applies files and packages.
func (r *Run) applyFiles(ctx context.Context) error {
	p := program{
		item: plan.ItemManager, logs: event.Event{Type: event.Log, Step: r.phase.Name, ScriptName: plan.ItemManager},
		attempt: guest.Attempt{
			Name: plan.ItemManager, Script: []byte(bake.Settle + configmanager.SyncScript()), Env: []string{configmanager.StageEnv(r.staging)},
		},
	}
	return r.runProgram(ctx, p)
}

// runScripts runs the scripts in order. A script may make the user for whom a file waits. The
// file is there before the next script starts, and at the end no file may wait any more.
func (r *Run) runScripts(ctx context.Context, scripts []template.Script) error {
	waiting := r.mayWait()
	var left []configmanager.Waiting
	settle := func() (err error) {
		if waiting {
			left, err = r.settle(ctx)
			waiting = len(left) > 0
		}
		return err
	}
	for i, s := range scripts {
		if r.plan.Of(s.Name) != plan.Leave {
			if err := settle(); err != nil {
				return err
			}
		}
		if err := r.runScript(ctx, s, i, len(scripts)); err != nil {
			return err
		}
	}
	if err := settle(); err != nil {
		return err
	}
	return r.stillWaiting(left)
}

// runScript runs one script to its end.
func (r *Run) runScript(ctx context.Context, s template.Script, i, n int) error {
	own, err := s.Environ(r.job.Values)
	if err != nil {
		return err
	}
	p := program{
		item: s.Name, logs: event.Event{Type: event.Log, Step: r.phase.Name, ScriptName: s.Name, ScriptIndex: &i, ScriptTotal: n},
		attempt: guest.Attempt{
			Name: s.Name, Path: path.Join(r.scriptsDir(), s.Name), Env: append(r.scriptEnv(s), own...), Helpers: configmanager.HelpersPath,
			Timeout: s.Timeout, User: s.User,
		},
		announced: true,
	}
	if err := r.runProgram(ctx, p); err != nil {
		return err
	}
	percent := r.phase.From + (i+1)*(r.phase.To-r.phase.From)/n
	end := p.logs
	end.Type, end.Percent, end.Message = event.Step, &percent, fmt.Sprintf("Script %q completed", s.Name)
	if r.plan.Of(s.Name) == plan.Leave {
		end.Message = fmt.Sprintf("Script %q was completed before", s.Name)
		if r.marks.Of(event.Syncing, s.Name).Image != "" {
			end.Message = fmt.Sprintf("Script %q was completed in the baked image", s.Name)
		}
	}
	return r.Bus.Emit(end)
}

// runDir is the folder in the guest with the attempts of this run.
func (r *Run) runDir() string { return path.Join(configmanager.RunsDir, r.id) }

// scriptsDir is the folder in the guest to which the scripts were shipped last.
func (r *Run) scriptsDir() string {
	return path.Join(r.marks.Of(event.Deploying, plan.ItemShip).Dir, "scripts")
}

// scriptEnv is the environment of a script, without the runner's own variables. A script of
// the image gets nothing of the instance, wherever it runs: it must do the same in an image.
func (r *Run) scriptEnv(s template.Script) []string {
	f := r.guestFacts
	env := []string{
		"DEBIAN_FRONTEND=noninteractive",
		"LC_ALL=C",
		"CONTAINER_OS=" + f.OS,
		"CONTAINER_OS_VERSION=" + f.OSVersion,
		"TEMPLATE_NAME=" + r.job.Template.Name,
		"_PKG_MGR=" + f.PackageManager,
	}
	if s.Stage == template.StageImage {
		return env
	}
	env = append(env, "CONTAINER_ID="+r.recordID)
	env = append(env, "INFRAHAUS_CTID="+strconv.Itoa(r.ctid))
	if r.address.IsValid() {
		env = append(env, "INFRAHAUS_ADDRESS="+r.address.String())
	}
	return append(env, r.job.Values.Env()...)
}

// scriptFailed is the error of a script that failed: exit status 5, with the last lines of
// its output. If the guest is being stopped or was restarted, that is the cause, and the
// status is 4.
func (r *Run) scriptFailed(ctx context.Context, name string, status int) error {
	if r.goingDown(ctx, r.marks.Of(event.Syncing, name).Dir) {
		return r.died(name)
	}
	how := fmt.Sprintf("exit status %d", status)
	switch {
	case status == 127:
		how += " (a command or the interpreter is missing)"
	case status > 128 && status < 160:
		how += fmt.Sprintf(" (killed by signal %d)", status-128)
	}
	hints := []string{r.Command("logs", r.job.Spec.Hostname)}
	if name == plan.ItemManager && len(r.job.Packages) > 0 {
		hints = append(hints, "if a --package is at fault: resume --package NAME replaces all of them, resume --no-packages drops them")
	}
	return &exit.Failure{
		Status:  exit.Guest,
		Message: fmt.Sprintf("cannot finish %s: %s", name, how),
		Tail:    r.tail.lines(),
		Hints:   hints,
	}
}

// tookTooLong is the error of a script that its timeout ended.
func (r *Run) tookTooLong(name string) error {
	limit := "its timeout"
	for _, s := range r.job.Scripts() {
		if s.Name == name && s.Timeout > 0 {
			limit = s.Timeout.String()
		}
	}
	return &exit.Failure{
		Status:  exit.Guest,
		Message: fmt.Sprintf("cannot finish %s: it ran longer than %s and was ended", name, limit),
		Tail:    r.tail.lines(),
		Hints:   []string{r.Command("logs", r.job.Spec.Hostname)},
	}
}

// died is the error of a script that ended because its guest did.
func (r *Run) died(name string) error {
	return &exit.Failure{
		Status:  exit.Unreachable,
		Message: fmt.Sprintf("cannot follow %s: the container stopped or was restarted while it ran", name),
		Tail:    r.tail.lines(),
		Hints:   []string{r.Command("start", r.job.Spec.Hostname), r.Command("logs", r.job.Spec.Hostname)},
	}
}
