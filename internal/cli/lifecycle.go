package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/pve"
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
	cmd := &cobra.Command{
		Use:   v.name + " <container>",
		Short: v.short,
		Long:  v.short + "." + exitStatuses(0, 1, 2, 3, 4, 130, 143),
		Args:  exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := a.target(cmd.Context(), v.name, args[0])
			if err != nil {
				return err
			}
			if err := v.do(cmd.Context(), t); err != nil {
				return err
			}
			return a.done(t.c, v.done)
		},
	}
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

// done says that something was done to a container.
func (a *app) done(c lxc.Container, what string) error {
	if a.global.json {
		return a.showJSON(context.Background(), c)
	}
	if a.global.quiet {
		return nil
	}
	return ui.WriteRow(a.streams, c.Hostname, strconv.Itoa(c.CTID), what)
}

// isGone is the refusal to do anything with a container that was destroyed.
func (a *app) isGone(c lxc.Container) error {
	return failf(provision.ExitOther, "container %s was destroyed", c.Hostname).hint("%s", a.command("list", "--all"))
}

// target is a container on record with its place on Proxmox.
type target struct {
	app  *app
	c    lxc.Container
	pve  *pve.Client
	node string
	cfg  pve.Config
}

// target finds a container on record and on Proxmox, to do something with it, and
// makes sure that the two are the same: Proxmox gives a ctid to somebody else once
// it is free.
func (a *app) target(ctx context.Context, do, ref string) (*target, error) {
	if _, err := a.hostName(); err != nil {
		return nil, err
	}
	c, err := a.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	if c.Lifecycle == lxc.Destroyed {
		return nil, a.isGone(c)
	}
	if c.CTID == 0 {
		return nil, failf(provision.ExitOther, "container %s was never created on Proxmox", c.Hostname)
	}
	p, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	t := &target{app: a, c: c, pve: p.pve}
	t.node, t.cfg, err = p.pve.Locate(ctx, c.Node, c.CTID)
	switch {
	case pve.IsKind(err, pve.NotFound):
		return nil, provision.Lost(do, c, a.command)
	case err != nil:
		return nil, err
	case provision.HalfMade(c, t.cfg):
		return nil, failf(provision.ExitProxmox, "cannot %s %s: it is only being created", do, c.Hostname).
			hint("to follow that: %s", a.command("events", c.Hostname, "--follow")).
			hint("if it was interrupted: %s", a.command("resume", c.Hostname))
	}
	return t, provision.CheckSame(c, t.cfg, t.node, a.command)
}

func (t *target) start(ctx context.Context) error {
	upid, err := t.pve.Start(ctx, t.node, t.c.CTID)
	return t.follow(ctx, upid, err)
}

// stop shuts down gracefully and kills after the grace.
func (t *target) stop(ctx context.Context, grace time.Duration) error {
	upid, err := t.pve.Shutdown(ctx, t.node, t.c.CTID, grace, true)
	return t.follow(ctx, upid, err)
}

func (t *target) follow(ctx context.Context, upid string, err error) error {
	if err != nil {
		return err
	}
	res, err := t.pve.Follow(ctx, upid, pve.Watch{})
	for _, w := range res.Warnings {
		t.app.warn(w, "")
	}
	return err
}
