package provision

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/guestfiles"
	"github.com/infrahaus/infrahaus/internal/template"
)

// sync lets the config-manager apply files and packages, then runs the
// template's scripts in order. What fails ends the run; nothing after it runs.
func (r *Run) sync(ctx context.Context) error {
	scripts := scriptsOf(r.Job)
	names := make([]string, len(scripts))
	for i, s := range scripts {
		names[i] = s.Name
	}
	from := r.phase.From
	err := r.Bus.Emit(event.Event{
		Type: event.Step, Step: r.phase.Name, Percent: &from, ScriptTotal: len(scripts), ScriptNames: names,
		Message: "Running config-manager initial sync",
	})
	if err != nil {
		return err
	}
	if err := r.firstSync(ctx); err != nil {
		return err
	}
	for i, s := range scripts {
		if err := r.runScript(ctx, s, i, len(scripts)); err != nil {
			return err
		}
	}
	return r.step(r.phase.To, counted(len(scripts), "setup script")+" completed")
}

// scriptsOf are the template's scripts, less those that --skip-script names.
func scriptsOf(job Job) []template.Script {
	return slices.DeleteFunc(job.Template.EnabledScripts(), func(s template.Script) bool {
		return slices.Contains(job.Skip, s.Name)
	})
}

// firstSync starts the config-manager's service and follows it.
func (r *Run) firstSync(ctx context.Context) error {
	a := guest.Attempt{
		Dir: path.Join(r.runDir(), "00-config-manager.1"), Name: "config-manager",
		Script: []byte(guestfiles.SyncScript()), Env: []string{guestfiles.StageEnv(r.Staging)},
	}
	status, err := r.attend(ctx, a, event.Event{Type: event.Log, Step: r.phase.Name, ScriptName: "config-manager"})
	if err != nil || status == 0 {
		return err
	}
	return r.scriptFailed(ctx, "config-manager", status)
}

// runScript runs one script to its end.
func (r *Run) runScript(ctx context.Context, s template.Script, i, n int) error {
	logs := event.Event{Type: event.Log, Step: r.phase.Name, ScriptName: s.Name, ScriptIndex: &i, ScriptTotal: n}
	begin := logs
	begin.Type, begin.Message = event.Step, fmt.Sprintf("Running %s", s.Name)
	if err := r.Bus.Emit(begin); err != nil {
		return err
	}
	a := guest.Attempt{
		Dir: path.Join(r.runDir(), s.Name+".1"), Name: s.Name,
		Path: path.Join(r.scriptsDir(), s.Name), Env: r.scriptEnv(), Helpers: guestfiles.HelpersPath,
	}
	status, err := r.attend(ctx, a, logs)
	if err != nil {
		return err
	}
	if status != 0 {
		return r.scriptFailed(ctx, s.Name, status)
	}
	percent := r.phase.From + (i+1)*(r.phase.To-r.phase.From)/n
	end := begin
	end.Percent, end.Message = &percent, fmt.Sprintf("Script %q completed", s.Name)
	return r.Bus.Emit(end)
}

// attend claims, starts and follows one attempt. Its claim and its end are on
// record; its output becomes log events, and what it saves as a credential is
// redacted from there on.
func (r *Run) attend(ctx context.Context, a guest.Attempt, logs event.Event) (int, error) {
	phase := string(r.phase.Name)
	if err := r.Record.Mark(ctx, phase, a.Name, Claimed, a.Dir); err != nil {
		return 0, err
	}
	r.tail.reset()
	lines := r.Bus.Lines(logs)
	writers := map[string]func([]byte) (int, error){
		guest.Stdout: lines.Writer(event.Stdout).Write,
		guest.Stderr: lines.Writer(event.Stderr).Write,
	}
	r.attempt = &a
	res, err := guest.RunAttempt(ctx, r.Guest, a, guest.Offsets{}, guest.Sink{
		Output: func(stream string, p []byte) error {
			_, err := writers[stream](p)
			return err
		},
		Secret: r.learnSecret,
		Link:   r.linkChanged,
	})
	if flushErr := lines.Flush(); err == nil {
		err = flushErr
	}
	if guest.KindOf(err) == guest.Gone && ctx.Err() == nil {
		r.attempt = nil
		return 0, r.died(a.Name)
	}
	if err != nil {
		return 0, err
	}
	r.attempt = nil
	if res.Died {
		return 0, r.died(a.Name)
	}
	state := Done
	if res.Status != 0 {
		state = Broken
	}
	return res.Status, r.Record.Mark(ctx, phase, a.Name, state, fmt.Sprintf("%s status %d", a.Dir, res.Status))
}

// learnSecret redacts a credential that the guest has just made.
func (r *Run) learnSecret(key, value string) {
	r.Bus.Secrets().Add(event.SecretsIn(key, value)...)
}

func (r *Run) linkChanged(err error) {
	if err != nil {
		r.warn("the link to the container dropped; what runs there goes on, and is followed again once the link is back", "")
		return
	}
	r.say("the link to the container is back")
}

// runDir holds this run's attempts in the guest.
func (r *Run) runDir() string { return path.Join(guestfiles.RunsDir, r.ID) }

// scriptsDir holds this run's scripts in the guest.
func (r *Run) scriptsDir() string { return path.Join(r.runDir(), "scripts") }

// scriptEnv is what every script gets besides the runner's own variables.
func (r *Run) scriptEnv() []string {
	f := r.Facts
	env := []string{
		"DEBIAN_FRONTEND=noninteractive",
		"LC_ALL=C",
		"CONTAINER_ID=" + r.RecordID,
		"CONTAINER_OS=" + f.OS,
		"CONTAINER_OS_VERSION=" + f.OSVersion,
		"TEMPLATE_NAME=" + r.Job.Template.Name,
		"_PKG_MGR=" + f.PackageManager,
	}
	if r.Address.IsValid() {
		env = append(env, "INFRAHAUS_ADDRESS="+r.Address.String())
	}
	return append(env, r.Job.Values.Env()...)
}

// scriptFailed is exit status 5, with what the script said last; it is 4 where
// the guest is being stopped, which is why the script failed.
func (r *Run) scriptFailed(ctx context.Context, name string, status int) error {
	if r.goingDown(ctx) {
		return r.died(name)
	}
	how := fmt.Sprintf("exit status %d", status)
	switch {
	case status == 127:
		how += " (a command or the interpreter is missing)"
	case status > 128 && status < 160:
		how += fmt.Sprintf(" (killed by signal %d)", status-128)
	}
	return &Failure{
		Status:  ExitGuest,
		Message: fmt.Sprintf("cannot finish %s: %s", name, how),
		Tail:    r.tail.lines(),
		Hints:   []string{r.Command("logs", r.Job.Spec.Hostname)},
	}
}

// died is a script that ended with its guest.
func (r *Run) died(name string) error {
	return &Failure{
		Status:  ExitUnreachable,
		Message: fmt.Sprintf("cannot follow %s: the container stopped or was restarted while it ran", name),
		Tail:    r.tail.lines(),
		Hints:   []string{r.Command("start", r.Job.Spec.Hostname), r.Command("logs", r.Job.Spec.Hostname)},
	}
}
