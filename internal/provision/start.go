package provision

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// start starts the container, follows the task and learns the address. If the address is
// known before, or no way in needs it, the guest is opened while the task still runs.
func (r *Run) start(ctx context.Context) error {
	todo := r.plan.In(event.Starting)[0]
	if todo.Kind == plan.Nothing {
		return r.step(r.phase.To, "Container runs")
	}
	if err := r.step(r.phase.From, "Starting container"); err != nil {
		return err
	}
	if err := r.startIt(ctx, todo); err != nil {
		return err
	}
	return r.step(r.phase.To, "Container started"+at(r.address))
}

// startIt starts the container, or follows the task that does, learns the address and begins
// to open the guest.
func (r *Run) startIt(ctx context.Context, todo plan.Action) error {
	node := r.placement.Node
	if err := r.learnKind(ctx); err != nil {
		return err
	}
	upid, err := r.startTask(ctx, node, todo)
	if err != nil {
		return err
	}
	addr, static := plan.StaticAddress(r.job.Spec.Network)
	if static {
		r.address = addr
	}
	if static || !r.host.SSH.NeedsAddress() {
		r.openSoon(ctx)
	}
	res, err := r.awaitStart(ctx, upid, r.followTask)
	if err != nil {
		return r.startFailed(ctx, err)
	}
	r.warnAll(res.Warnings)
	if err := r.mark(ctx, event.Starting, plan.ItemStart, plan.Done, plan.Detail{UPID: upid}); err != nil {
		return err
	}
	if r.opening != nil {
		close(r.opening.up)
	}
	if err := r.learnAddress(ctx, node); err != nil {
		return err
	}
	if r.opening == nil {
		r.openSoon(ctx)
		close(r.opening.up)
	}
	return nil
}

// StartTimeout is how long the task that starts a container may take. ext4's multi-mount
// protection alone waits 45 s if the disk is a raw ext4 image that was saved while it was
// in use, as after a rollback or a crash of the node.
const StartTimeout = 3 * time.Minute

// awaitStart waits for the task that starts the container, with follow.
func (r *Run) awaitStart(ctx context.Context, upid string, follow func(context.Context, string) (pve.Result, error)) (pve.Result, error) {
	wait, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	what := fmt.Sprintf("container %d to start", r.ctid)
	if r.verb == plan.Rollback {
		what += ": its first start after a rollback takes most of a minute if its disk is a raw image (ext4's multi-mount protection)"
	}
	defer r.wait(what, StartTimeout)()
	res, err := follow(wait, upid)
	if wait.Err() != nil && ctx.Err() == nil {
		return res, &exit.Failure{
			Status: exit.Proxmox, Err: err,
			Message: fmt.Sprintf("cannot wait any longer for container %d to start: its task still runs after %s", r.ctid, StartTimeout),
		}
	}
	if err == nil {
		err = r.host.PVE.Settle(ctx, r.placement.Node, r.ctid, upid, StartTimeout, r.watch())
	}
	return res, err
}

// startTask begins to start the container, or finds the task that does so.
func (r *Run) startTask(ctx context.Context, node string, todo plan.Action) (string, error) {
	if todo.Kind == plan.FollowStart {
		r.say("It is being started already")
		return r.situation.Start, nil
	}
	if err := r.mark(ctx, event.Starting, plan.ItemStart, plan.Claimed, plan.Detail{}); err != nil {
		return "", err
	}
	upid, err := r.host.PVE.Start(ctx, node, r.ctid)
	if err != nil {
		return "", err
	}
	return upid, r.mark(ctx, event.Starting, plan.ItemStart, plan.Claimed, plan.Detail{UPID: upid})
}

// learnAddress asks Proxmox for the address that DHCP gave, and records it.
func (r *Run) learnAddress(ctx context.Context, node string) error {
	if !r.address.IsValid() && r.job.Spec.Network.Addressed() {
		defer r.wait("", plan.AddressTimeout)()
		wait, cancel := context.WithTimeoutCause(ctx, plan.AddressTimeout,
			fmt.Errorf("the container has no address after %s", plan.AddressTimeout))
		defer cancel()
		addr, err := r.host.PVE.Address(wait, node, r.ctid, r.job.Spec.Network, r.mac, r.watch())
		if pve.TellsNoAddress(err) && !r.host.SSH.NeedsAddress() {
			r.warn(err.Error()+"; the guest itself is asked in the end", "")
			return nil
		}
		if err != nil {
			return err
		}
		r.address = addr
	}
	if !r.address.IsValid() {
		return nil
	}
	return r.record.Update(ctx, func(c *lxc.Container) { c.Address = r.address.String() })
}

// opening is a way into the guest that is being opened in the background.
type opening struct {
	up    chan struct{} // closed once the container runs
	done  chan struct{}
	guest guest.Guest
	err   error
	notes []string // what was said on the way; whole once done

	waits atomic.Pointer[string] // what it waits for: "waiting for sshd of …"; nil: not said
}

// wait reports what the opening waits for. That was said already if it began to wait
// while the container was starting.
func (o *opening) wait() string {
	if said := o.waits.Load(); said != nil {
		if what, ok := strings.CutPrefix(*said, "waiting for "); ok {
			return what
		}
	}
	return ""
}

// cut is the end of a run that is cut off while the guest is being opened: it says what
// was waited for.
func (o *opening) cut(cause error) error {
	if what := o.wait(); what != "" {
		return &exit.Failure{Status: exit.Unreachable, Message: "wait for " + what, Err: cause}
	}
	return cause
}

// openSoon begins to open the guest, once.
func (r *Run) openSoon(ctx context.Context) {
	if r.opening != nil {
		return
	}
	o := &opening{up: make(chan struct{}), done: make(chan struct{})}
	r.opening = o
	node := r.placement.Node
	target := guest.Target{CTID: r.ctid, Node: node, Address: r.address, HostKeys: r.hostKeys, Application: r.application}
	opts := r.host.SSH
	opts.Up, opts.Adopted = o.up, r.recorded.Adopted
	step := event.Deploying // the phase that needs it; this one may have ended by then
	if !r.changing {
		step = r.phase.Name
	}
	say := r.sayIn(step)
	opts.Note = func(line string) { o.notes = append(o.notes, line); say(line) }
	opts.Waiting = func(line string) { o.waits.Store(&line); say(line) }
	opts.RootPassword = r.rootPassword
	opts.ShowPassword = r.Command("credentials", r.job.Spec.Hostname, "root", "--reveal")
	opts.PinHostKey = func(fp string) error { return r.record.PinHostKeys(ctx, []string{fp}) }
	opts.Running = func(ctx context.Context) (bool, error) {
		st, err := r.host.PVE.Status(ctx, node, r.ctid)
		return st.Running, err
	}
	go func() {
		defer close(o.done)
		o.guest, o.err = guest.Open(ctx, target, opts)
	}()
}

// enter waits until the guest is open.
func (r *Run) enter(ctx context.Context) error {
	r.openSoon(ctx)
	defer r.wait(r.opening.wait(), 0)()
	select {
	case <-r.opening.done:
	case <-ctx.Done():
		return r.opening.cut(context.Cause(ctx))
	}
	if r.opening.err != nil && ctx.Err() != nil {
		return r.opening.cut(context.Cause(ctx))
	}
	if r.opening.err != nil {
		return r.noWayIn(r.opening.err)
	}
	r.guest = r.opening.guest
	if err := r.keepPassword(ctx); err != nil {
		return err
	}
	return r.record.Update(ctx, func(c *lxc.Container) { c.Transport, c.StoppedAt = r.guest.Transport(), nil })
}

// rootPassword returns the password for the login on the console: that of the request, else
// the one on record.
func (r *Run) rootPassword(ctx context.Context) (string, error) {
	if r.job.Password == "" {
		return r.record.RootPassword(ctx)
	}
	r.toldPassword.Store(true)
	return r.job.Password, nil
}

// keepPassword records a password of the request with which the login has succeeded, unless
// it is on record.
func (r *Run) keepPassword(ctx context.Context) error {
	if !r.toldPassword.Load() {
		return nil
	}
	was, err := r.record.RootPassword(ctx)
	if err != nil || was == r.job.Password {
		return err
	}
	return r.record.SealPassword(ctx, r.job.Password)
}

// at returns " at ADDRESS" for the end of a sentence, "" if there is no address.
func at(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return " at " + a.String()
}
