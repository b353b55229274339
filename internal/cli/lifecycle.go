package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// verb is one of start, stop and restart.
type verb struct {
	name, short, done string
	do                func(context.Context, *target) error
}

// stopGrace is how long a container's init may take to stop before it is killed.
const stopGrace = 60 * time.Second

func startVerb() verb {
	return verb{"start", "Start a container", "started", func(ctx context.Context, t *target) error { return t.start(ctx) }}
}

func stopVerb() verb {
	return verb{"stop", "Stop a container: gracefully, then by force after 60 s", "stopped",
		func(ctx context.Context, t *target) error { return t.stop(ctx, stopGrace) }}
}

func restartVerb() verb {
	return verb{"restart", "Stop a container and start it again", "restarted", func(ctx context.Context, t *target) error {
		if err := t.stop(ctx, stopGrace); err != nil {
			return err
		}
		return t.start(ctx)
	}}
}

func newLifecycleCmd(a *app, v verb) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   v.name + " <container>",
		Short: v.short,
		Long: v.short + `.
If Proxmox's high availability manages it, the command asks the HA manager and waits until
it has acted.` + exitStatuses(0, 1, 2, 3, 4, 130, 143),
		Args: exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.findThere(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if c.Lifecycle == lxc.Destroyed {
				return a.isGone(c)
			}
			if do := v.do; force {
				v.do = func(ctx context.Context, t *target) error {
					t.force = true
					return do(ctx, t)
				}
			}
			if err := a.powerAlone(cmd.Context(), v, c); err != nil {
				return err
			}
			return a.done(c, v.done)
		},
	}
	if v.name != "start" {
		cmd.Flags().BoolVar(&force, "force", false, "kill it at once, without asking its init or program to end")
	}
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

// powerAlone starts, stops or restarts a container while no other process works on it. It
// makes its checks before the run begins, so that a refusal leaves no run on record, and
// again in the run, because another process may have worked on the container in between.
func (a *app) powerAlone(ctx context.Context, v verb, c lxc.Container) error {
	run, err := a.store.Working(ctx, c)
	switch {
	case err != nil:
		return err
	case run != nil && run.ID != "":
		return &store.Busy{Run: *run}
	}
	if _, err := a.target(ctx, v.name, c); err != nil {
		return err
	}
	return a.alone(ctx, c, v.name, func() error { return a.power(ctx, v, c) })
}

// power starts, stops or restarts a container in a run.
func (a *app) power(ctx context.Context, v verb, c lxc.Container) error {
	t, err := a.target(ctx, v.name, c)
	if err != nil {
		return err
	}
	if err := v.do(ctx, t); err != nil {
		return t.left(ctx, v, err)
	}
	return nil
}

// done says that something was done to a container.
func (a *app) done(c lxc.Container, what string) error {
	if a.global.json {
		now, err := a.store.Record(context.Background(), c.RecordID)
		if err != nil {
			return err
		}
		now.Host = c.Host
		return a.showJSON(context.Background(), now)
	}
	if a.global.quiet {
		return nil
	}
	return ui.WriteRow(a.streams, c.Hostname, strconv.Itoa(c.CTID), what)
}

// isGone is the refusal to do anything with a container that was destroyed.
func (a *app) isGone(c lxc.Container) error {
	return failf(exit.Other, "container %s was destroyed", c.Hostname).hint("%s", a.command("list", "--all"))
}

// target is a container on record with its place on Proxmox.
type target struct {
	app  *app
	c    lxc.Container
	pve  *pve.Client
	node string
	cfg  pve.Config

	force bool   // it is killed at once
	begun string // starting or stopping: what the node was asked for last
	knows bool   // and has begun
}

// target finds a container on Proxmox for an action, and makes sure that it is the one on
// record: Proxmox gives a free ctid to the next container.
func (a *app) target(ctx context.Context, do string, c lxc.Container) (*target, error) {
	defer a.waiting("Proxmox to report the state of "+c.Hostname, 0)()
	if c.CTID == 0 {
		return nil, failf(exit.Other, "container %s was never created on Proxmox", c.Hostname)
	}
	p, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	op := fmt.Sprintf("%s container %d", do, c.CTID)
	if err := p.pve.May(ctx, op, c.CTID, []string{"VM.Audit", "VM.PowerMgmt"}, nil); err != nil {
		return nil, err
	}
	t := &target{app: a, c: c, pve: p.pve}
	t.node, t.cfg, err = p.pve.Locate(ctx, c.Node, c.CTID)
	switch {
	case pve.IsKind(err, pve.NotFound):
		return nil, survey.Lost(do, c, a.command, a.anew(ctx, c)...)
	case err != nil:
		return nil, err
	}
	switch ownership.Of(c, &t.cfg) {
	case ownership.Theirs:
		return nil, survey.NotOurs(c, t.node, a.command)
	case ownership.Unknown:
		return nil, failf(exit.Proxmox, "cannot %s %s: it is still being created", do, c.Hostname).
			hint("to follow that: %s", a.command("events", c.Hostname, "--follow")).
			hint("if it was interrupted: %s", a.command("resume", c.Hostname))
	}
	return t, nil
}

func (t *target) start(ctx context.Context) error {
	err := t.ask(ctx, "starting", provision.StartTimeout, func() (string, error) { return t.pve.Start(ctx, t.node, t.c.CTID) })
	if err != nil {
		return err
	}
	return t.record(ctx, nil)
}

// stop shuts down gracefully and kills after the grace.
func (t *target) stop(ctx context.Context, grace time.Duration) error {
	began := time.Now()
	err := t.ask(ctx, "stopping", grace, func() (string, error) {
		if t.force {
			return t.pve.Stop(ctx, t.node, t.c.CTID)
		}
		return t.pve.Shutdown(ctx, t.node, t.c.CTID, grace, true)
	})
	if err != nil {
		return err
	}
	if time.Since(began) >= grace {
		t.app.warn(fmt.Sprintf("PID 1 of %s did not end within %s of being asked to, and was killed", t.c.Hostname, grace), t.app.command("stop", t.c.Hostname, "--force"))
	}
	now := lxc.At(time.Now())
	return t.record(ctx, &now)
}

// record notes that the container was stopped at that time, or runs (nil). Whether its
// services answer is unknown until the next look.
func (t *target) record(ctx context.Context, stopped *lxc.Time) error {
	_, err := t.app.store.UpdateContainer(context.WithoutCancel(ctx), t.c.RecordID, func(c *lxc.Container) error {
		c.StoppedAt, c.Answering = stopped, nil
		return nil
	})
	return err
}

// haPatience is how long the HA manager may take to begin a requested action.
const haPatience = time.Minute

// doing maps the state to the action that was requested from the node.
var doing = map[string]string{"starting": "start", "stopping": "stop"}

// ask begins a task and follows it. most is how long the task may take.
func (t *target) ask(ctx context.Context, what string, most time.Duration, begin func() (string, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.begun, t.knows = what, false
	upid, err := begin()
	if err != nil {
		return err
	}
	t.knows = true
	defer t.app.waiting(fmt.Sprintf("%s to %s", t.c.Hostname, doing[what]), most)()
	res, err := t.pve.Follow(ctx, upid, pve.Watch{})
	for _, w := range res.Warnings {
		t.app.warn(w, "")
	}
	if err == nil {
		err = t.pve.Settle(ctx, t.node, t.c.CTID, upid, most+haPatience, pve.Watch{Waiting: t.app.say})
	}
	return err
}

// left says what an interruption leaves behind, and how to go on: the node goes on
// with its task.
func (t *target) left(ctx context.Context, v verb, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || t.begun == "" {
		return err
	}
	status := exit.Explain(err).Status
	var sig interrupted
	if errors.As(cause, &sig) {
		status = sig.ExitStatus()
	}
	name, next := t.c.Hostname, v.name
	what := "the node goes on " + t.begun + " " + name
	if !t.knows {
		what = "the node has not said whether it is " + t.begun + " " + name
	}
	if v.name == "restart" {
		if next = "start"; t.begun == "stopping" {
			what += "; nothing starts it again"
		}
	}
	return failf(status, "%w; %s", cause, what).
		hint("to go on: %s", t.app.command(next, name)).
		hint("how it stands: %s", t.app.command("list", "--check"))
}
