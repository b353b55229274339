package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
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
	cmd := &cobra.Command{
		Use:   v.name + " <container>",
		Short: v.short,
		Long:  v.short + "." + exitStatuses(0, 1, 2, 3, 4, 130, 143),
		Args:  exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := a.target(cmd.Context(), args[0])
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

// target is a container on record with its place on Proxmox.
type target struct {
	app  *app
	c    lxc.Container
	pve  *pve.Client
	node string
	cfg  pve.Config
}

// target finds a container on record and on Proxmox, and makes sure that the
// two are the same: Proxmox gives a ctid to somebody else once it is free.
func (a *app) target(ctx context.Context, ref string) (*target, error) {
	if _, err := a.hostName(); err != nil {
		return nil, err
	}
	c, err := a.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	if c.Lifecycle == lxc.Destroyed {
		return nil, failf(provision.ExitOther, "container %s was destroyed", c.Hostname).hint("%s", a.command("list", "--all"))
	}
	if c.CTID == 0 {
		return nil, failf(provision.ExitOther, "container %s was never created on Proxmox", c.Hostname)
	}
	p, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	t := &target{app: a, c: c, pve: p.pve, node: c.Node}
	if t.node == "" {
		if t.node, _, err = p.pve.Find(ctx, c.CTID); err != nil {
			return nil, err
		}
	}
	if t.cfg, err = p.pve.Config(ctx, t.node, c.CTID); err != nil {
		return t, err
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

type destroyOptions struct {
	app     *app
	yes     bool
	foreign bool
	publish bool
}

func newDestroyCmd(a *app) *cobra.Command {
	o := &destroyOptions{app: a}
	cmd := &cobra.Command{
		Use:     "destroy <container>",
		Aliases: []string{"rm"},
		Short:   "Destroy a container and its disks",
		Long: `Destroy a container and its disks on Proxmox. What is recorded of it stays
readable. Only what this catalogue made is destroyed, unless --foreign is given.` +
			exitStatuses(0, 1, 2, 3, 4, 130, 143),
		Args: exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&o.publish, "publish", false, "also take its services out of Redis (redis.url in the config)")
	cmd.Flags().BoolVar(&o.foreign, "foreign", false, "also a container that this catalogue did not make")
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *destroyOptions) run(ctx context.Context, ref string) error {
	a := o.app
	t, err := a.target(ctx, ref)
	if t != nil && pve.IsKind(err, pve.NotFound) {
		return o.forget(ctx, t.c, "already gone") // what is wanted is so already
	}
	if err != nil {
		return o.foreignByID(ctx, ref, err)
	}
	if err := o.allowed(t); err != nil {
		return err
	}
	if err := a.confirm(ctx, o.yes, fmt.Sprintf("Destroy container %d (%s) and its disks?", t.c.CTID, t.c.Hostname)); err != nil {
		return err
	}
	if err := t.destroy(ctx); err != nil && !pve.IsKind(err, pve.NotFound) {
		return err
	}
	return o.forget(ctx, t.c, "destroyed")
}

// allowed refuses what is protected or not ours.
func (o *destroyOptions) allowed(t *target) error {
	switch {
	case t.cfg.Protection:
		return failf(provision.ExitProxmox, "cannot destroy %s: protection is on", t.c.Hostname).
			hint("on the node: pct set %d --protection 0", t.c.CTID)
	case (t.c.Adopted || !t.c.Marked && t.c.MAC != t.cfg.MAC) && !o.foreign:
		return usagef("cannot destroy %s: this catalogue did not make it", t.c.Hostname).hint("say --foreign if you mean it")
	}
	return nil
}

// destroy stops a running container, then removes it.
func (t *target) destroy(ctx context.Context) error {
	st, err := t.pve.Status(ctx, t.node, t.c.CTID)
	if err != nil {
		return err
	}
	if st.Running {
		if err := t.stop(ctx, 15*time.Second); err != nil {
			return err
		}
	}
	upid, err := t.pve.Destroy(ctx, t.node, t.c.CTID, pve.DestroyOptions{Purge: true})
	return t.follow(ctx, upid, err)
}

// foreignByID destroys, with --foreign, a ctid that is not on record.
func (o *destroyOptions) foreignByID(ctx context.Context, ref string, cause error) error {
	var none *store.NotFound
	ctid, convErr := strconv.Atoi(ref)
	if !errors.As(cause, &none) || convErr != nil || !o.foreign {
		return cause
	}
	p, err := o.app.open(ctx)
	if err != nil {
		return err
	}
	node, name, err := p.pve.Find(ctx, ctid)
	if err != nil {
		return err
	}
	t := &target{app: o.app, pve: p.pve, node: node, c: lxc.Container{CTID: ctid, Hostname: name, Node: node}}
	if t.cfg, err = p.pve.Config(ctx, node, ctid); err != nil {
		return err
	}
	if err := o.allowed(t); err != nil {
		return err
	}
	if err := o.app.confirm(ctx, o.yes, fmt.Sprintf("Destroy container %d (%s), which is not on record, and its disks?", ctid, name)); err != nil {
		return err
	}
	if err := t.destroy(ctx); err != nil {
		return err
	}
	return o.app.done(t.c, "destroyed")
}

// forget marks a record as destroyed.
func (o *destroyOptions) forget(ctx context.Context, c lxc.Container, how string) error {
	a := o.app
	c, err := a.store.UpdateContainer(context.WithoutCancel(ctx), c.RecordID, func(c *lxc.Container) error {
		now := time.Now().UTC()
		c.Lifecycle, c.DestroyedAt = lxc.Destroyed, &now
		return nil
	})
	if err != nil {
		return err
	}
	if o.publish || a.cfg.Publish {
		if m, err := store.NewMirror(a.cfg.RedisURL.Reveal()); err == nil {
			m.DeleteServices(c.RecordID)
			if lost := m.Close().Warning(); lost != "" {
				a.warn(lost, "")
			}
		}
	}
	return a.done(c, how)
}
