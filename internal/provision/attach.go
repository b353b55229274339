package provision

import (
	"context"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// attach finds a running container, whether this tool made it or not, and gets inside.
func (r *Run) attach(ctx context.Context) error {
	r.verb, r.phase = plan.Discover, Phases[len(Phases)-1]
	defer r.wait("", 0)()
	if err := r.Bus.Emit(event.Event{Type: event.Step, Step: r.phase.Name, Message: "Looking for the container"}); err != nil {
		return err
	}
	r.ctid = r.recorded.CTID
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.may(ctx, "look inside", slices.Concat([]string{"VM.Audit"}, Inside(r.host.SSH.Transport))); err != nil {
		return err
	}
	found, err := r.survey().FindRunning(ctx)
	if found.Node != "" {
		r.Bus.SetPlace(r.ctid, found.Node)
	}
	if err != nil {
		return err
	}
	node, cfg := found.Node, found.Config
	r.mac, r.job.Spec.Network = cfg.MAC, cfg.Net0
	r.situation, r.application = found, cfg.Application()
	if err := r.record.Update(ctx, func(c *lxc.Container) { c.MAC, c.Node = cfg.MAC, node }); err != nil {
		return err
	}
	r.placement = &pve.Placement{Node: node}
	if err := r.findAddress(ctx, node); err != nil {
		return err
	}
	if r.hostKeys, err = r.record.HostKeys(ctx); err != nil {
		return err
	}
	r.decide()
	return r.goIn(ctx)
}

// goIn gets inside a container that is known to run.
func (r *Run) goIn(ctx context.Context) error {
	r.openSoon(ctx)
	close(r.opening.up)
	if r.application {
		return r.enterApplication(ctx)
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	return r.waitReady(ctx, guest.Ready{})
}

// findAddress asks for the address of a running container. Without an address, the node or
// the console is still a way in. A container that Proxmox gives no address may have made one
// for itself, which is not worth a long wait.
func (r *Run) findAddress(ctx context.Context, node string) error {
	patience := 10 * time.Second
	defer r.wait("", patience)()
	if !r.job.Spec.Network.Addressed() {
		patience = time.Second
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if addr, ok := plan.StaticAddress(r.job.Spec.Network); ok {
		r.address = addr
	} else if addr, err := r.host.PVE.Address(wait, node, r.ctid, r.job.Spec.Network, r.mac, r.watch()); err == nil {
		r.address = addr
	} else if ctx.Err() != nil {
		return context.Cause(ctx)
	} else {
		if r.job.Spec.Network.Addressed() {
			r.warn("the container has no address", "")
		}
		return nil
	}
	return r.record.Update(ctx, func(c *lxc.Container) { c.Address = r.address.String() })
}
