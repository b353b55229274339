package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
)

type resumeOptions struct {
	app             *app
	from            string
	skipScripts     []string
	templateChanged bool
	plan            bool
	packages        packageOptions
	passwordFile    string
	publish         bool
	many            manyCreates
	placed          string // of a fleet: see provision.ResumeRequest.Node

	// Of a job that a worker does.
	verb    string                                       // the kind of the run; "": resume
	destroy bool                                         // --on-failure destroy
	room    func(ctx context.Context, node string) error // see provision.Run.Room
}

func newResumeCmd(a *app) *cobra.Command {
	o := &resumeOptions{app: a}
	cmd := &cobra.Command{
		Use:   "resume <container> | -f FLEET",
		Short: "Go on with what was interrupted or failed",
		Long: `Go on from the first thing that is not done, whatever ended the run before: a
failure, Ctrl-C, a killed process, a lost link, a restart of the container, of the
node or of this machine. An update is gone on with, too. What is done is not repeated. A task that still runs on
the node and a script that still runs in the container are followed on, a script
from the byte where its output was left; what failed, or died with its container,
is tried again.

--from goes back, and never over what is not done yet. Of a container that is ready,
--from finalizing looks for its services again and runs nothing.

If the template has changed in the meantime, it is used only with --template-changed. If
create was asked for a package that does not exist, --package replaces it, and
--no-packages drops it.

With -f, every container of the fleet file is finished: those that were never begun are
created, and those that are not ready are gone on with.` + exitStatuses(0, 1, 2, 3, 4, 5, 6, 130, 143),
		Example: `  infrahaus resume web
  infrahaus resume web --plan
  infrahaus resume web --from 20-database.sh
  infrahaus resume web --package curl
  infrahaus resume -f fleet.yaml`,
		Args: fleetArgs(exactArgs("one container, or -f FLEET")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.many.file != "" {
				return o.resumeFleet(cmd)
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	f := cmd.Flags()
	o.many.flags = f
	o.many.registerFleet(cmd)
	o.many.registerLimits(f)
	f.StringVar(&o.from, "from", "", "go back to this `step` (starting, deploying, syncing, finalizing) or script")
	f.StringArrayVar(&o.skipScripts, "skip-script", nil, "a template script not to run this time, by `name`")
	f.BoolVar(&o.templateChanged, "template-changed", false, "use the template as it is now, although it has changed")
	f.BoolVar(&o.plan, "plan", false, "show what would be done and touch nothing")
	o.packages.register(f)
	passwordFlag(f, &o.passwordFile)
	f.BoolVar(&o.publish, "publish", false, "mirror the events to Redis (redis.url in the config)")
	a.junitFlag(f)
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *resumeOptions) run(ctx context.Context, ref string) error {
	a := o.app
	if err := o.packages.check(); err != nil {
		return err
	}
	c, err := a.findThere(ctx, ref)
	if err != nil {
		return err
	}
	return o.resume(ctx, c)
}

// resume continues with a container on record.
func (o *resumeOptions) resume(ctx context.Context, c lxc.Container) error {
	a := o.app
	if err := a.vault.Check(); err != nil {
		return err
	}
	killed, err := a.killedRun(ctx, c)
	if err != nil {
		return err
	}
	updating, err := a.updateBegun(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case c.Lifecycle == lxc.Destroyed:
		return a.nothingLeft(ctx, c)
	case updating:
		return o.update(ctx, c)
	case c.Lifecycle == lxc.Ready && killed != nil && killed.Kind == "sync" && o.from == "":
		return failf(exit.Other, "the sync of %s was killed before it changed anything", c.Hostname).hint("%s", a.command("sync", c.Hostname))
	case c.Lifecycle == lxc.Ready && killed == nil && o.from == "":
		return o.nothing(ctx, c)
	}
	if err := a.mayGoOn(ctx, c); err != nil {
		return err
	}
	mode := fetch.Known
	if o.templateChanged {
		mode = fetch.Anew
	}
	m, err := a.recall(ctx, c, nil, nil, mode)
	if err != nil {
		return err
	}
	if err := a.useRootPassword(m, o.passwordFile); err != nil {
		return err
	}
	o.packages.apply(m)
	m.SkipNow = o.skipScripts
	if c.Lifecycle != lxc.Ready { // the run that it continues was told to leave these out
		m.SkipNow = slices.Concat(m.SkippedNow(), o.skipScripts)
	}
	if err := o.check(m); err != nil {
		return err
	}
	if o.plan {
		return o.showPlan(ctx, c, m)
	}
	return a.perform(ctx, c, request{
		verb: orElse(o.verb, "resume"), publish: o.publish, seals: true,
		do: func(ctx context.Context, s *session) (provision.Result, error) {
			s.run.Room = o.room
			if o.room != nil {
				s.run.Passed = func(phase event.StepName) {
					if phase == event.Creating {
						_ = a.store.FreeRoom(ctx, *a.worked) // it is free at the job's end, too
					}
				}
			}
			return s.run.Resume(ctx, o.request(c, m))
		},
	})
}

// request is what the engine is asked for.
func (o *resumeOptions) request(c lxc.Container, m *catalogue.Remembered) provision.ResumeRequest {
	return provision.ResumeRequest{Recorded: c, Job: m.Job, From: o.from, Anew: o.app.anewHints(m), Node: o.placed, DestroyOnFailure: o.destroy}
}

// check compares the flags with the template, and the template with the one that was used
// before.
func (o *resumeOptions) check(m *catalogue.Remembered) error {
	if err := checkSkips(m.Template, o.skipScripts); err != nil {
		return err
	}
	if err := stepOrScript(m.Template, o.from); err != nil {
		return err
	}
	if err := o.checkFrom(m); err != nil {
		return err
	}
	changes := m.Changes()
	if changes == nil || o.templateChanged {
		return nil
	}
	f := usagef("template %s has changed since it was used for %s", m.Template.Name, m.Spec.Hostname)
	f.Tail = changes
	return f.hint("say --template-changed to go on with it as it is now")
}

// checkFrom refuses to go back to a script that will not run.
func (o *resumeOptions) checkFrom(m *catalogue.Remembered) error {
	if !m.Skips(o.from) {
		return nil
	}
	err := usagef("--from names what is not run: %s is skipped", o.from)
	switch name := m.Spec.Hostname; {
	case slices.Contains(m.Skip, o.from):
		return err.hint("the create of %s was told to leave it out", name)
	case slices.Contains(m.SkippedNow(), o.from):
		return err.hint("once what was begun has ended: %s", o.app.command("sync", name))
	}
	return err
}

// showPlan prints what a resume would do.
func (o *resumeOptions) showPlan(ctx context.Context, c lxc.Container, m *catalogue.Remembered) error {
	a := o.app
	s, err := a.rehearse(ctx, c)
	if err != nil {
		return err
	}
	steps, err := s.run.PlanResume(ctx, o.request(c, m))
	if err != nil {
		return err
	}
	c.Template = m.Template.Name
	return a.printOutlook(c, steps)
}

// resumePlan is what `resume --plan --json` prints.
type resumePlan struct {
	Template string               `json:"template"`
	Host     string               `json:"host"`
	Steps    []provision.PlanStep `json:"steps"`
}

// nothing is the resume of a container that is ready on record. Proxmox may have lost or
// stopped it since.
func (o *resumeOptions) nothing(ctx context.Context, c lxc.Container) error {
	a := o.app
	at, err := a.stands(ctx, "resume", "", c)
	switch {
	case err != nil:
		return err
	case !at.running:
		return failf(exit.Unreachable, "cannot resume %s: nothing is left to do in it, and it is stopped", c.Hostname).
			hint("%s", a.command("start", c.Hostname))
	case o.plan:
		if !a.global.json {
			a.say("nothing to do: " + c.Hostname + " is ready")
		}
		return a.printOutlook(c, []provision.PlanStep{})
	}
	if !a.global.json {
		a.say("nothing to resume: " + c.Hostname + " is ready")
	}
	return a.showContainer(ctx, c)
}

// longWaits prints on stderr what a run without a display waits for, once the wait is long.
func (a *app) longWaits() event.Sink {
	return event.SinkFunc(func(e event.Event) error {
		if e.Waiting && !a.global.quiet {
			a.note(e.Message)
		}
		return nil
	})
}

// waiting reports a long wait of a command that is not a run, until done is called.
func (a *app) waiting(what string, most time.Duration) (done func()) {
	if a.waits == nil {
		out := &aside{}
		a.aside = out
		a.waits = event.NewWaiting(func(_ event.Wait, line string) {
			if !a.global.quiet && !out.say(line) {
				a.note(line)
			}
		})
	}
	return a.waits.Begin(event.Wait{What: what, Most: most})
}

// rehearse makes a run that leaves no trace: for --plan.
func (a *app) rehearse(ctx context.Context, c lxc.Container) (*session, error) {
	rec := provision.Catalogue(catalogue.None{})
	if a.store != nil { // otherwise nothing is on record
		rec = a.recordOf(c).ReadOnly()
	}
	meta := event.Meta{ContainerID: c.RecordID, Hostname: c.Hostname, Host: c.Host}
	s := &session{app: a, container: c, run: provision.NewRun(meta, rec, a.longWaits())}
	s.run.Command, s.run.Connect = a.command, s.connect
	return s, ctx.Err()
}
