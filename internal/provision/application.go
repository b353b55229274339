package provision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// learnKind finds out whether the container that was just created is an application's: only
// its configuration shows it, because Proxmox reads the image.
func (r *Run) learnKind(ctx context.Context) error {
	if !strings.HasSuffix(r.placement.Template.VolID, ".tar") { // the form of OCI archives
		return nil
	}
	cfg, err := r.host.PVE.Config(ctx, r.placement.Node, r.ctid)
	if err != nil {
		return err
	}
	r.situation.Config, r.application = cfg, cfg.Application()
	return nil
}

// deployApplication puts the files into an application container and says what it leaves out.
func (r *Run) deployApplication(ctx context.Context) error {
	if err := r.enterApplication(ctx); err != nil {
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
	if err := r.pushFiles(ctx); err != nil {
		return err
	}
	return r.step(r.phase.To, "Container runs its own program: "+r.program())
}

// enterApplication gets into an application container if it has a shell and there is a way.
// If not, the run goes on, and says why once.
func (r *Run) enterApplication(ctx context.Context) error {
	if r.opening == nil {
		if err := r.findAddress(ctx, r.placement.Node); err != nil {
			return err
		}
		r.openSoon(ctx)
		close(r.opening.up)
	}
	err := r.enter(ctx)
	kind := guest.KindOf(err)
	switch {
	case err == nil:
		if err := r.waitReady(ctx, guest.Ready{}); err != nil {
			return err
		}
		r.say(fmt.Sprintf("Inside by way of the %s: the image has a shell", r.guest.Transport()))
		return r.lookForMeans(ctx)
	case kind == guest.Gone:
		return r.pid1Ended(ctx)
	case kind != guest.NoShell && kind != guest.NotConfigured && kind != guest.NoSSHD && kind != guest.Unreachable:
		return err
	}
	_, why, _ := strings.Cut(err.Error(), ": ")
	if r.noShell = why; why == "" {
		r.noShell = err.Error()
	}
	if kind == guest.NoShell {
		r.noShell = "the image has no shell"
	}
	r.say("Looking from outside only: " + r.noShell)
	return nil
}

// lookForMeans finds out whether the image has what its scripts take. Without that they are
// left out, as without a shell, before anything is changed in the container.
func (r *Run) lookForMeans(ctx context.Context) error {
	if r.noShell = ""; !r.job.NeedsShell() {
		return nil
	}
	var m guest.Means
	err := r.reading(ctx, func() (err error) {
		m, err = guest.FindMeans(ctx, r.guest)
		return err
	})
	if err != nil {
		return err
	}
	if r.noTar = m.NoTar; len(m.Missing) > 0 {
		r.noShell = "the image has a shell, but no " + strings.Join(m.Missing, ", no ") + ", which it takes to run one"
	}
	return nil
}

// pushFiles puts the files of the plan into the container, in one session on the node. If one
// changed, the container is restarted, because its program reads its files when it starts.
func (r *Run) pushFiles(ctx context.Context) error {
	var files []guest.NodeFile
	for _, a := range r.plan.In(event.Deploying) {
		if a.Kind != plan.PushFile {
			continue
		}
		f, err := r.nodeFile(a.Item)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil
	}
	if err := r.step(r.phase.To-5, fmt.Sprintf("Putting %s into the container by pct push", plan.Counted(len(files), "file"))); err != nil {
		return err
	}
	done := r.wait("pct on the node to put the files there", 0)
	placed, err := r.nodeSSH().PlaceFiles(ctx, r.ctid, files, time.Now())
	done()
	if err != nil {
		return err
	}
	written := 0
	for i, p := range placed {
		switch p.State {
		case "written":
			written++
			r.say(files[i].Path + ": written")
		case "failed":
			return &exit.Failure{
				Status: exit.Guest, Message: fmt.Sprintf("cannot put %s into container %d: %s", files[i].Path, r.ctid, p.Why),
				Hints: []string{"is its folder in the image, and may root write there? a read-only root or mount point refuses it"},
			}
		}
	}
	if written == 0 {
		return nil
	}
	return r.restartProgram(ctx, plan.Counted(written, "file")+" changed")
}

// nodeFile is a file of the template as the node puts it there.
func (r *Run) nodeFile(target string) (guest.NodeFile, error) {
	for _, f := range r.job.Template.Files {
		if f.Target != target {
			continue
		}
		content, err := f.Content(r.job.Values)
		return guest.NodeFile{Path: f.Target, Policy: string(f.Policy), Mode: f.Mode, Owner: f.Owner, Content: content}, err
	}
	return guest.NodeFile{}, fmt.Errorf("cannot find %s in the template", target)
}

// restartProgram restarts the container because of why.
func (r *Run) restartProgram(ctx context.Context, why string) error {
	r.say("Restarting the container, because " + why)
	r.closeGuest()
	r.guest = nil
	upid, err := r.host.PVE.Shutdown(ctx, r.placement.Node, r.ctid, restartGrace, true)
	if err == nil {
		err = r.awaitStop(ctx, upid)
	}
	if err != nil {
		return err
	}
	r.forgetWay()
	if err := r.startIt(ctx, plan.Action{Kind: plan.Start}); err != nil {
		return err
	}
	return r.enterApplication(ctx)
}

// shipScripts ships the scripts and their helper functions, without the config-manager.
func (r *Run) shipScripts(ctx context.Context) error {
	bundle, err := configmanager.Bundle(configmanager.Input{Template: r.job.Template.Name})
	if err != nil {
		return err
	}
	var files []guest.File
	for _, f := range bundle {
		if f.Path == "tool/helpers.sh" {
			files = append(files, f)
		}
	}
	for _, s := range r.job.Template.EnabledScripts() {
		files = append(files, guest.File{Path: "scripts/" + s.Name, Mode: 0o700, Content: s.Content})
	}
	helpers := fmt.Sprintf("umask 022\nmkdir -p %s && mv -f tool/helpers.sh %s\n", guest.Quote(path.Dir(configmanager.HelpersPath)), guest.Quote(configmanager.HelpersPath))
	return r.shipThen(ctx, files, helpers)
}

// startFailed explains the failed start of an application container: its program ended before
// Proxmox could find it.
func (r *Run) startFailed(ctx context.Context, err error) error {
	var e *pve.Error
	if !r.application || !errors.As(err, &e) || e.Kind != pve.TaskFailed || !strings.Contains(e.Reason, "unable to get PID") {
		return err
	}
	f := &exit.Failure{
		Status:  exit.Proxmox,
		Message: fmt.Sprintf("cannot start container %d: its program ended at once (%s)", r.ctid, r.program()), Err: err,
	}
	f.Tail, f.Hints = append([]string{e.Reason}, r.lastWords(ctx)...), r.whyEnded()
	return f
}

// CheckApplication refuses a job that an application image cannot do: packages are never
// installed in it, and scripts and files need the node. Nothing was changed yet. image nil is
// no OCI image.
func CheckApplication(job plan.Job, p *pve.Placement, ssh guest.Options) error {
	if !p.Image.Application() {
		return nil
	}
	refuse := func(what string, hints ...string) error {
		return &exit.Failure{
			Status: exit.Usage, Hints: hints,
			Message: fmt.Sprintf("cannot make a container of %s with template %s: it is the image of one application, and %s", p.Image.Reference, job.Template.Name, what),
		}
	}
	if names := job.Installs(); len(names) > 0 {
		return refuse("nothing in it installs packages ("+strings.Join(names, " ")+")",
			"remove them from the template, or build an image that has them")
	}
	if ssh.Node != nil {
		return nil
	}
	const node = "set INFRAHAUS_SSH_NODE (user@host:port), or ssh.node in the config"
	if n := len(job.Template.Files); n > 0 {
		return refuse(fmt.Sprintf("only the node can put its %s there", plan.Counted(n, "file")), node, "or remove them from the template: variables reach the program by its environment")
	}
	if job.NeedsShell() {
		return refuse("only the node has a way in for its "+plan.Counted(len(job.Scripts()), "script"), node, "or leave them out: --skip-script "+job.Scripts()[0].Name)
	}
	return nil
}

// syncApplication runs the scripts of an application container that has a shell, and says
// which are left out.
func (r *Run) syncApplication(ctx context.Context) error {
	scripts := r.job.Scripts()
	if r.noShell != "" {
		scripts = nil
	}
	names := make([]string, len(scripts))
	for i, s := range scripts {
		names[i] = s.Name
	}
	from := r.phase.From
	message := "Running the template's scripts"
	if len(scripts) == 0 {
		message = "No script runs in the container"
	}
	if err := r.Bus.Emit(event.Event{Type: event.Step, Step: r.phase.Name, Percent: &from, ScriptTotal: len(scripts), ScriptNames: names, Message: message}); err != nil {
		return err
	}
	for _, a := range r.plan.In(event.Syncing) {
		switch a.Kind {
		case plan.LeaveOut:
			r.warn(strings.Join(a.Lines, "\n"), "")
		case plan.Unmet:
			r.say(strings.Join(a.Lines, "\n"))
		}
	}
	for i, s := range scripts {
		if err := r.runScript(ctx, s, i, len(scripts)); err != nil {
			return err
		}
	}
	return r.step(r.phase.To, plan.Counted(len(scripts), "setup script")+" completed")
}
