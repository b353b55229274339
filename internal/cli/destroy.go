package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
)

type destroyOptions struct {
	app       *app
	yes       bool
	foreign   bool
	snapshots bool
	publish   bool
}

func newDestroyCmd(a *app) *cobra.Command {
	o := &destroyOptions{app: a}
	cmd := &cobra.Command{
		Use:     "destroy <container>",
		Aliases: []string{"rm"},
		Short:   "Destroy a container and its disks",
		Long: `Destroy a container and its disks on Proxmox, whatever state it is in: running
(it is stopped gracefully, then by force), half made, or gone already. What is
recorded of it stays readable.

Left alone, and named, is what is protected, managed by Proxmox's high
availability or locked by another task; what has snapshots, unless --snapshots
is given; and what this catalogue did not make, unless --foreign is given.` +
			exitStatuses(0, 1, 2, 3, 4, 130, 143),
		Args: exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.publish, "publish", false, "also take its services out of Redis (redis.url in the config)")
	f.BoolVar(&o.foreign, "foreign", false, "also a container that this catalogue did not make")
	f.BoolVar(&o.snapshots, "snapshots", false, "also a container with snapshots, which go with it")
	cmd.ValidArgsFunction = a.completeContainers
	return a.enqueueFlags(cmd, "destroy")
}

func (o *destroyOptions) run(ctx context.Context, ref string) error {
	a := o.app
	host, err := a.hostName()
	if err != nil {
		return err
	}
	c, err := a.findThere(ctx, ref)
	if ctid, last := vacant(ref, c, err); ctid > 0 && o.foreign {
		return o.stranger(ctx, host, ctid, last)
	}
	if last := newestGone(err); last != nil {
		c, err = *last, nil
	}
	if err != nil {
		return err
	}
	return o.destroy(ctx, c, onRecord)
}

// newestGone is, of several that a reference may mean and that were all destroyed, the
// last: which one is meant does not matter. Else it is nil.
func newestGone(err error) *lxc.Container {
	var many *store.Ambiguous
	if !errors.As(err, &many) || slices.ContainsFunc(many.Candidates, func(c lxc.Container) bool { return c.Lifecycle != lxc.Destroyed }) {
		return nil
	}
	return &many.Candidates[len(many.Candidates)-1]
}

// stranger destroys a container that is not on record, and records its end. last is the
// container that had its id before, if any.
func (o *destroyOptions) stranger(ctx context.Context, host string, ctid int, last lxc.Container) error {
	p, err := o.app.open(ctx)
	if err != nil {
		return err
	}
	if err := store.CheckFolder(o.app.cfg.Paths.StateDir); o.app.store == nil && err != nil {
		return err
	}
	err = p.pve.May(ctx, fmt.Sprintf("destroy container %d", ctid), ctid, []string{"VM.Audit", "VM.Allocate"}, []string{"VM.PowerMgmt"})
	if err != nil {
		return err
	}
	c, cfg, err := o.app.adopted(ctx, p, host, ctid)
	if last.RecordID != "" && (pve.IsKind(err, pve.NotFound) || err == nil && ownership.Of(last, &cfg).Mine()) {
		return o.destroy(ctx, last, onRecord) // it is gone, or back, for example from a backup
	}
	if err != nil {
		return err
	}
	return o.destroy(ctx, c, func(c lxc.Container) (lxc.Container, error) {
		var err error
		if c.HostID, err = o.app.enter(ctx, p); err == nil {
			err = o.app.store.CreateContainer(ctx, c)
		}
		return c, err
	})
}

// onRecord is the enter of destroy for a container that is on record.
func onRecord(c lxc.Container) (lxc.Container, error) { return c, nil }

// destroy looks, asks and removes. After the question, enter makes the record, and a
// catalogue, if there is none. The rest is a run: no other process works on the container
// meanwhile, and each step is on record.
func (o *destroyOptions) destroy(ctx context.Context, c lxc.Container, enter func(lxc.Container) (lxc.Container, error)) error {
	a := o.app
	look, err := a.rehearse(ctx, c)
	if err != nil {
		return err
	}
	found, err := look.run.SurveyDestroy(ctx, provision.DestroyRequest{Recorded: c, Foreign: o.foreign})
	if err != nil {
		return err
	}
	if len(found.Snapshots) > 0 && !o.snapshots {
		return failf(exit.Proxmox, "cannot destroy %s: it has snapshots that would be lost: %s", c.Hostname, strings.Join(found.Snapshots, ", ")).
			hint("say --snapshots if you mean them too")
	}
	if c.Lifecycle == lxc.Destroyed && found.Gone != "" {
		return a.done(c, "already gone")
	}
	question := fmt.Sprintf("Destroy container %d (%s) and its disks?", c.CTID, c.Hostname)
	if found.Gone != "" {
		question = fmt.Sprintf("Take %s off the record? On Proxmox it is %s.", c.Hostname, found.Gone)
	}
	if err := a.confirm(ctx, o.yes, question); err != nil {
		return err
	}
	if c, err = enter(c); err != nil {
		return err
	}
	return o.perform(ctx, c, look.place, found.Gone)
}

// perform destroys c as a run. gone says how Proxmox has lost it already, if it has.
func (o *destroyOptions) perform(ctx context.Context, c lxc.Container, at *place, gone string) error {
	a := o.app
	what := "destroyed"
	display := &lastEvent{waits: a.longWaits()}
	err := a.perform(ctx, c, request{
		verb: "destroy", publish: o.publish, at: at, display: display,
		do: func(ctx context.Context, s *session) (provision.Result, error) {
			err := o.remove(ctx, s, c)
			if gone != "" {
				var why string
				if what, why, _ = strings.Cut(gone, ": "); why != "" && !a.global.quiet {
					a.note(why)
				}
			}
			return provision.Result{}, err
		},
		show: func(_ context.Context, _ *session, c lxc.Container) error { return a.done(c, what) },
	})
	for _, w := range display.warnings {
		a.warn(w.Message, w.Hint)
	}
	return display.told(a, err)
}

// remove surveys once more, because another process may have worked on the container before
// the run began, and destroys.
func (o *destroyOptions) remove(ctx context.Context, s *session, c lxc.Container) error {
	found, err := s.run.SurveyDestroy(ctx, provision.DestroyRequest{Recorded: c, Foreign: o.foreign})
	if err == nil {
		err = s.run.Destroy(ctx, found)
	}
	if err == nil && s.mirror != nil {
		s.mirror.DeleteServices(s.container.RecordID)
	}
	return err
}
