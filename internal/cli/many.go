package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// many is a command for one container that takes several, too.
type many struct {
	app      *app
	make     func(*app) *cobra.Command // the command for one
	done     string                    // what is done to a container in the end
	strange  func(*cobra.Command) bool // whether it takes containers that are not on record
	filter   []string
	parallel int
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

// several makes a command for one container take any number of them, or --filter.
func (a *app) several(done string, make func(*app) *cobra.Command, strange func(*cobra.Command) bool) *cobra.Command {
	m := &many{app: a, make: make, done: done, strange: strange}
	cmd := make(a)
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

// job is the work on one container of several.
type job struct {
	ref, name, ctid string
	status          int
	why             string
	begun           bool
	ended           *ending
}

// ending is a result in other words than the command's own, and its reason.
type ending struct{ result, why string }

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
	if _, err := a.open(ctx); err != nil { // the sandbox runs as long as this process, and not as long as one container's work
		return err
	}
	if _, _, err := a.catalogue(ctx); err != nil {
		return err
	}
	flags := changed(cmd.Flags()) // once: a set of flags is not for several goroutines
	lock := &sync.Mutex{}
	var g errgroup.Group
	g.SetLimit(m.parallel)
	for i := range jobs {
		g.Go(func() error {
			m.one(ctx, cmd.Name(), flags, &jobs[i], lock, yes)
			return nil
		})
	}
	_ = g.Wait() // every job keeps its own result
	return m.conclude(ctx, jobs)
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

// one works on one container, with streams of its own.
func (m *many) one(ctx context.Context, command string, flags []*pflag.Flag, j *job, lock *sync.Mutex, yes bool) {
	if ctx.Err() != nil {
		return
	}
	j.begun = true
	b := m.app.beside(j.name, lock)
	own := m.make(b)
	b.junit = m.app.junit // the command has just registered its flag for its own report
	copyFlags(own.Flags(), flags)
	if yes {
		_ = own.Flags().Set("yes", "true")
	}
	own.SetContext(ctx)
	err := own.RunE(own, []string{j.ref})
	j.status, j.why = b.told(ctx, command, err)
	j.ended = b.ended
}

// beside is this invocation for one of several containers: the same files, connections and
// settings, and other streams.
func (a *app) beside(name string, lock *sync.Mutex) *app {
	out := io.Discard
	if a.global.json {
		out = &whole{to: a.streams.Out, lock: lock}
	}
	return &app{
		args: a.args, in: a.in, out: a.out, err: a.err, global: a.global, cfg: a.cfg, host: a.host, store: a.store, vault: a.vault,
		sandbox: a.sandbox, junit: &report{}, met: maps.Clone(a.met),
		streams: &ui.Streams{In: bytes.NewReader(nil), Out: out, Err: &whole{to: a.streams.Err, lock: lock, before: name + ": "}},
	}
}

// told reports the error of one container and returns its exit status and the reason in a
// line.
func (a *app) told(ctx context.Context, command string, err error) (status int, why string) {
	var quiet silent
	switch {
	case err == nil:
		return exit.Done, ""
	case errors.As(err, &quiet):
		return quiet.status, map[bool]string{true: "a declared service does not answer"}[quiet.status == exit.Unready]
	}
	var sig interrupted
	if errors.As(context.Cause(ctx), &sig) && exit.Status(err) == exit.Other {
		err = sig
	}
	f := a.explain(err)
	status = a.report(ctx, command, err)
	why, _, _ = strings.Cut(cannot(command, f.Message), "\n")
	return status, why
}

// conclude prints a row for each container. The exit status is the worst.
func (m *many) conclude(ctx context.Context, jobs []job) error {
	a := m.app
	var statuses []int
	t := ui.Table{Columns: []ui.Column{{Title: "NAME"}, {Title: "CTID", Right: true, Keep: true}, {Title: "RESULT", Keep: true, Paint: resultShade}, {Title: "STATUS", Right: true, Keep: true}, {Title: "REASON"}}}
	for _, j := range jobs {
		result := m.done
		switch {
		case j.ended != nil && (j.status == exit.Done || j.status == exit.Differs):
			result, j.why = j.ended.result, j.ended.why
		case !j.begun:
			result, j.status, j.why = "not begun", exit.Status(context.Cause(ctx)), ""
		case j.status == exit.Unready:
			result = "not answering"
		case j.status == exit.Differs:
			result = "differs"
		case j.status != exit.Done:
			result = "failed"
		}
		statuses = append(statuses, j.status)
		t.Rows = append(t.Rows, []string{j.name, j.ctid, result, strconv.Itoa(j.status), j.why})
	}
	if !a.global.json && !a.global.quiet {
		if err := ui.WriteTable(a.streams, t); err != nil {
			return err
		}
	}
	if worst := exit.Worst(statuses...); worst != exit.Done {
		return silent{worst}
	}
	return nil
}

func resultShade(cell string) ui.Shade {
	switch cell {
	case "failed":
		return ui.Bad
	case "not answering", "differs", "not begun":
		return ui.Caution
	}
	return ui.Good
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

// whole passes each write on as a whole, with a text before each line. Several containers
// write to one stream.
type whole struct {
	to     io.Writer
	lock   *sync.Mutex
	before string
}

func (w *whole) Write(p []byte) (int, error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.before == "" {
		return w.to.Write(p)
	}
	var b strings.Builder
	for line := range strings.Lines(string(p)) {
		b.WriteString(ui.Clean(w.before) + line)
	}
	if _, err := io.WriteString(w.to, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
