package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
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
	return plan.Login{Root: r.host.PVE.IsRoot(), Node: r.nodeSSH() != nil, Pools: r.mayMove}
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
	if err != nil {
		return err
	}
	if len(r.how.Want.Devices) > 0 {
		version, err := r.host.PVE.Version(ctx)
		if err != nil {
			return err
		}
		r.situation.HotDevices = version.Major() >= 9
	}
	if err := r.lookAtImage(ctx); err != nil {
		return err
	}
	return r.lookAtPool(ctx)
}

// registryPatience bounds the question that a sync asks the registry.
const registryPatience = 10 * time.Second

// lookAtImage asks the registry what the image's tag stands for now. A registry that does
// not answer is no fault of the container.
func (r *Run) lookAtImage(ctx context.Context) error {
	image := r.recorded.Image
	if image == nil || image.Digest == "" {
		return nil
	}
	var err error
	r.situation.Moved, err = r.movedTo(ctx, image.Reference, image.Digest)
	return err
}

// movedTo is what the tag of an image stands for now, "" if that is the digest still, or if
// nobody tells. Its error is the end of ctx.
func (r *Run) movedTo(ctx context.Context, reference, digest string) (string, error) {
	ref, err := oci.Parse(reference)
	ask := WayOf(r.host.SSH).Registry
	if err != nil || ref.Digest != "" || ask == nil {
		return "", nil // nothing can move
	}
	asking, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	if found, err := ask(asking, ref, ""); err == nil && found.Digest != digest {
		return found.Digest, nil
	}
	return "", context.Cause(ctx)
}

// lookAtPool asks for the container's pool, and whether the login may change it, where one is
// asked for.
func (r *Run) lookAtPool(ctx context.Context) error {
	claims := r.marks.Of(event.Deploying, plan.ItemSettings).Puts
	claimed := slices.IndexFunc(claims, func(p plan.Put) bool { return p.Key == plan.KeyPool })
	if r.how.Want.Pool == "" && r.how.Was.Pool == "" && claimed < 0 {
		return nil
	}
	pool, err := r.host.PVE.PoolOf(ctx, r.ctid)
	r.situation.Pool = &pool
	if want := r.how.Want.InPool(); err == nil && r.verb == plan.Sync && want != pool {
		r.mayMove, err = r.host.PVE.MayMove(ctx, r.ctid, pool, want)
	}
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
		if s.Mount != nil {
			q.Mounts = append(q.Mounts, *s.Mount)
		}
		switch {
		case s.Put.Key == plan.KeyPool:
			q.Pool = s.Put.Value
		case s.Put.Grow:
			q.Grows = append(q.Grows, pve.Properties(r.situation.Config.All[s.Put.Key])[""])
		case strings.HasPrefix(s.Put.Key, "net"):
			q.Nets = append(q.Nets, s.Put.Value)
			now := r.situation.Config
			if r.situation.Now != nil {
				now = *r.situation.Now
			}
			if was := now.All[s.Put.Key]; was != "" {
				q.OldNets = append(q.OldNets, was)
			}
		}
	}
	if r.how.Restart && slices.ContainsFunc(settings, func(s plan.Setting) bool { return s.Restart }) {
		q.Privileges = append(q.Privileges, "VM.PowerMgmt")
	}
	if err := r.nodeHas(ctx, settings); err != nil {
		return err
	}
	if len(q.Privileges) == 0 && len(q.Mounts) == 0 && q.Pool == "" {
		return nil
	}
	err := r.host.PVE.MaySet(ctx, q)
	var e *pve.Error
	if errors.As(err, &e) && e.Kind == pve.Invalid && e.Field == "bridge" && len(e.Choices) > 0 { // a sync has no flag for it
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
			fmt.Sprintf("on the node: pct set %d --%s %s", r.ctid, s.Put.Key, guest.Quote(s.Put.Value)),
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
	case p.Key == plan.KeyEnv:
		return r.changeEnvironment(ctx, p.Old)
	case p.Key == plan.KeyPool && !p.OnNode:
		return r.host.PVE.MoveToPool(ctx, r.ctid, p.Old, p.Value)
	case p.OnNode && r.nodeSSH() == nil: // a resume, with other settings of the host
		return r.mayNotSet(plan.Setting{Name: p.Name, Want: p.Value, From: "record", Put: p, Why: "only root@pam with its password may set this, or pct on the node"})
	case p.Key == plan.KeyPool:
		return r.nodeSSH().Admin(ctx, fmt.Sprintf("change the pool of container %d", r.ctid), plan.PoolCommand(r.ctid, p.Value, p.Old))
	case p.Add:
		return r.add(ctx, p)
	case p.OnNode:
		return r.nodeSSH().SetConfig(ctx, r.ctid, p.Key, p.Value)
	}
	return r.host.PVE.SetConfig(ctx, node, r.ctid, p.Key, p.Value)
}

// add adds an interface, a mount point or a device, unless it is there already: a run that
// died, or a connection that broke, may have added it.
func (r *Run) add(ctx context.Context, p plan.Put) error {
	const tries = 5
	var last error
	for range tries {
		cfg, err := r.host.PVE.Config(ctx, r.recorded.Node, r.ctid)
		if err != nil {
			return cmp.Or(last, err)
		}
		if p.Made(cfg) {
			return nil
		}
		if cfg.All[p.Key] != "" { // somebody has taken it since the plan was made
			p = p.Free(cfg)
		}
		changed := false
		if p.OnNode {
			changed, err = r.nodeSSH().AddConfig(ctx, r.ctid, p.Key, p.Value, cfg.All["digest"])
		} else {
			err = r.host.PVE.AddConfig(ctx, r.recorded.Node, r.ctid, p.Key, p.Value, cfg)
			changed = errors.Is(err, pve.ErrChanged)
		}
		if !changed {
			return err
		}
		last = err
	}
	return last
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
	if r.application {
		return r.enterApplication(ctx)
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
	if r.application {
		return r.enterApplication(ctx)
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
