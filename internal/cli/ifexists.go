package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// exists handles a NAME that a container on record has, as --if-exists ok or resume says.
// It waits for a run in progress and judges the container by how that run ended. free
// reports that nothing of the container is left, so that the NAME can be used.
func (o *createOptions) exists(ctx context.Context, c lxc.Container, want wanted) (free bool, err error) {
	for {
		if c, err = o.app.awaitRun(ctx, c); err != nil {
			return false, err
		}
		if c.Lifecycle == lxc.Destroyed {
			return true, nil
		}
		err := o.take(ctx, c, want)
		if !errors.As(err, new(*store.Busy)) { // another process began a run after the look
			return false, err
		}
	}
}

// take does with a container on record what --if-exists says. No run is in progress on it.
func (o *createOptions) take(ctx context.Context, c lxc.Container, want wanted) error {
	a := o.app
	a.actsOn(c)
	if err := o.sameAs(ctx, c, want); err != nil {
		return err
	}
	killed, err := a.killedRun(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case c.Lifecycle == lxc.Ready && (killed == nil || killed.Kind == "sync"): // a sync that was killed before it changed anything
		return o.asItIs(ctx, c, want)
	case o.ifExists == "resume":
		return (&resumeOptions{app: a, publish: o.publish, plan: o.plan}).resume(ctx, c)
	case killed != nil:
		return usagef("cannot take %s as it is: its last run was killed", c.Hostname).hint("%s", a.command("resume", c.Hostname))
	}
	return usagef("cannot take %s as it is: its last run ended as %q", c.Hostname, c.Lifecycle).
		hint("%s", a.command("resume", c.Hostname))
}

// sameAs refuses a container that differs from what is asked for now, before anything is
// touched.
func (o *createOptions) sameAs(ctx context.Context, c lxc.Container, want wanted) error {
	a := o.app
	was, err := a.recordOf(c).Asked(ctx, len(want.set) > 0)
	if err != nil {
		return err
	}
	lines := differs(c, was, want)
	if lines == nil {
		if was.Digest != want.job.Template.Digest && c.Lifecycle == lxc.Ready {
			a.say(fmt.Sprintf("template %s has changed since it was used for %s; to apply it: %s", c.Template, c.Hostname, a.command("sync", c.Hostname)))
		}
		return nil
	}
	return a.another(c, lines)
}

// standsWhere refuses a container that is not on the storage or bridge that is asked for.
// If Proxmox chose one, the record does not say which.
func (o *createOptions) standsWhere(c lxc.Container, cfg pve.Config, want wanted) error {
	storage, _, _ := strings.Cut(cfg.All["rootfs"], ":")
	if lines := placedElsewhere(want, storage, cfg.Net0.Bridge); lines != nil {
		return o.app.another(c, lines)
	}
	return nil
}

// another refuses a container that differs from what is asked for.
func (a *app) another(c lxc.Container, differences []string) error {
	f := usagef("cannot take %s as it is: it differs from what is asked for", c.Hostname)
	f.Tail = differences
	return f.hint("to see what is on record: %s", a.command("show", c.Hostname)).
		hint("to make it anew, first: %s", a.command("destroy", c.Hostname))
}

// asItIs takes a container that is ready on record. It asks Proxmox, where the container may
// have been stopped or destroyed meanwhile: a stopped one is started.
func (o *createOptions) asItIs(ctx context.Context, c lxc.Container, want wanted) error {
	a := o.app
	at, err := a.stands(ctx, "take", "as it is", c)
	if err != nil {
		return err
	}
	if err := o.standsWhere(c, at.cfg, want); err != nil {
		return err
	}
	v := startVerb()
	switch {
	case o.plan && !at.running:
		if _, err := a.target(ctx, v.name, c); err != nil {
			return err
		}
		return a.printOutlook(c, []provision.PlanStep{{
			Phase: "starting", Title: "Start", Does: []string{fmt.Sprintf("start container %d: %s is ready, and stopped", c.CTID, c.Hostname)},
		}})
	case o.plan:
		a.say("nothing to do: " + c.Hostname + " is ready, and runs")
		return a.printOutlook(c, []provision.PlanStep{})
	case !at.running:
		if err := a.powerAlone(ctx, v, c); err != nil {
			return err
		}
		now, err := a.store.Record(ctx, c.RecordID)
		if err != nil {
			return err
		}
		now.Host, c = c.Host, now
	}
	return a.showContainer(ctx, c)
}

// standing is what Proxmox says of a container that is ready on record.
type standing struct {
	cfg     pve.Config
	running bool
}

// stands asks Proxmox about a container that is ready on record. One that has vanished is an
// error: "cannot DO NAME REST".
func (a *app) stands(ctx context.Context, do, rest string, c lxc.Container) (at standing, err error) {
	defer a.waiting("Proxmox to report the state of "+c.Hostname, 0)()
	p, err := a.open(ctx)
	if err != nil {
		return at, err
	}
	deed := joinText(do, c.Hostname, rest)
	node, cfg, err := p.pve.Locate(ctx, c.Node, c.CTID)
	switch {
	case pve.IsKind(err, pve.NotFound):
		return at, a.vanished(ctx, deed, fmt.Sprintf("Proxmox has no container %d any more; somebody else has destroyed it", c.CTID), c)
	case err != nil:
		return at, err
	case ownership.Of(c, &cfg) == ownership.Theirs:
		return at, a.vanished(ctx, deed, fmt.Sprintf("Proxmox has given its id %d to another container", c.CTID), c)
	}
	st, err := p.pve.Status(ctx, node, c.CTID)
	return standing{cfg, st.Running}, err
}

// joinText joins words with blanks, without empty ones.
func joinText(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// vanished is the error for a container that is ready on record and not on Proxmox.
func (a *app) vanished(ctx context.Context, deed, why string, c lxc.Container) error {
	f := failf(exit.Unreachable, "cannot %s: %s", deed, why).
		hint("to take it off the record: %s", a.command("destroy", c.Hostname))
	for _, h := range a.anew(ctx, c) {
		f = f.hint("%s", h)
	}
	return f
}

// runWords names a run in progress.
func runWords(c lxc.Container, r *store.Run) string {
	text := "the " + r.Kind + " of " + c.Hostname
	if r.PID != 0 {
		text += fmt.Sprintf(" (process %d on %s)", r.PID, r.Machine)
	}
	return text
}

// awaitPause is the time between two looks at a run in progress.
const awaitPause = 200 * time.Millisecond

// awaitRun waits until no run is in progress on a container, and returns its record as it
// is then. While it waits it says so. A signal or --timeout ends the wait.
func (a *app) awaitRun(ctx context.Context, c lxc.Container) (lxc.Container, error) {
	for {
		now, err := a.store.Record(ctx, c.RecordID)
		if err != nil {
			return c, err
		}
		now.Host, c = c.Host, now // the name that the user typed
		run, err := a.store.Working(ctx, c)
		if err != nil || run == nil {
			return c, err
		}
		if err := a.awaitEnd(ctx, c, run); err != nil {
			return c, err
		}
	}
}

// awaitEnd waits until a run is not in progress any more.
func (a *app) awaitEnd(ctx context.Context, c lxc.Container, run *store.Run) error {
	what := runWords(c, run)
	if run.ID != "" {
		a.say("waiting for " + what + " to end")
	}
	defer a.waiting(what+" to end", 0)()
	for {
		select {
		case <-ctx.Done():
			cause := context.Cause(ctx)
			return failf(exit.Status(cause), "%w; %s goes on", cause, what).
				hint("to follow it: %s", a.command("events", c.Hostname, "--follow"))
		case <-time.After(awaitPause):
		}
		now, err := a.store.Working(ctx, c)
		if err != nil || now == nil || now.ID != run.ID {
			return err
		}
	}
}

// planExisting is exists for --plan: it says what would happen, waits for nothing and
// changes nothing.
func (o *createOptions) planExisting(ctx context.Context, c lxc.Container, want wanted) error {
	run, err := o.app.store.Working(ctx, c)
	if err != nil {
		return err
	}
	if run == nil {
		return o.take(ctx, c, want)
	}
	return o.app.printOutlook(c, []provision.PlanStep{{Phase: "creating", Title: "Create", Does: []string{
		"wait until " + runWords(c, run) + " has ended", "do what --if-exists " + o.ifExists + " asks for, by how it ended",
	}}})
}

// printOutlook prints what a command would do with a container that exists.
func (a *app) printOutlook(c lxc.Container, steps []provision.PlanStep) error {
	if a.outlook != nil {
		*a.outlook = steps
		return nil
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, resumePlan{c.Template, c.Host, steps})
	}
	if len(steps) == 0 {
		return nil
	}
	return a.printPlan(steps)
}
