package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/jobs"
	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
)

type workerOptions struct {
	app         *app
	name        string
	concurrency int
	perHost     int
	perNode     int
	grace       time.Duration
	untilEmpty  bool
	metrics     string
}

func newWorkerCmd(a *app) *cobra.Command {
	o := &workerOptions{app: a}
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run the jobs of the queue",
		Long: `Run the jobs that --enqueue has put into the queue of the catalogue, until SIGTERM or
Ctrl-C. Several workers, on several machines if the catalogue is in PostgreSQL, share them.

A worker runs the jobs of the hosts that its config has, or of the one that --host names, and
leaves the others to other workers. A job is one run, as its command would begin it: the same
events, and the run's exit status is the job's.

If a worker dies, or is not heard of for 30 s, another one goes on with its jobs from the
record within a minute. A worker that was only asleep changes nothing any more once its job
was given away, and says so.

At SIGTERM or Ctrl-C it takes no new jobs and waits up to --grace for those that run; then,
or at a second signal, it stops them and hands them over to other workers. A third ends the
process at once.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus worker\n  infrahaus worker --concurrency 4 --per-host 8\n  infrahaus worker status",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "the worker's `name` in worker status (default: the machine's)")
	f.IntVar(&o.concurrency, "concurrency", 2, "run at most this `number` of jobs at once")
	f.IntVar(&o.perHost, "per-host", 0, "with all workers: run at most this `number` of jobs at once on a host (0: any number)")
	f.IntVar(&o.perNode, "per-node", createsAtOnce, "with all workers: at most this `number` of create tasks at once on a node (0: any number)")
	f.DurationVar(&o.grace, "grace", time.Minute, "how long jobs may go on after SIGTERM before they are handed over")
	f.BoolVar(&o.untilEmpty, "until-empty", false, "end when no job is left that this worker could do; status 0 even if jobs failed")
	f.StringVar(&o.metrics, "metrics", "", "serve metrics for Prometheus at this `address`, such as 127.0.0.1:9464")
	cmd.AddCommand(newWorkerStatusCmd(a))
	return cmd
}

// workerName is the form of a worker's name, which tables and other programs show.
var workerName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (o *workerOptions) check() error {
	switch {
	case o.name != "" && !workerName().MatchString(o.name):
		return usagef("--name takes letters, digits, dots, underscores and hyphens, at most 63, not %q", o.name)
	case o.concurrency < 1 || o.concurrency > 1000:
		return usagef("--concurrency is a number from 1 to 1000")
	case o.perHost < 0:
		return usagef("--per-host is a number from 0 up")
	case o.perNode < 0:
		return usagef("--per-node is a number from 0 up")
	case o.grace < 0:
		return usagef("--grace must not be negative")
	}
	return nil
}

func (o *workerOptions) run(ctx context.Context) error {
	a := o.app
	if err := o.check(); err != nil {
		return err
	}
	if _, err := a.config(); err != nil {
		return err
	}
	names, err := a.workerHosts()
	if err != nil {
		return err
	}
	s, v, err := a.catalogue(ctx)
	if err != nil {
		return err
	}
	if err := v.Ready(); err != nil {
		return err
	}
	shop := &workshop{app: a, names: names, hosts: map[string]*app{}}
	defer shop.close()
	if _, err := shop.ids(ctx); err != nil {
		return err
	}
	w := &jobs.Worker{
		Store: s, Self: o.self(names), Hosts: shop.ids, PerHost: o.perHost, PerNode: o.perNode, Grace: o.grace, UntilEmpty: o.untilEmpty,
		Say: func(text string) { shop.note(text) },
		Cause: func(why jobs.Why) error {
			if why == jobs.Cancelled {
				return interrupted{syscall.SIGINT}
			}
			return interrupted{syscall.SIGTERM}
		},
	}
	shop.worker = w
	w.Do = shop.do
	if o.metrics != "" {
		if err := a.serveMetrics(ctx, o.metrics, s.CountJobs); err != nil {
			return err
		}
	}
	stop, now, done := a.workerSignals(ctx)
	defer done()
	a.say(fmt.Sprintf("worker %s runs up to %s at once for %s", w.Self.Name, counted(o.concurrency, "job"), hostWords(names)))
	return w.Run(ctx, stop, now)
}

func hostWords(names []string) string {
	if len(names) == 1 {
		return "host " + names[0]
	}
	return "hosts " + strings.Join(names, ", ")
}

// self is this process as other members see it.
func (o *workerOptions) self(hosts []string) store.Worker {
	who, machine := whoAndWhere()
	return store.Worker{
		ID: store.NewRecordID(), Name: orElse(o.name, orElse(machine, "worker")), Machine: machine, User: who, PID: os.Getpid(), Version: version,
		Format: jobs.Format(), Concurrency: o.concurrency, Hosts: hosts, StartedAt: lxc.At(time.Now()),
	}
}

// workerHosts are the names of the hosts whose jobs this worker runs.
func (a *app) workerHosts() ([]string, error) {
	if name := a.cfg.HostName(); name != "" && (a.global.host != "" || a.global.sandbox || len(a.cfg.HostNames()) == 0) {
		return []string{name}, nil
	}
	names := a.cfg.HostNames()
	if name := a.cfg.HostName(); name != "" && !slices.Contains(names, name) { // of the environment
		names = append(names, name)
	}
	if len(names) == 0 {
		_, err := a.hostName()
		return nil, err
	}
	return names, nil
}

// workerSignals close stop at the first SIGTERM or SIGINT, and now at the second. The third
// ends the process.
func (a *app) workerSignals(ctx context.Context) (stop, now <-chan struct{}, done func()) {
	heard := make(chan os.Signal, 4)
	signal.Notify(heard, syscall.SIGINT, syscall.SIGTERM)
	if a.releaseSignals != nil {
		a.releaseSignals() // no longer Main's, which would end the jobs
	}
	first, second, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-ended:
				return
			case <-ctx.Done():
				return
			case s := <-heard:
				switch n {
				case 0:
					close(first)
				case 1:
					close(second)
				default:
					os.Exit(interrupted{s.(syscall.Signal)}.ExitStatus())
				}
			}
		}
	}()
	return first, second, func() { signal.Stop(heard); close(ended) }
}

// workshop is where a worker does its jobs: an app for each host.
type workshop struct {
	app    *app
	names  []string
	worker *jobs.Worker
	lock   sync.Mutex // one job writes at a time

	mu    sync.Mutex
	hosts map[string]*app // by name in the config
	known map[string]string
	asked time.Time
}

// note writes a line about a job.
func (w *workshop) note(text string) {
	if w.app.global.quiet {
		return
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	w.app.note(text)
}

// hostsAnew is how often a worker looks which host on record a name in its config stands for:
// another member may have met the host only now.
const hostsAnew = 5 * time.Second

// ids are the ids of the hosts on record that this worker can reach.
func (w *workshop) ids(ctx context.Context) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.asked) > hostsAnew {
		known := map[string]string{}
		for _, name := range w.names {
			m, err := w.app.recognise(ctx, name)
			if err != nil {
				return nil, err
			}
			if m.ID != "" {
				known[m.ID] = name
			}
		}
		w.known, w.asked = known, time.Now()
	}
	ids := make([]string, 0, len(w.known))
	for id := range w.known {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

// at is the app for a host. It stays open, so that its jobs share one login, and the sandbox
// lives as long as the worker.
func (w *workshop) at(ctx context.Context, hostID string) (*app, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := w.known[hostID]
	if b := w.hosts[name]; b != nil {
		return b, nil
	}
	a := w.app
	b := &app{args: a.args, in: a.in, out: a.out, err: a.err, watch: a.watch, streams: a.streams, global: a.global, store: a.store, vault: a.vault, junit: &report{}, observed: a.observed}
	if name != a.cfg.HostName() { // else the worker's own flags and environment lead to it, which may have no name in a config
		b.global.host, b.global.sandbox = name, name == config.SandboxHost
		if b.global.sandbox {
			b.global.host = ""
		}
	}
	if _, err := b.config(); err != nil {
		return nil, err
	}
	if err := b.share(ctx); err != nil {
		if b.sandbox != nil {
			b.sandbox.Close()
		}
		return nil, err
	}
	w.hosts[name] = b
	return b, nil
}

func (w *workshop) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.hosts {
		if b.sandbox != nil {
			b.sandbox.Close()
		}
	}
}

// do does a job as its command would.
func (w *workshop) do(ctx context.Context, j store.QueuedJob) jobs.Result {
	base, err := w.at(ctx, j.HostID)
	if err != nil {
		return w.result(ctx, w.app, j, err)
	}
	b := base.beside(j.Hostname, &w.lock)
	b.worked = &j
	return w.result(ctx, b, j, w.perform(ctx, b, j))
}

// result is what becomes of a job, whose error is shown.
func (w *workshop) result(ctx context.Context, b *app, j store.QueuedJob, err error) jobs.Result {
	status, _ := b.told(ctx, j.Verb, err)
	res := jobs.Result{ExitStatus: status}
	var quiet silent
	switch {
	case errors.As(err, &quiet):
		if res.Error = err.Error(); status == exit.Unready {
			res.Error = "a declared service does not answer"
		}
	case err != nil:
		f := b.explain(err)
		res.Error, res.Hints = cannot(j.Verb, f.Text()), f.Hints
	}
	return res
}

// perform chooses the command for a job. A later attempt goes on from the record.
func (w *workshop) perform(ctx context.Context, b *app, j store.QueuedJob) error {
	q, err := b.requestOf(ctx, j)
	if err != nil {
		return err
	}
	c, err := b.findThere(ctx, j.RecordID)
	if err != nil {
		return err
	}
	if c.Lifecycle == lxc.Destroyed {
		if j.Verb == "destroy" {
			return nil
		}
		return b.isGone(c)
	}
	done, err := b.takeTemplate(ctx, q)
	if err != nil {
		return err
	}
	defer done()
	if goesOn(c, j) {
		o := &resumeOptions{app: b, publish: q.Publish, placed: q.Placed, destroy: q.DestroyIfFailed, room: w.room(j)}
		if j.Attempt == 1 {
			o.verb = j.Verb
		}
		return o.resume(ctx, c)
	}
	var cmd *cobra.Command
	switch j.Verb {
	case "sync":
		cmd = newSyncCmd(b)
	case "destroy":
		cmd = newDestroyCmd(b)
		if q.Flags == nil {
			q.Flags = map[string][]string{}
		}
		q.Flags["yes"] = []string{"true"} // the command has asked before it queued the job
	case "discover":
		cmd = newDiscoverCmd(b)
	default:
		return usagef("cannot do job %s: this version knows no %q", j.ID, j.Verb)
	}
	if err := q.apply(cmd.Flags()); err != nil {
		return err
	}
	cmd.SetContext(ctx)
	return cmd.RunE(cmd, []string{j.RecordID})
}

// goesOn reports whether a job goes on from the record: a create always does, and a sync if an
// earlier attempt has begun to change the container.
func goesOn(c lxc.Container, j store.QueuedJob) bool {
	return j.Verb == "create" || j.Verb == "sync" && j.Attempt > 1 && c.Lifecycle != lxc.Ready
}

// room waits until a node has room for the create task of a job. free is for its end.
func (w *workshop) room(j store.QueuedJob) func(ctx context.Context, node string) error {
	return func(ctx context.Context, node string) error {
		defer w.app.waiting("room for a create task on node "+node, 0)()
		for {
			ok, err := w.app.store.MakeRoom(ctx, j, node, w.worker.PerNode)
			if err != nil || ok {
				return err
			}
			select {
			case <-time.After(roomPause):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// roomPause is how often a job looks whether a node has room for it.
const roomPause = 500 * time.Millisecond
