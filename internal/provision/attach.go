package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// attach finds a running container that exists already, this tool's or not, and
// gets inside.
func (r *Run) attach(ctx context.Context) error {
	r.looking = true
	r.phase = Phases[len(Phases)-1]
	defer r.wait("", 0)()
	if err := r.Bus.Emit(event.Event{Type: event.Step, Step: r.phase.Name, Message: "Looking for the container"}); err != nil {
		return err
	}
	if err := r.may(ctx, "look inside", slices.Concat([]string{"VM.Audit"}, Inside(r.SSH.Transport))); err != nil {
		return err
	}
	node, _, err := r.PVE.Find(ctx, r.CTID)
	if pve.IsKind(err, pve.NotFound) {
		// A list leaves out what the login may not see; who asks for it by name is told.
		node, _, err = r.PVE.Locate(ctx, r.Recorded.Node, r.CTID)
	}
	if pve.IsKind(err, pve.NotFound) {
		return survey.Lost("look inside", r.Recorded, r.Command)
	}
	if err != nil {
		return err
	}
	r.Bus.SetPlace(r.CTID, node)
	st, err := r.PVE.Status(ctx, node, r.CTID)
	if err != nil {
		return err
	}
	if !st.Running {
		name := r.Recorded.Hostname // Proxmox may call it otherwise, and no command here knows that name
		return &Failure{
			Status:  ExitUnreachable,
			Message: fmt.Sprintf("cannot look inside container %d (%s): it is not running", r.CTID, name),
			Hints:   []string{r.Command("start", name)},
		}
	}
	cfg, err := r.PVE.Config(ctx, node, r.CTID)
	if err != nil {
		return err
	}
	if !ownership.Of(r.Recorded, &cfg).Mine() {
		return survey.NotOurs(r.Recorded, node, r.Command)
	}
	r.MAC, r.Job.Spec.Network = cfg.MAC, cfg.Net0
	if err := r.Record.Update(ctx, func(c *lxc.Container) { c.MAC, c.Node = cfg.MAC, node }); err != nil {
		return err
	}
	r.Placement = &pve.Placement{Node: node}
	if err := r.findAddress(ctx, node); err != nil {
		return err
	}
	if r.hostKeys, err = r.Record.HostKeys(ctx); err != nil {
		return err
	}
	return r.goIn(ctx)
}

// goIn gets inside a container that runs.
func (r *Run) goIn(ctx context.Context) error {
	r.openSoon(ctx)
	close(r.opening.up)
	if err := r.enter(ctx); err != nil {
		return err
	}
	return r.waitReady(ctx, guest.Ready{})
}

// findAddress asks for the address of a container that runs: one without any can
// still be entered through the node or the console. Where Proxmox is to give it none,
// it may have made one for itself, which is not waited for.
func (r *Run) findAddress(ctx context.Context, node string) error {
	patience := 10 * time.Second
	defer r.wait("", patience)()
	if !r.Job.Spec.Network.Addressed() {
		patience = time.Second
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if addr, ok := staticAddress(r.Job.Spec.Network); ok {
		r.Address = addr
	} else if addr, err := r.PVE.Address(wait, node, r.CTID, r.Job.Spec.Network, r.MAC, r.watch()); err == nil {
		r.Address = addr
	} else if ctx.Err() != nil {
		return context.Cause(ctx)
	} else {
		if r.Job.Spec.Network.Addressed() {
			r.warn("the container has no address", "")
		}
		return nil
	}
	return r.Record.Update(ctx, func(c *lxc.Container) { c.Address = r.Address.String() })
}
