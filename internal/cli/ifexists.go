package cli

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// asItIs is --if-exists ok for a container that is ready on record. It asks Proxmox, where
// the container may have been stopped or destroyed meanwhile: a stopped one is started.
func (o *createOptions) asItIs(ctx context.Context, c lxc.Container) error {
	a := o.app
	running, err := a.stands(ctx, c)
	if err != nil {
		return err
	}
	if !running {
		v := startVerb()
		if err := a.alone(ctx, c, v.name, func() error { return a.power(ctx, v, c) }); err != nil {
			return err
		}
	}
	return a.showContainer(ctx, c)
}

// stands asks Proxmox whether a container on record runs. One that has vanished is an
// error.
func (a *app) stands(ctx context.Context, c lxc.Container) (running bool, err error) {
	defer a.waiting("Proxmox to report the state of "+c.Hostname, 0)()
	p, err := a.open(ctx)
	if err != nil {
		return false, err
	}
	node, cfg, err := p.pve.Locate(ctx, c.Node, c.CTID)
	switch {
	case pve.IsKind(err, pve.NotFound):
		return false, a.vanished(ctx, c)
	case err != nil:
		return false, err
	case ownership.Of(c, &cfg) == ownership.Theirs:
		return false, survey.NotOurs(c, node, a.command)
	}
	st, err := p.pve.Status(ctx, node, c.CTID)
	return st.Running, err
}

// vanished is the error for a container that is ready on record and not on Proxmox.
func (a *app) vanished(ctx context.Context, c lxc.Container) error {
	f := failf(provision.ExitUnreachable, "cannot take %s as it is: Proxmox has no container %d any more; somebody else has destroyed it", c.Hostname, c.CTID).
		hint("to take it off the record: %s", a.command("destroy", c.Hostname))
	if m, err := a.remember(ctx, c, nil); err == nil { // the template may be gone
		f = f.hint("then, to make it anew: %s", a.command(createWords(m)...))
	}
	return f
}
