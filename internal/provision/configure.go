package provision

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// restartGrace is how long the container's init may take to stop before a restart kills it.
const restartGrace = 60 * time.Second

// login is what may be set that Proxmox keeps for root@pam.
func (r *Run) login() plan.Login {
	if r.host.PVE == nil {
		return plan.Login{}
	}
	return plan.Login{Root: r.host.PVE.IsRoot(), Node: r.host.SSH.Node != nil}
}

// lookAtSettings asks for the configuration with which a container runs, where settings may
// be decided about: in a sync, and in a resume of one.
func (r *Run) lookAtSettings(ctx context.Context) error {
	claimed := r.marks.Of(event.Deploying, plan.ItemSettings).State == plan.Claimed
	if !r.situation.Runs() || r.verb != plan.Sync && !claimed {
		return nil
	}
	now, err := r.host.PVE.CurrentConfig(ctx, r.recorded.Node, r.ctid)
	r.situation.Now = &now
	if err != nil || r.how.Want.Pool == "" && r.how.Was.Pool == "" {
		return err
	}
	pool, err := r.host.PVE.PoolOf(ctx, r.ctid)
	r.situation.Pool = &pool
	return err
}

// maySet refuses a sync whose settings the login may not set. It is asked before the first
// change.
func (r *Run) maySet(ctx context.Context) error {
	settings := plan.Settings(r.request(), r.world())
	for _, s := range settings {
		if s.Effect == plan.SettingRefuse {
			return r.mayNotSet(s)
		}
	}
	q := pve.SetRequest{Node: r.recorded.Node, CTID: r.ctid, Privileges: plan.SettingPrivileges(settings)}
	for _, s := range settings {
		switch {
		case s.Put.Grow:
			q.Grows = append(q.Grows, pve.Properties(r.situation.Config.All[s.Put.Key])[""])
		case strings.HasPrefix(s.Put.Key, "net"):
			q.Nets = append(q.Nets, s.Put.Value)
		}
	}
	if r.how.Restart && slices.ContainsFunc(settings, func(s plan.Setting) bool { return s.Restart }) {
		q.Privileges = append(q.Privileges, "VM.PowerMgmt")
	}
	if len(q.Privileges) == 0 {
		return nil
	}
	err := r.host.PVE.MaySet(ctx, q)
	var e *pve.Error
	if errors.As(err, &e) && e.Kind == pve.Invalid && len(e.Choices) > 0 { // a sync has no flag for it
		return &exit.Failure{
			Status: exit.Usage, Message: e.Error(), Err: err,
			Hints: []string{"network.bridge of the template may be: " + strings.Join(e.Choices, ", ")},
		}
	}
	return err
}

// mayNotSet is the error for a setting that Proxmox keeps for root@pam.
func (r *Run) mayNotSet(s plan.Setting) error {
	name := r.recorded.Hostname
	return &exit.Failure{
		Status:  exit.Proxmox,
		Message: fmt.Sprintf("cannot sync %s: %s (%s): %s; nothing was changed", name, s.Name, s.State(), s.Why),
		Hints: []string{
			fmt.Sprintf("on the node: pct set %d --%s %s", r.ctid, s.Put.Key, s.Put.Value),
			"or set INFRAHAUS_SSH_NODE, and it is done for you",
			"or log in as root@pam with its password: set INFRAHAUS_USER and INFRAHAUS_PASSWORD",
		},
	}
}

// stillRuns is the error for a restart that would kill a program of an earlier run.
func (r *Run) stillRuns(item string) error {
	name := r.recorded.Hostname
	return &exit.Failure{
		Status:  exit.Other,
		Message: fmt.Sprintf("cannot sync %s: %s still runs in it, and --restart would kill it; nothing was changed", name, item),
		Hints:   []string{"once that has ended: " + r.Command("sync", name, "--restart"), "to follow it: " + r.Command("resume", name)},
	}
}

// claimSettings records everything that a sync is about to set, so that a resume can do it.
// A claim that an earlier sync has left is closed if nothing is to be set now.
func (r *Run) claimSettings(ctx context.Context) error {
	var d plan.Detail
	for _, a := range r.plan.In(event.Deploying) {
		if a.Kind == plan.Configure {
			d.Puts = append(d.Puts, a.Put)
		}
	}
	switch d.Restart = r.plan.Has(plan.Restart); {
	case d.Restart || len(d.Puts) > 0:
		return r.mark(ctx, event.Deploying, plan.ItemSettings, plan.Claimed, d)
	case r.marks.Of(event.Deploying, plan.ItemSettings).State == plan.Claimed:
		return r.mark(ctx, event.Deploying, plan.ItemSettings, plan.Done, plan.Detail{})
	}
	return nil
}

// configure sets one setting. Repeating it does no harm: a disk grows to a size, and not by
// one.
func (r *Run) configure(ctx context.Context, a plan.Action) error {
	p, node := a.Put, r.recorded.Node
	r.say("Setting " + strings.TrimPrefix(strings.Join(a.Lines, "\n"), "set "))
	switch {
	case p.Grow:
		upid, err := r.host.PVE.Resize(ctx, node, r.ctid, p.Key, p.Value)
		if err == nil && upid != "" {
			_, err = r.followTask(ctx, upid)
		}
		return err
	case p.OnNode && r.host.SSH.Node == nil: // a resume, with other settings of the host
		return r.mayNotSet(plan.Setting{Name: p.Name, Want: p.Value, From: "record", Put: p, Why: "only root@pam with its password may set this, or pct on the node"})
	case p.OnNode:
		return r.host.SSH.Node.SetConfig(ctx, r.ctid, p.Key, p.Value)
	}
	return r.host.PVE.SetConfig(ctx, node, r.ctid, p.Key, p.Value)
}

// configured ends the settings: it records that they are set, and says what waits for a
// restart. After a change of the network the guest is entered again, because the way in may
// have gone with its address.
func (r *Run) configured(ctx context.Context) error {
	m := r.marks.Of(event.Deploying, plan.ItemSettings)
	if err := r.mark(ctx, event.Deploying, plan.ItemSettings, plan.Done, plan.Detail{}); err != nil {
		return err
	}
	if r.plan.Has(plan.Restart) {
		return nil
	}
	var wait []string
	for _, p := range m.Puts {
		if p.Restart {
			wait = append(wait, p.Name)
		}
	}
	if len(wait) > 0 {
		r.warn(strings.Join(wait, ", ")+": this takes effect at the next restart", r.Command("restart", r.recorded.Hostname))
	}
	if slices.ContainsFunc(m.Puts, func(p plan.Put) bool { return p.Key == "net0" }) {
		return r.enterAgain(ctx)
	}
	return nil
}

// restart stops the container and starts it again, and gets inside. The start is claimed, so
// that a resume knows that the container has been stopped.
func (r *Run) restart(ctx context.Context) error {
	node := r.placement.Node
	if err := r.tell("Restarting the container"); err != nil {
		return err
	}
	r.closeGuest()
	r.guest = nil
	upid, err := r.host.PVE.Shutdown(ctx, node, r.ctid, restartGrace, true)
	if err == nil {
		err = r.awaitStop(ctx, upid)
	}
	if err != nil {
		return err
	}
	r.forgetWay()
	if err := r.configAgain(ctx); err != nil {
		return err
	}
	if err := r.startIt(ctx, plan.Action{Kind: plan.Start}); err != nil {
		return err
	}
	return r.enterReady(ctx)
}

// awaitStop waits for the task that stops the container.
func (r *Run) awaitStop(ctx context.Context, upid string) error {
	most := restartGrace + time.Minute
	defer r.wait(fmt.Sprintf("container %d to stop", r.ctid), most)()
	wait, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if upid != "" {
		if _, err := r.followTask(wait, upid); err != nil {
			return err
		}
	}
	return r.host.PVE.Settle(ctx, r.placement.Node, r.ctid, upid, most, r.watch())
}

// enterAgain gets inside by the network as it is configured now.
func (r *Run) enterAgain(ctx context.Context) error {
	r.closeGuest()
	r.guest = nil
	r.forgetWay()
	if err := r.configAgain(ctx); err != nil {
		return err
	}
	return r.enterReady(ctx)
}

// forgetWay makes the next entry look for the address again.
func (r *Run) forgetWay() { r.opening, r.address = nil, netip.Addr{} }

// configAgain reads the configuration that this run has changed.
func (r *Run) configAgain(ctx context.Context) error {
	cfg, err := r.host.PVE.Config(ctx, r.placement.Node, r.ctid)
	if err != nil {
		return err
	}
	r.job.Spec.Network, r.mac = cfg.Net0, cfg.MAC
	return r.record.Update(ctx, func(c *lxc.Container) { c.MAC = cfg.MAC })
}
