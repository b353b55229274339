package provision

import (
	"context"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// apply replaces the root file system.
func (u *rootSwap) apply(ctx context.Context) error {
	r, node := u.run, u.run.recorded.Node
	if err := r.step(50, "Replacing the root file system"); err != nil {
		return err
	}
	now, err := r.host.PVE.AwaitUnlocked(ctx, node, r.ctid)
	if err != nil || volumeOf(now.All["rootfs"]) == volumeOf(u.at.New) {
		return err
	}
	aside, err := u.aside(ctx)
	if err != nil {
		return err
	}
	image, was := environments(aside)
	set := map[string]string{"rootfs": u.at.New, u.at.OldKey: volumeOf(u.at.Old)}
	if e := aside.All["entrypoint"]; e != "" {
		set["entrypoint"] = e
	}
	if env := u.environment(image, was); env != "" && env != was {
		set["env"] = env
	}
	return r.host.PVE.SetConfigs(ctx, node, r.ctid, set)
}

// half is false: an apply that fails has changed nothing, and can be repeated.
func (u *rootSwap) half() bool { return false }

// canPutBack is true: the old root is kept.
func (u *rootSwap) canPutBack() bool { return true }

// undo makes the old volume the root file system again. After a rollback to the snapshot it
// is that already.
func (u *rootSwap) undo(ctx context.Context) error {
	r, node := u.run, u.run.recorded.Node
	now, err := r.host.PVE.AwaitUnlocked(ctx, node, r.ctid)
	if err != nil || u.at.New == "" || volumeOf(now.All["rootfs"]) != volumeOf(u.at.New) {
		return err
	}
	aside, err := u.aside(ctx)
	if err != nil {
		return err
	}
	_, was := environments(aside)
	set, drop := map[string]string{"rootfs": u.at.Old, u.at.Given: volumeOf(u.at.New)}, []string(nil)
	for key, value := range map[string]string{"entrypoint": u.at.Program, "env": was} {
		switch {
		case value != "":
			set[key] = value
		case now.All[key] != "":
			drop = append(drop, key)
		}
	}
	slices.Sort(drop)
	return r.host.PVE.SetConfigs(ctx, node, r.ctid, set, drop...)
}

// settle removes the root that is not used any more, and the second container.
func (u *rootSwap) settle(ctx context.Context, good bool) error {
	r, node := u.run, u.run.recorded.Node
	if len(r.unready) == 0 || !good {
		r.dropSnapshot(ctx) // first: a volume that a snapshot has is not removed
	}
	now, err := r.host.PVE.AwaitUnlocked(ctx, node, r.ctid)
	if err != nil {
		return err
	}
	volume := volumeOf(u.at.New)
	if good {
		volume = volumeOf(u.at.Old)
	} else if volume == "" && u.at.Given != "" { // it was handed over, and nobody has seen that
		volume = now.Unused()[u.at.Given]
	}
	for key, has := range now.Unused() {
		if has == volume && has != volumeOf(now.All["rootfs"]) {
			if err := r.host.PVE.SetConfigs(ctx, node, r.ctid, nil, key); err != nil {
				return err
			}
		}
	}
	if err := u.removeAside(ctx); err != nil {
		return err
	}
	err = r.record.Update(ctx, func(c *lxc.Container) {
		if good {
			c.Image, c.OSTemplate = pve.ImageMade(&u.at.Image, now), u.at.Image.Archive
		} else if c.Lifecycle = u.at.Before; u.at.Before == "" {
			c.Lifecycle = lxc.Ready
		}
	})
	if err != nil {
		return err
	}
	return r.mark(ctx, event.Deploying, plan.ItemUpdate, plan.Done, plan.Detail{})
}

func volumeOf(property string) string { return pve.Properties(property)[""] }
