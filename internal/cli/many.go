package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/fleet"
)

// many is a command for one container that takes several, too.
type many struct {
	app      *app
	make     func(*app) *cobra.Command // the command for one
	done     string                    // what is done to a container in the end
	strange  func(*cobra.Command) bool // whether it takes containers that are not on record
	filter   []string
	parallel int
	failFast bool
}

// atOnce is how many containers a command works on at once unless --parallel says another
// number.
const atOnce = 4

const severalHelp = `

Several containers are worked on at once, at most --parallel of them. All names are
resolved before the first change. Progress on stderr has the container's name before each
line; stdout has a row for each container in the order of the command line: name, ctid,
result, exit status and, after a failure, the reason. With --json, stdout has what the
command prints for one container, for each of them as it comes; containerId tells them
apart. The exit status is the worst: 130 or 143, 1, 4, 3, 2, 5, 6, 7, 0.`

// ofFleet is several for a command that takes a fleet file, too.
func (a *app) ofFleet(verb fleet.Verb, done string, make func(*app) *cobra.Command, strange func(*cobra.Command) bool, allowed ...string) *cobra.Command {
	m := &many{app: a, make: make, done: done, strange: strange}
	return a.fleetOf(m.command(), m, verb, allowed...)
}

// several makes a command for one container take any number of them, or --filter.
func (a *app) several(done string, make func(*app) *cobra.Command, strange func(*cobra.Command) bool) *cobra.Command {
	m := &many{app: a, make: make, done: done, strange: strange}
	return m.command()
}

func (m *many) command() *cobra.Command {
	cmd := m.make(m.app)
	one := cmd.RunE
	cmd.Use = strings.Replace(cmd.Use, "<container>", "<container>...", 1)
	text, statuses, _ := strings.Cut(cmd.Long, statusHead)
	cmd.Long = text + severalHelp + statusHead + statuses
	cmd.Args = someArgs("containers")
	filterFlag(cmd, &m.filter)
	cmd.Flags().IntVar(&m.parallel, "parallel", atOnce, "work on at most this `number` of several containers at once")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if m.parallel < 1 {
			return usagef("--parallel is a number from 1 up")
		}
		if len(args) == 1 && len(m.filter) == 0 && !asksAll(cmd) {
			return one(cmd, args)
		}
		return m.run(cmd, args)
	}
	return cmd
}

// severalOf is several for start, stop and restart.
func (a *app) severalOf(v verb) *cobra.Command {
	return a.several(v.done, func(b *app) *cobra.Command { return newLifecycleCmd(b, v) }, nil)
}

// anyContainer is for a command that also takes containers that are not on record.
func anyContainer(*cobra.Command) bool { return true }

// foreignToo is the same for a command that takes them with --foreign.
func foreignToo(cmd *cobra.Command) bool {
	foreign, err := cmd.Flags().GetBool("foreign")
	return err == nil && foreign
}

func (m *many) run(cmd *cobra.Command, refs []string) error {
	ctx, a := cmd.Context(), m.app
	jobs, err := m.jobs(ctx, cmd, refs)
	if err != nil {
		return err
	}
	if len(jobs) == 0 {
		a.say(map[bool]string{true: "no container is ready and has a template", false: "no container passes the filters"}[asksAll(cmd)])
		return nil
	}
	yes, err := m.ask(ctx, cmd, jobs)
	if err != nil {
		return err
	}
	if _, _, err := a.catalogue(ctx); err != nil {
		return err
	}
	if err := a.share(ctx); err != nil {
		return err
	}
	flags := changed(cmd.Flags()) // once: a set of flags is not for several goroutines
	c := &crew{app: a, command: cmd.Name(), done: m.done, jobs: jobs, parallel: m.parallel, failFast: m.failFast}
	return c.run(ctx, func(ctx context.Context, b *app, i int, _ func()) error {
		own := m.make(b)
		b.junit = a.junit // the command has just registered its flag for its own report
		copyFlags(own.Flags(), flags)
		if yes {
			_ = own.Flags().Set("yes", "true")
		}
		own.SetContext(ctx)
		return own.RunE(own, []string{jobs[i].ref})
	})
}

// jobs resolves every container.
func (m *many) jobs(ctx context.Context, cmd *cobra.Command, refs []string) ([]job, error) {
	a := m.app
	var jobs []job
	if asksAll(cmd) {
		return m.ready(ctx, refs)
	}
	if len(refs) == 0 || len(m.filter) > 0 {
		containers, err := a.chosen(ctx, refs, m.filter, true)
		for _, c := range containers {
			jobs = append(jobs, job{ref: c.RecordID, name: c.Hostname, ctid: ctidText(c.CTID)})
		}
		return jobs, err
	}
	seen := map[string]bool{}
	for _, ref := range refs {
		c, err := a.findThere(ctx, ref)
		j := job{ref: c.RecordID, name: c.Hostname, ctid: ctidText(c.CTID)}
		if ctid, _ := vacant(ref, c, err); ctid > 0 && m.strange != nil && m.strange(cmd) {
			j, err = job{ref: ref, name: ref, ctid: strconv.Itoa(ctid)}, nil
		}
		if last := newestGone(err); last != nil {
			j, err = job{ref: last.RecordID, name: last.Hostname, ctid: ctidText(last.CTID)}, nil
		}
		if err != nil {
			return nil, err
		}
		if !seen[j.ref] {
			jobs = append(jobs, j)
		}
		seen[j.ref] = true
	}
	a.acting = "" // no single record
	return jobs, nil
}

// ask asks once for a command that would ask for each container: it has --yes.
func (m *many) ask(ctx context.Context, cmd *cobra.Command, jobs []job) (yes bool, err error) {
	f := cmd.Flags().Lookup("yes")
	if f == nil || cmd.Name() != "destroy" {
		return false, nil
	}
	var names []string
	for _, j := range jobs {
		names = append(names, strings.TrimSpace(j.ctid+" ("+j.name+")"))
	}
	question := fmt.Sprintf("Destroy %s and their disks: %s?", counted(len(jobs), "container"), strings.Join(names, ", "))
	return true, m.app.confirm(ctx, f.Value.String() == "true", question)
}

// changed are the flags that were set. The set must be the one that has parsed them: cobra's
// LocalFlags is a copy that does not know which were.
func changed(set *pflag.FlagSet) (flags []*pflag.Flag) {
	set.Visit(func(f *pflag.Flag) { flags = append(flags, f) })
	return flags
}

// copyFlags sets in to what was set in another command.
func copyFlags(to *pflag.FlagSet, flags []*pflag.Flag) {
	for _, f := range flags {
		own := to.Lookup(f.Name)
		if own == nil {
			continue
		}
		list, ok := f.Value.(pflag.SliceValue)
		mine, same := own.Value.(pflag.SliceValue)
		if ok && same {
			_ = mine.Replace(slices.Clone(list.GetSlice()))
			own.Changed = true
			continue
		}
		_ = to.Set(f.Name, f.Value.String())
	}
}
