package provision

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// unprepared cleans up after a preparation that failed: the container is as it was.
func (r *Run) unprepared(ctx context.Context, u *updating, err error) error {
	if context.Cause(ctx) != nil {
		return err
	}
	if left := u.settle(ctx, false); left != nil {
		r.warn("what was made for the update could not be removed: "+left.Error(), r.Command("update", r.recorded.Hostname, "--rollback"))
		return err
	}
	r.changing = false
	return err
}

// updateBack puts the container back as it was before the update. why is the reason, nil if
// the user asks for it: then that is no failure.
func (r *Run) updateBack(ctx context.Context, u *updating, why error) error {
	name := r.recorded.Hostname
	if u.swap().Touched() {
		r.changing = true
		if err := r.putUpdateBack(ctx, u, why); err != nil {
			f := exit.Explain(err)
			f.Hints = append(f.Hints, "it is not put back yet; to go on with that: "+r.Command("update", name, "--rollback"))
			return f
		}
	}
	if err := u.settle(ctx, false); err != nil {
		return err
	}
	if why == nil {
		r.updated = "Container is as it was before the update"
		return nil
	}
	r.changing = false
	f := exit.Explain(why)
	out := &exit.Failure{Status: exit.Guest, Message: f.Message + "; the container was put back as it was", Tail: f.Tail, Err: why, Hints: f.Hints}
	if b := u.swap().Backup; b != "" && u.world.Stop {
		out.Hints = append(out.Hints, "what the new version wrote to mount points stays there; the backup from before is "+b)
	}
	return out
}

// leaveHalf ends an update whose change has failed and that is not put back: it was not saved,
// or the user wants to look. The next update begins anew.
func (r *Run) leaveHalf(ctx context.Context, u *updating, why error) error {
	if err := u.settle(ctx, false); err != nil {
		return err
	}
	r.changing = false
	f := exit.Explain(why)
	f.Message += "; the container is as that has left it"
	f.Hints = append(f.Hints, "to try again: "+r.Command("update", r.recorded.Hostname))
	return f
}

func (r *Run) putUpdateBack(ctx context.Context, u *updating, why error) error {
	message := "Putting the container back"
	if why != nil {
		message += ", because " + exit.Explain(why).Message
	}
	if err := r.stage(ctx, u, plan.SwapBack); err != nil {
		return err
	}
	r.say(message)
	st, err := r.host.PVE.Status(ctx, r.placement.Node, r.ctid)
	if err == nil && st.Running {
		r.closeGuest()
		r.guest = nil
		err = r.halt(ctx, r.placement.Node, destroyGrace)
	}
	if err != nil {
		return err
	}
	if m := r.marks.Of(event.Deploying, plan.ItemSnapshot); m.State == plan.Claimed {
		there, err := r.snapshotThere(ctx, m)
		if err != nil {
			return err
		}
		if there {
			r.say("Going back to the snapshot " + m.Name)
			upid, err := r.host.PVE.Rollback(ctx, r.placement.Node, r.ctid, m.Name, false)
			if err == nil {
				_, err = r.followTask(ctx, upid)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := u.undo(ctx); err != nil {
		return err
	}
	if !u.swap().Ran {
		return nil
	}
	return r.runAndLook(ctx)
}
