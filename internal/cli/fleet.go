package cli

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fleet"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/placement"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// fleetRun is one command on the containers of a fleet file.
type fleetRun struct {
	app      *app
	file     *fleet.File
	many     *manyCreates
	verb     fleet.Verb
	world    fleet.World
	plan     *fleet.Plan
	cluster  *pve.Cluster // nil: no container is placed
	crew     *crew
	units    map[string]*unit // of containers that are created, by name
	exitCode bool             // --exit-code: a container that is missing differs
	moves    moves
}

// fleetArgs allows no arguments beside -f, and else what one allows.
func fleetArgs(one cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("file") {
			return one(cmd, args)
		}
		if len(args) > 0 {
			return usagef("-f takes the containers from the file, and no names")
		}
		return nil
	}
}

// newFleetRun reads a fleet file for a command. allowed are the command's flags that concern
// the whole fleet; the file says everything else.
func newFleetRun(cmd *cobra.Command, a *app, m *manyCreates, verb fleet.Verb, allowed ...string) (*fleetRun, error) {
	allowed = append(allowed, "file", "parallel", "per-node", "fail-fast", "enqueue", "priority")
	for _, f := range changed(cmd.Flags()) {
		if !slices.Contains(allowed, f.Name) && cmd.Root().PersistentFlags().Lookup(f.Name) == nil {
			return nil, usagef("-f and --%s exclude each other: the file says what each container is", f.Name)
		}
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	m.file = homePath(m.file)
	file, err := loadFleet(m.file, a.in)
	if err != nil {
		if exit.Find(err) == nil {
			err = usagef("cannot read the fleet %s: %w", m.file, plainError(err))
		}
		return nil, err
	}
	if file.Parallel > 0 && !m.flags.Changed("parallel") {
		m.parallel = file.Parallel
	}
	if file.PerNode > 0 && !m.flags.Changed("per-node") {
		m.perNode = file.PerNode
	}
	return &fleetRun{app: a, file: file, many: m, verb: verb, units: map[string]*unit{}}, nil
}

// loadFleet reads a fleet file; - is stdin.
func loadFleet(path string, stdin io.Reader) (*fleet.File, error) {
	text, err := readSmall(path, stdin)
	if err != nil {
		return nil, err
	}
	return fleet.Parse(path, text)
}

// look finds out what there is, and decides a first time: without places, which depend on
// what each container asks for.
func (r *fleetRun) look(ctx context.Context) error {
	a := r.app
	host, err := a.hostName()
	if err != nil {
		return err
	}
	hostID, err := a.hostBefore(ctx, host)
	if err != nil {
		return err
	}
	if err := a.mayKeep(); err != nil {
		return err
	}
	if hostID != "" {
		if err := r.records(ctx, hostID); err != nil {
			return err
		}
	}
	if err := a.share(ctx); err != nil {
		return err
	}
	if r.verb == fleet.Create || r.verb == fleet.Resume {
		if r.world.Taken, err = r.taken(ctx); err != nil {
			return err
		}
	}
	return r.decide()
}

// records are the living containers of the host.
func (r *fleetRun) records(ctx context.Context, hostID string) error {
	list, err := r.app.store.Containers(ctx, store.Filter{HostID: hostID})
	for _, c := range list {
		r.world.Records = append(r.world.Records, fleet.Record{
			Name: c.Hostname, ID: c.RecordID, Fleet: c.Fleet, State: c.Condition(), Ready: c.Lifecycle == lxc.Ready, CTID: c.CTID, Node: c.Node,
		})
	}
	return err
}

// taken are the addresses that somebody has, if the fleet gives any from a range: those in
// Proxmox's configurations, those that containers on record have, and those that were given to
// containers which are not created yet.
func (r *fleetRun) taken(ctx context.Context) (map[netip.Addr]string, error) {
	if !slices.ContainsFunc(r.file.Containers, func(c fleet.Container) bool { return c.IP != nil || c.IP6 != nil }) {
		return nil, nil
	}
	defer r.app.waiting("Proxmox to list the addresses in use", 0)()
	held, err := r.app.shared.pve.HeldAddresses(ctx)
	if err != nil {
		return nil, err
	}
	for _, rec := range r.world.Records {
		c, err := r.app.store.Record(ctx, rec.ID)
		if err != nil {
			return nil, err
		}
		if a, err := netip.ParseAddr(c.Address); err == nil {
			held[a] = rec.Name
		}
		if rec.Ready {
			continue
		}
		was, err := r.app.recordOf(c).Asked(ctx, false)
		if err != nil {
			return nil, err
		}
		if was == nil {
			continue
		}
		for _, cidr := range []string{was.Spec.Network.IPv4, was.Spec.Network.IPv6} {
			if p, err := netip.ParsePrefix(cidr); err == nil {
				held[p.Addr()] = rec.Name
			}
		}
	}
	return held, nil
}

// decide decides, and returns the error of a fleet to which nothing may be done.
func (r *fleetRun) decide() error {
	r.plan = fleet.Decide(r.file, r.verb, r.world)
	if len(r.plan.Refused) == 0 {
		return nil
	}
	first := r.plan.Refused[0]
	f := usagef("cannot %s fleet %s: %s: %s", r.verb, r.file.Name, first.Container, first.Reason)
	const shown = 5
	for _, other := range r.plan.Refused[:min(shown, len(r.plan.Refused))] {
		f.Tail = append(f.Tail, other.String())
	}
	if more := len(r.plan.Refused) - shown; more > 0 {
		f.Tail = append(f.Tail, fmt.Sprintf("and %d more", more))
	}
	if slices.ContainsFunc(r.plan.Refused, func(one fleet.Refusal) bool { return one.Resume }) {
		f = f.hint("to finish the fleet: %s", r.app.command("resume", "-f", r.file.Path))
	}
	return f
}

// enroll makes the jobs and their apps, in the order of the plan.
func (r *fleetRun) enroll(done map[fleet.Action]string) {
	c := r.many.crew(r.app, string(r.verb), "")
	at := map[string]int{}
	for i, s := range r.plan.Steps {
		at[s.Name] = i
		j := job{name: s.Name, done: orElse(done[s.Action], string(s.Action))}
		if s.Record != nil {
			j.ref, j.ctid = s.Record.ID, ctidText(s.Record.CTID)
		}
		c.jobs = append(c.jobs, j)
	}
	c.after = func(i int) (after []int) {
		for _, name := range r.plan.Steps[i].After {
			after = append(after, at[name])
		}
		return after
	}
	c.resume = r.app.command("resume", "-f", r.file.Path)
	c.muster()
	r.crew = c
}

// leave leaves a container as it is and prints its state; with --json, in an event of no run.
func (r *fleetRun) leave(ctx context.Context, b *app, s *fleet.Step) error {
	b.ended = &ending{result: string(s.Action)}
	status := exit.Done
	if s.Action == fleet.Missing && r.exitCode { // else a check would pass a fleet that is not there
		status = exit.Differs
	}
	if !b.global.json {
		return silentUnless(status)
	}
	e := event.Event{Timestamp: time.Now().UTC(), Type: event.Complete, Message: string(s.Action), Hostname: s.Name, Host: r.app.global.host, ExitStatus: &status}
	if s.Record != nil {
		c, err := r.app.store.Record(ctx, s.Record.ID)
		if err != nil {
			return err
		}
		if e.Services, _, err = r.app.store.Services(ctx, c.RecordID); err != nil {
			return err
		}
		e.ContainerID, e.CTID, e.Node, e.Host, e.Address = c.RecordID, c.CTID, c.Node, c.Host, c.Address
	}
	return orFirst(ui.NewEventWriter(b.streams, true).Event(e), silentUnless(status))
}

// strays says which containers of the fleet its file does not have any more.
func (r *fleetRun) strays() {
	if len(r.plan.Strays) == 0 || r.app.global.quiet {
		return
	}
	names := make([]string, len(r.plan.Strays))
	for i, s := range r.plan.Strays {
		names[i] = s.Name
	}
	r.app.warn(fmt.Sprintf("no longer in %s, and left as they are: %s", r.file.Path, strings.Join(names, ", ")),
		"to remove them: "+r.app.command(append([]string{"destroy"}, names...)...))
}

// missing says which containers of the file there are not.
func (r *fleetRun) missing() {
	var names []string
	for _, s := range r.plan.Steps {
		if s.Action == fleet.Missing {
			names = append(names, s.Name)
		}
	}
	if len(names) > 0 && !r.app.global.quiet {
		r.app.warn("in "+r.file.Path+", and not there: "+strings.Join(names, ", "), "to create them: "+r.app.command("resume", "-f", r.file.Path))
	}
}

// wantOf is what a container asks of a node.
func wantOf(spec lxc.Spec) placement.Want {
	return placement.Want{Nodes: placement.Wish(spec.Node), Memory: int64(spec.MemoryMiB) << 20, Disk: int64(max(spec.DiskGiB, 1)) << 30, Storage: spec.Storage}
}
