package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fleet"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
)

// manyCreates are the flags of a create of several containers.
type manyCreates struct {
	flags    *pflag.FlagSet
	file     string
	count    int
	parallel int
	perNode  int
	failFast bool
}

// createsAtOnce is how many create tasks run on one node unless --per-node says another
// number. Unpacking an OS template keeps a node's disk busy: three at once take three times
// as long as one. Two hide the pauses between tasks.
const createsAtOnce = 2

func (m *manyCreates) register(f *pflag.FlagSet) {
	m.flags = f
	f.IntVar(&m.count, "count", 0, "make this `number` of containers: NAME-1, NAME-2, …; %d or %02d in NAME says where the number goes")
	m.registerLimits(f)
}

// registerFleet registers -f.
func (m *manyCreates) registerFleet(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&m.file, "file", "f", "", "the containers of this fleet `file` (- is stdin); help fleet says what it may have")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml")
}

func (m *manyCreates) registerLimits(f *pflag.FlagSet) {
	f.IntVar(&m.parallel, "parallel", atOnce, "of several containers: work on at most this `number` at once")
	f.IntVar(&m.perNode, "per-node", createsAtOnce, "of several containers: at most this `number` of create tasks at once on a node")
	f.BoolVar(&m.failFast, "fail-fast", false, "of several containers: begin with no further one after one has failed")
}

func (m *manyCreates) asked() bool { return m.flags.Changed("count") }

func (m *manyCreates) check() error {
	switch {
	case m.flags.Changed("count") && (m.count < 1 || m.count > fleet.MaxCount):
		return usagef("--count is a number from 1 to %d, not %d", fleet.MaxCount, m.count)
	case m.parallel < 1:
		return usagef("--parallel is a number from 1 up")
	case m.perNode < 1:
		return usagef("--per-node is a number from 1 up")
	}
	return nil
}

// unit is one container of several that are created.
type unit struct {
	*createOptions
	want  wanted
	found *lxc.Container // it is on record already
	ready prepared       // unless it is on record
}

// createMany is create --count.
func (o *createOptions) createMany(ctx context.Context) error {
	a := o.app
	if err := o.many.check(); err != nil {
		return err
	}
	if err := o.onlyForOne(); err != nil {
		return err
	}
	if err := o.checkChoices(); err != nil {
		return err
	}
	if o.name == "" {
		t, err := a.templateFor(ctx, o.template)
		if err != nil {
			return err
		}
		o.name = o.hostname(t)
		a.args = append(slices.Clip(a.args), o.name) // the hint to go on must find what this command has made
	}
	names, err := fleet.Names(o.name, o.many.count)
	if err != nil {
		return usagef("%w", err)
	}
	c := o.many.crew(a, "create", "created")
	for _, name := range names {
		c.jobs = append(c.jobs, job{name: name})
	}
	c.resume = o.sameCommand()
	flags := changed(o.many.flags)
	return o.createAll(ctx, c, func(own *createOptions, i int) {
		copyFlags(own.many.flags, flags)
		own.name, own.template = names[i], o.template
	})
}

// crew is the crew that these flags ask for.
func (m *manyCreates) crew(a *app, command, done string) *crew {
	return &crew{app: a, command: command, verb: command, done: done, parallel: m.parallel, failFast: m.failFast, room: m.room}
}

// createsOnShared is how many create tasks use one shared storage at once. Proxmox locks a
// shared storage in the whole cluster while it makes a disk.
const createsOnShared = 8

func (m *manyCreates) room(slot string) int {
	if strings.HasPrefix(slot, sharedSlot) {
		return createsOnShared
	}
	return m.perNode
}

// onlyForOne refuses what several containers cannot share.
func (o *createOptions) onlyForOne() error {
	if o.many.flags.Changed("ctid") {
		return usagef("--ctid is for one container, and --count makes several")
	}
	for _, flag := range []string{"ip", "ip6"} {
		if f := o.many.flags.Lookup(flag); f.Changed && strings.ContainsAny(f.Value.String(), ".:") {
			return usagef("--%s %s is one address, and --count makes several containers", flag, f.Value).hint("a fleet file gives each its own from a range (create -f)")
		}
	}
	for flag, values := range map[string][]string{"set-file": o.vars.setFile, "env-file": o.env.envFile, "password-file": {o.passwordFile}} {
		if slices.ContainsFunc(values, func(v string) bool { return v == "-" || strings.HasSuffix(v, "=-") }) {
			return usagef("--%s: stdin can be read once, and --count makes several containers", flag).hint("put it into a file that only you may read")
		}
	}
	return nil
}

// sameCommand is the command that finishes what this one has left. The values of --set may be
// secret and are not repeated, and then no command could be pasted.
func (o *createOptions) sameCommand() string {
	line := commandLine(o.app.args)
	if strings.Contains(line, "…") || slices.ContainsFunc(o.app.args, func(s string) bool { return strings.HasPrefix(s, "--if-exists") }) {
		return "the same command with --if-exists resume"
	}
	return line + " --if-exists resume"
}

// createAll checks every container, before the first change, and creates them.
func (o *createOptions) createAll(ctx context.Context, c *crew, fit func(own *createOptions, i int)) error {
	a := o.app
	if _, err := a.lookInto(ctx); err != nil {
		return err
	}
	if err := a.share(ctx); err != nil {
		return err
	}
	a.looked = &looked{app: a, known: map[string]*template.Template{}, told: map[*template.Template]bool{}}
	c.muster()
	units := make([]*unit, len(c.jobs))
	for i, b := range c.apps {
		own, _ := newCreate(b)
		fit(own, i)
		b.junit = a.junit // the command has just registered its flag for its own report
		units[i] = &unit{createOptions: own}
	}
	if err := c.check(ctx, func(ctx context.Context, i int) error { return units[i].check(ctx) }); err != nil {
		return err
	}
	numberIDs(units)
	if o.plan {
		return o.planMany(c, units)
	}
	if err := c.enlist(ctx); err != nil {
		return err
	}
	c.slots = func(i int) []string { return units[i].slots() }
	return c.run(ctx, func(ctx context.Context, _ *app, i int, free func()) error {
		units[i].free = free
		return units[i].begin(ctx)
	})
}

// check makes every check that is possible before the first change.
func (u *unit) check(ctx context.Context) (err error) {
	if u.want, err = u.wanted(ctx); err != nil {
		return err
	}
	u.found, err = u.taken(ctx, u.want.job.Spec)
	switch {
	case err != nil:
		return err
	case u.found != nil && u.ifExists == "fail":
		return &store.NameTaken{Existing: *u.found}
	case u.found != nil:
		return nil
	}
	u.ready, err = u.preflight(ctx, u.want.job)
	return err
}

// begin creates the container, or takes the one that is there as --if-exists says. Its place
// is chosen again, because much may have happened since the check.
func (u *unit) begin(ctx context.Context) error {
	if u.found == nil {
		ready, err := u.preflight(ctx, u.want.job)
		if err != nil {
			return err
		}
		err = u.make(ctx, ready)
		if u.ifExists == "fail" || !errors.As(err, new(*store.NameTaken)) {
			return err
		}
	}
	return u.carryOut(ctx, u.want)
}

// slots are what the container occupies until its create task has ended.
func (u *unit) slots() []string {
	if u.found != nil {
		return nil
	}
	return []string{"node " + u.ready.placement.Node}
}

// numberIDs gives the plans of several containers the ids that they would get if nobody else
// took one: Proxmox offers the same next id to all of them.
func numberIDs(units []*unit) {
	next := map[*unit]int{}
	first := 0
	for _, u := range units {
		if u.found != nil || u.want.job.Spec.CTID != 0 {
			continue
		}
		first = max(first, u.ready.placement.CTID)
		next[u] = len(next)
	}
	for u, n := range next {
		u.ready.placement.CTID = first + n
	}
}

// check makes the checks of all containers. If some fail, it returns the worst error and says
// how many others there are.
func (c *crew) check(ctx context.Context, one func(ctx context.Context, i int) error) error {
	errs := make([]error, len(c.jobs))
	var g errgroup.Group
	g.SetLimit(8)
	for i := range c.jobs {
		g.Go(func() error {
			if ctx.Err() == nil {
				errs[i] = one(ctx, i)
			}
			return nil
		})
	}
	_ = g.Wait() // every container keeps its own error
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.refused(errs)
}

// refused is the error of several checks: that of the first container which has the worst
// status, with the others below it.
func (c *crew) refused(errs []error) error {
	var statuses []int
	for _, err := range errs {
		statuses = append(statuses, exit.Status(err))
	}
	worst := exit.Worst(statuses...)
	if worst == exit.Done {
		return nil
	}
	first := slices.Index(statuses, worst)
	f := *c.app.explain(errs[first])
	if len(c.jobs) == 1 {
		return errs[first]
	}
	f.Message = "cannot " + c.command + " " + c.jobs[first].name + ": " + strings.TrimPrefix(f.Message, "cannot ")
	var others []string
	for i, err := range errs {
		if err != nil && i != first {
			others = append(others, c.jobs[i].name+": "+c.app.explain(err).Message)
		}
	}
	const shown = 5
	if len(others) > 0 {
		f.Tail = append(slices.Clone(f.Tail), others[:min(shown, len(others))]...)
	}
	if more := len(others) - shown; more > 0 {
		f.Tail = append(f.Tail, fmt.Sprintf("and %d more", more))
	}
	return &failure{&f}
}

// enlist opens what the containers need on this machine, and makes it if there is none yet:
// the catalogue, and the keys. Each of them shares it.
func (c *crew) enlist(ctx context.Context) error {
	a := c.app
	_, v, err := a.catalogue(ctx)
	if err != nil {
		return err
	}
	if err := v.Ready(); err != nil {
		return err
	}
	if err := a.mayEnter(ctx, a.shared); err != nil {
		return err
	}
	if _, err := a.enter(ctx, a.shared); err != nil {
		return err
	}
	for _, b := range c.apps {
		b.store, b.vault = a.store, a.vault
		for name, id := range a.met {
			b.met[name] = id
		}
	}
	return nil
}
