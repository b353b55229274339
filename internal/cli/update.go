package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type updateOptions struct {
	app         *app
	plan        bool
	exitCode    bool
	save        string
	discardRoot bool
	onFailure   string
	rollback    bool
	publish     bool
}

func newUpdateCmd(a *app) *cobra.Command {
	o := &updateOptions{app: a}
	cmd := &cobra.Command{
		Use:   "update <container>",
		Short: "Bring what a container runs to its newest version",
		Long: `Bring what a container runs to its newest version.

Where the template has an update (see infrahaus help template), its check looks for
something newer first. If there is, the container is saved (a snapshot where the storage
can, else a backup by vzdump), and the update's script runs in it. If the script fails, or a
declared service does not answer afterwards, the container is put back: to the snapshot, or
made again from the backup. Then the exit status is 5. A backup stays.

A container that was made from an OCI image is brought to the newest digest of its
reference, or to the image of the same repository that its template names now: another
tag, or the digest that ` + fetch.LockName + ` has.

The new root file system is made beside the container, while it runs. Then the container
is stopped and saved (a snapshot where the storage can, else a backup by vzdump), its root
file system is replaced, and it is started. Its id, MAC, address, record, mount points and
the variables of its environment stay. The old root file system is kept until the declared
services answer; if they do not, or the new program ends, everything is put back, and the
exit status is 5.

Everything that is not on a mount point is lost with the old root file system. So an update
is refused where no mount point keeps data, or where the image keeps data at a path that is
no mount point; --discard-root does it nevertheless.

A run that was killed is finished by the same command or by resume, or undone with
--rollback. A script that still runs is followed. Where nothing is newer, nothing is touched.` + exitStatuses(0, 1, 2, 3, 4, 5, 6, 7, 130, 143),
		Example: `  infrahaus update web --plan
  infrahaus update web
  infrahaus update --filter status=ready --plan --exit-code
  infrahaus update web --rollback`,
		Args: exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.plan, "plan", false, "show what would be done and touch nothing")
	f.BoolVar(&o.exitCode, "exit-code", false, "with --plan: end with status 7 if there is something newer")
	choose(cmd, &o.save, "snapshot", plan.SnapshotAuto, "`when` to save the container first: %s", plan.SnapshotAuto, plan.SnapshotAlways, plan.SnapshotNever)
	f.BoolVar(&o.discardRoot, "discard-root", false, "replace the root file system although data in it is lost")
	choose(cmd, &o.onFailure, "on-failure", "back", "`what` to do if the new version does not get ready: put it %s", "back", "keep")
	f.BoolVar(&o.rollback, "rollback", false, "put back an update that was not finished")
	f.BoolVar(&o.publish, "publish", false, "mirror the events to Redis (redis.url in the config)")
	a.junitFlag(f)
	a.lockedFlag(f)
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *updateOptions) run(ctx context.Context, ref string) error {
	a := o.app
	switch {
	case o.exitCode && !o.plan:
		return usagef("--exit-code goes with --plan")
	case o.rollback && o.plan:
		return usagef("--rollback and --plan exclude each other")
	}
	c, err := a.findThere(ctx, ref)
	if err != nil {
		return err
	}
	if err := a.vault.Check(); err != nil {
		return err
	}
	if c.Lifecycle == lxc.Destroyed {
		return a.isGone(c)
	}
	look, err := a.rehearse(ctx, c)
	if err != nil {
		return err
	}
	if err := look.run.MayGoOn(ctx, c); err != nil {
		return err
	}
	q, err := o.request(ctx, c)
	if err != nil {
		return err
	}
	if o.plan {
		return o.show(ctx, look, q)
	}
	// Everything that can be refused is refused before a run is on record.
	if !o.rollback {
		ahead := q
		ahead.Ahead = true
		if _, _, err := look.run.UpdatePlan(ctx, ahead); err != nil {
			return err
		}
	}
	return a.perform(ctx, c, request{
		verb: "update", publish: o.publish, seals: true, at: look.place,
		do: func(ctx context.Context, s *session) (provision.Result, error) { return s.run.Update(ctx, q) },
	})
}

// request is what the engine is asked for. To put an update back, the template has to be found
// as it is on record, without a network.
func (o *updateOptions) request(ctx context.Context, c lxc.Container) (provision.UpdateRequest, error) {
	a, mode := o.app, fetch.Anew
	if o.rollback {
		mode = fetch.Known
	}
	q := provision.UpdateRequest{
		Recorded: c, Back: o.rollback,
		How: plan.UpdateRequest{Save: o.save, DiscardRoot: o.discardRoot, Keep: o.onFailure == "keep"},
	}
	m, err := a.recall(ctx, c, nil, nil, mode)
	if err != nil {
		return q, err
	}
	if q.Job = m.Job; !o.rollback {
		q.Want, err = a.pinImages(m.Given.Follow(m.Was(), m.Template.Spec()), m.Template)
	}
	return q, err
}

// updateBegun reports whether an update of a container has begun and not ended.
func (a *app) updateBegun(ctx context.Context, c lxc.Container) (bool, error) {
	look, err := a.rehearse(ctx, c)
	if err != nil {
		return false, err
	}
	return look.run.UpdateBegun(ctx, c)
}

// update is the resume of an update.
func (o *resumeOptions) update(ctx context.Context, c lxc.Container) error {
	if o.from != "" || len(o.skipScripts) > 0 || o.templateChanged || o.packages.none || len(o.packages.packages) > 0 {
		return usagef("the update of %s was not finished, and a resume goes on with that alone", c.Hostname).hint("%s", o.app.command("resume", c.Hostname))
	}
	u := &updateOptions{app: o.app, plan: o.plan, save: plan.SnapshotAuto, onFailure: "back", publish: o.publish}
	return u.run(ctx, c.RecordID)
}

// updateDocument is what `update --plan --json` prints.
type updateDocument struct {
	ContainerID string               `json:"containerId"`
	Hostname    string               `json:"hostname"`
	What        string               `json:"what"`
	From        string               `json:"from"`
	To          string               `json:"to"`
	Newer       bool                 `json:"newer"`
	Steps       []provision.PlanStep `json:"steps"`
}

// show is --plan.
func (o *updateOptions) show(ctx context.Context, look *session, q provision.UpdateRequest) error {
	a := o.app
	w, steps, err := look.run.UpdatePlan(ctx, q)
	if err != nil {
		return err
	}
	newer := !w.Same || w.Begun.Begun()
	if a.global.json {
		err = ui.WriteJSON(a.streams, updateDocument{q.Recorded.RecordID, q.Recorded.Hostname, w.What, w.From, w.To, newer, steps})
	} else {
		err = a.printPlan(steps)
	}
	if err != nil {
		return err
	}
	a.ended = &ending{result: map[bool]string{true: "newer", false: "up to date"}[newer]}
	if o.exitCode && newer {
		return silent{exit.Differs}
	}
	return nil
}
