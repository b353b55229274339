package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/jobs"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// enqueuing makes a command put its work into the queue instead of doing it: all its checks are
// the same, and where its run would begin, a job is recorded.
type enqueuing struct {
	verb     string
	priority int
	after    []string // the ids of the jobs that come first
	request  jobRequest
	last     *store.QueuedJob // that was put; nil: none yet
	packed   archives
}

// jobRequest is what a worker is asked for. It is sealed, because variables may be secret.
type jobRequest struct {
	Flags           map[string][]string `json:"flags,omitempty"` // of the command, as a user would type them
	Publish         bool                `json:"publish,omitempty"`
	DestroyIfFailed bool                `json:"destroyIfFailed,omitempty"` // of a create
	Placed          string              `json:"placed,omitempty"`          // of a create in a fleet: the node that was chosen
	Template        *carriedTemplate    `json:"template,omitempty"`        // of a create or sync
}

// usualPriority is that of a job without --priority. River's are 1 (first) to 4.
const usualPriority = 2

// enqueueFlags let a command be done by a worker.
func (a *app) enqueueFlags(cmd *cobra.Command, verb string) *cobra.Command {
	on, priority := false, usualPriority
	f := cmd.Flags()
	f.BoolVar(&on, "enqueue", false, "let a worker do it: put the job into the queue of the catalogue and return (infrahaus worker)")
	f.IntVar(&priority, "priority", usualPriority, "with --enqueue: the `rank` among the jobs that wait, 1 (first) to 4")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case !on && f.Changed("priority"):
			return usagef("--priority goes with --enqueue")
		case priority < 1 || priority > 4:
			return usagef("--priority is a number from 1 (first) to 4, not %d", priority)
		case on:
			if err := a.enqueue(f, verb, priority); err != nil {
				return err
			}
		}
		return run(cmd, args)
	}
	return cmd
}

// notQueued are flags that a worker does not get: the command has used them, or they are about
// how it shows its work.
var notQueued = []string{"enqueue", "priority", "filter", "parallel", "fail-fast", "file", "yes", "all", "count", "per-node", "publish"}

// apart are flags that need the command's own process.
var apart = []string{"plan", "exit-code", "diff", "rollback", "junit", "if-exists"}

// enqueue makes this invocation put its work into the queue.
func (a *app) enqueue(f *pflag.FlagSet, verb string, priority int) error {
	q := enqueuing{verb: verb, priority: priority, packed: archives{}}
	if a.queue != nil { // of one of several containers
		q.after, q.packed = a.queue.after, a.queue.packed
	}
	for _, name := range apart {
		if given := f.Lookup(name); given != nil && given.Changed && given.Value.String() != given.DefValue {
			return usagef("--enqueue and --%s exclude each other", name)
		}
	}
	if verb != "create" { // the record of a create has what it was asked for
		if f.Changed("password-file") {
			return usagef("--enqueue and --password-file exclude each other: a worker uses the password on record")
		}
		if err := a.inline(f); err != nil {
			return err
		}
		q.request.Flags = map[string][]string{}
		for _, g := range changed(f) {
			if slices.Contains(notQueued, g.Name) || slices.Contains(apart, g.Name) || a.isGlobal(g.Name) {
				continue
			}
			if list, ok := g.Value.(pflag.SliceValue); ok {
				q.request.Flags[g.Name] = list.GetSlice()
			} else {
				q.request.Flags[g.Name] = []string{g.Value.String()}
			}
		}
	}
	q.request.Publish = flagGiven(f, "publish")
	a.queue = &q
	return nil
}

func (a *app) isGlobal(name string) bool {
	return slices.Contains([]string{"host", "config", "state-dir", "json", "quiet", "verbose", "no-color", "sandbox", "timeout"}, name)
}

// inline puts the content of files that flags name into the flags themselves: the worker does
// not have the files.
func (a *app) inline(f *pflag.FlagSet) error {
	for from, to := range map[string]string{"set-file": "set", "env-file": "env"} {
		files := f.Lookup(from)
		if files == nil || !files.Changed {
			continue
		}
		list, ok := files.Value.(pflag.SliceValue)
		if !ok {
			continue
		}
		var values map[string]string
		var err error
		if from == "set-file" {
			values, err = (&variableOptions{setFile: list.GetSlice()}).read(a.in)
		} else {
			values, err = (&envOptions{envFile: list.GetSlice()}).read(a.in)
		}
		if err != nil {
			return err
		}
		for name, value := range values {
			if err := f.Set(to, name+"="+value); err != nil {
				return err
			}
		}
		if err := list.Replace(nil); err != nil {
			return err
		}
		files.Changed = false
	}
	return nil
}

// put records a job for a container on record, instead of the run that was requested.
func (q *enqueuing) put(ctx context.Context, a *app, c lxc.Container, r request) error {
	if r.verb != q.verb {
		return usagef("cannot enqueue: %s needs a %s instead", c.Hostname, r.verb).hint("without --enqueue, this command does it")
	}
	queue, j, err := q.prepare(ctx, a, c, r.carries)
	if err != nil {
		return err
	}
	defer queue.Close()
	done := a.waiting(databaseFree, waitForDatabase)
	err = a.store.Enqueue(ctx, j)
	done()
	if err != nil {
		return err
	}
	return q.tell(ctx, a, j.ID)
}

// create records a container that a worker will make, and the job for it.
func (q *enqueuing) create(ctx context.Context, o *createOptions, ready prepared) error {
	a := o.app
	if _, err := q.pack(ready.job.Template); err != nil { // before anything is kept
		return err
	}
	q.request.DestroyIfFailed, q.request.Placed = o.onFailure == "destroy", o.placed
	c, err := a.newRecord(ctx, ready.place, ready.job, o.fleet)
	if err != nil {
		return err
	}
	c.Lifecycle = lxc.Queued
	variables, doc, err := a.recordOf(c).JobEntries(ready.job)
	if err != nil {
		return err
	}
	queue, j, err := q.prepare(ctx, a, c, &ready.job)
	if err != nil {
		return err
	}
	defer queue.Close()
	j.Node = ready.placement.Node
	if o.passwordFile != "" {
		sealed, err := a.recordOf(c).PasswordEntry(ready.job.Password)
		if err != nil {
			return err
		}
		j.Sealed = append(j.Sealed, sealed)
	}
	done := a.waiting(databaseFree, waitForDatabase)
	err = a.store.CreateAndEnqueue(ctx, c, variables, doc, j)
	done()
	if err != nil {
		return err
	}
	a.actsOn(c)
	return q.tell(ctx, a, j.ID)
}

// prepare opens the queue and makes the job. carries has the template that goes with the job; nil:
// the job needs none.
func (q *enqueuing) prepare(ctx context.Context, a *app, c lxc.Container, carries *plan.Job) (*jobs.Queue, store.NewJob, error) {
	var j store.NewJob
	if err := a.vault.Ready(); err != nil {
		return nil, j, err
	}
	who, machine := whoAndWhere()
	j.QueuedJob = store.QueuedJob{
		ID: store.NewRecordID(), RecordID: c.RecordID, Hostname: c.Hostname, Verb: q.verb, Format: jobs.Format(), Priority: q.priority,
		HostID: c.HostID, Host: c.Host, Node: c.Node, After: q.after,
		JobOrigin: store.JobOrigin{Command: commandLine(a.args), User: who, Machine: machine, Version: version},
	}
	if err := q.carry(&j, carries); err != nil {
		return nil, j, err
	}
	text, err := json.Marshal(q.request)
	if err != nil {
		return nil, j, err
	}
	sealed, err := a.recordOf(c).JobEntry(j.ID, text)
	if err != nil {
		return nil, j, err
	}
	j.Sealed = []store.Sealed{sealed}
	queue, err := jobs.Open(ctx, a.store)
	if err != nil {
		return nil, j, err
	}
	j.Offer = queue.Offer
	return queue, j, nil
}

// tell shows the job that was put.
func (q *enqueuing) tell(ctx context.Context, a *app, id string) error {
	j, err := a.store.QueuedJob(ctx, id)
	if err != nil {
		return err
	}
	q.last = &j
	if a.global.json {
		return ui.WriteJSON(a.streams, j)
	}
	if a.member != "" { // the crew shows a row
		a.ended = &ending{result: string(j.State), why: "job " + j.ID}
		return nil
	}
	if err := ui.WriteRow(a.streams, j.ID, j.Verb, j.Hostname, string(j.State)); err != nil {
		return err
	}
	a.say("to see what becomes of it: " + a.command("jobs", "show", j.ID))
	if !a.someoneWorks(ctx) {
		a.say("no worker is running; to start one: " + a.command("worker"))
	}
	return nil
}

// someoneWorks is false if no worker is alive that could take a job.
func (a *app) someoneWorks(ctx context.Context) bool {
	workers, err := a.store.Workers(ctx)
	return err != nil || slices.ContainsFunc(workers, func(w store.Worker) bool { return w.Alive })
}

// requestOf opens the request of a job.
func (a *app) requestOf(ctx context.Context, j store.QueuedJob) (jobRequest, error) {
	var q jobRequest
	text, err := a.recordOf(lxc.Container{RecordID: j.RecordID}).JobText(ctx, j.ID)
	if err == nil && text == nil {
		err = fmt.Errorf("cannot read what job %s is asked for: it is not on record", j.ID)
	}
	if err == nil {
		err = json.Unmarshal(text, &q)
	}
	return q, err
}

// apply sets the flags of a command to what a request has.
func (q jobRequest) apply(to *pflag.FlagSet) error {
	for name, values := range q.Flags {
		for _, value := range values {
			if err := to.Set(name, value); err != nil {
				return usagef("--%s: %w", name, err)
			}
		}
	}
	if f := to.Lookup("publish"); f != nil && q.Publish {
		return to.Set("publish", "true")
	}
	return nil
}
