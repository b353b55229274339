package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/infrahaus/infrahaus/internal/store"
)

// Result is how a job went.
type Result struct {
	ExitStatus int
	Error      string // "" after success
	Hints      []string
}

// Worker runs jobs.
type Worker struct {
	Store *store.Store
	Self  store.Worker // ID, Name, Concurrency and so on; Run sets its state
	// Hosts are the ids of the hosts that it can reach now.
	Hosts   func(ctx context.Context) ([]string, error)
	PerHost int           // see store.Claim
	PerNode int           //
	Grace   time.Duration // how long jobs may go on once the worker is told to stop
	// UntilEmpty ends the worker when no job waits or runs that it could do.
	UntilEmpty bool

	// Do does a job. ctx ends when the job is to stop; then its cause has one of the errors
	// Cancelled and HandedOver, or is a *store.Late: nothing may be changed any more.
	Do func(ctx context.Context, j store.QueuedJob) Result
	// Say reports what happens to jobs, a line each.
	Say func(text string)
	// Cause makes the causes of contexts that end as a signal would end them.
	Cause func(Why) error

	queue    *Queue
	mu       sync.Mutex
	running  map[*work]bool
	foreign  map[string]bool // jobs that are for others, and were said to be
	draining chan struct{}
}

// Why is the reason for which a job is stopped.
type Why int

// The reasons.
const (
	Cancelled  Why = iota // somebody wants it to stop
	HandedOver            // its worker ends, and another one will go on with it
)

// work is a job that this worker runs.
type work struct {
	job    store.QueuedJob
	cancel context.CancelCauseFunc
	why    *Why // of its context's end; nil: none yet, or late
	late   bool
}

const (
	// waitLimit is how long a worker holds an announcement while no job can begin.
	waitLimit = 20 * time.Second
	// waitPause is how often it looks again meanwhile.
	waitPause = 500 * time.Millisecond
	// leaveFor is how long a job for other workers is left to them until this one is asked
	// again, at least.
	leaveFor = time.Second
	// beatMost is how often a worker looks whether one of its jobs is to stop, at least.
	beatMost = 2 * time.Second
	// rescueMost is how often a worker looks for jobs of dead workers, at least.
	rescueMost = 10 * time.Second
	// hardGrace is how long jobs that were told to stop may take.
	hardGrace = 30 * time.Second
)

// Run runs jobs until stop is closed; then it takes no new ones, and lets those that run end
// within Grace. Those that have not ended then, or when now is closed, are stopped and handed
// over to other workers. The error is that of the catalogue when the worker cannot begin.
func (w *Worker) Run(ctx context.Context, stop, now <-chan struct{}) error {
	w.running, w.foreign, w.draining = map[*work]bool{}, map[string]bool{}, make(chan struct{})
	newest, err := w.Store.NewestFormat(ctx)
	if err != nil {
		return err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(w.work))
	// River's rescuer is of no use here: it takes a job from a worker that only works for long,
	// and gives a late worker's result to the job. So no job of River's has a time limit
	// (JobTimeout: -1), without which its rescuer never touches one, and the lease in the
	// catalogue decides, see rescue.
	w.queue, err = open(w.Store, &river.Config{
		ID: w.Self.ID, Logger: quiet(), Workers: workers,
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: w.Self.Concurrency}},
		JobTimeout: -1, FetchPollInterval: time.Second, RescueStuckJobsAfter: 365 * 24 * time.Hour,
		// A leader looks after the rows of all workers. One that is older than they are does not
		// know what they need.
		LeaderElectionDisabled: newest > Format(), FetchOnlyKnownKinds: true,
	})
	if err != nil {
		return err
	}
	defer w.queue.Close()
	if err := w.queue.e.migrate(ctx); err != nil {
		return err
	}
	if newest > Format() {
		w.Say(fmt.Sprintf("this worker does not lead the queue: others have jobs of format %d, and it knows %d", newest, Format()))
	}
	w.Self.State = store.WorkerRunning
	if err := errors.Join(w.Store.SaveWorker(ctx, w.Self), w.Store.ForgetWorkers(ctx)); err != nil {
		return err
	}
	keeping, kept := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	loops.Go(func() { w.keep(keeping) })
	loops.Go(func() { w.rescue(keeping) })
	if err = w.queue.e.start(context.WithoutCancel(ctx)); err == nil {
		w.drain(ctx, stop, now)
	}
	kept()
	loops.Wait()
	w.Self.State = store.WorkerStopped
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), hardGrace)
	defer cancel()
	return errors.Join(err, w.Store.SaveWorker(after, w.Self))
}

// drain waits for the end of the worker, and then for that of its jobs.
func (w *Worker) drain(ctx context.Context, stop, now <-chan struct{}) {
	empty := make(chan struct{})
	if w.UntilEmpty {
		looking, cancel := context.WithCancel(ctx)
		defer cancel()
		go w.untilEmpty(looking, empty)
	}
	select {
	case <-stop:
	case <-now:
	case <-empty:
	case <-ctx.Done():
	}
	close(w.draining)
	w.setState(store.WorkerStopping)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.queue.e.stop(context.WithoutCancel(ctx)) // it waits for the jobs, and fails only with its context
	}()
	if n := w.count(); n > 0 {
		w.Say(fmt.Sprintf("no new jobs are taken; waiting up to %s for %d running", w.Grace, n))
	}
	select {
	case <-ended:
		return
	case <-now:
	case <-time.After(w.Grace):
	}
	w.mu.Lock()
	for x := range w.running {
		w.end(x, HandedOver)
	}
	w.mu.Unlock()
	select {
	case <-ended:
	case <-time.After(hardGrace): // their leases run out
	}
}

// untilEmpty closes empty when no job is left for this worker.
func (w *Worker) untilEmpty(ctx context.Context, empty chan<- struct{}) {
	for {
		hosts, err := w.Hosts(ctx)
		if err == nil {
			var left int
			if left, err = w.Store.JobsLeft(ctx, hosts, Format()); err == nil && left == 0 {
				close(empty)
				return
			}
		}
		select {
		case <-time.After(waitPause):
		case <-ctx.Done():
			return
		}
	}
}

func (w *Worker) setState(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Self.State = state
}

func (w *Worker) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running)
}

// end stops a job for a reason. The caller holds the lock.
func (w *Worker) end(x *work, why Why) {
	if x.why == nil && !x.late {
		x.why = &why
		x.cancel(w.Cause(why))
	}
}

// work answers an announcement of River's. A worker has as many at once as it may run jobs.
func (w *Worker) work(ctx context.Context, r *river.Job[notice]) error {
	for began := time.Now(); ; {
		select {
		case <-w.draining:
			return river.JobSnooze(0) // another worker will get it
		default:
		}
		hosts, err := w.Hosts(ctx)
		if err != nil {
			return river.JobSnooze(leaveFor)
		}
		j, why, err := w.Store.ClaimJob(ctx, store.Claim{Worker: w.Self.ID, Format: Format(), Hosts: hosts,
			Prefer: r.Args.Job, Offer: r.ID, PerHost: w.PerHost, PerNode: w.PerNode})
		switch {
		case err != nil:
			w.Say("cannot take a job: " + err.Error())
			return river.JobSnooze(5 * leaveFor)
		case j != nil:
			w.do(*j)
			return nil
		case why == store.NothingQueued:
			return nil
		case why == store.ForOthers:
			w.leave(ctx, r.Args.Job, hosts)
			return river.JobSnooze(leaveFor + rand.N(leaveFor))
		case time.Since(began) > waitLimit:
			return river.JobSnooze(leaveFor)
		}
		select {
		case <-time.After(waitPause):
		case <-w.draining:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leave says once why a job is left to other workers.
func (w *Worker) leave(ctx context.Context, id string, hosts []string) {
	j, err := w.Store.QueuedJob(ctx, id)
	if err != nil || j.State != store.JobQueued {
		return
	}
	w.mu.Lock()
	told := w.foreign[id]
	w.foreign[id] = true
	w.mu.Unlock()
	switch {
	case told:
	case j.Format > Format():
		w.Say(fmt.Sprintf("job %s (%s %s) is left for a newer worker: it is of format %d, and this one knows %d", j.ID, j.Verb, j.Hostname, j.Format, Format()))
	case !slices.Contains(hosts, j.HostID):
		w.Say(fmt.Sprintf("job %s (%s %s) is left for another worker: this one has no login for host %s", j.ID, j.Verb, j.Hostname, j.Host))
	}
}

// do runs a job and records its end.
func (w *Worker) do(j store.QueuedJob) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	x := &work{job: j, cancel: cancel}
	w.mu.Lock()
	w.running[x] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.running, x)
	}()
	w.Say(begun(j))
	res := w.attempt(ctx, j)
	w.mu.Lock()
	why := x.why
	w.mu.Unlock()
	if err := w.record(j, res, why); err != nil {
		var late *store.Late
		if errors.As(err, &late) {
			w.Say(fmt.Sprintf("job %s (%s %s): what this attempt %d has done does not count: %v", j.ID, j.Verb, j.Hostname, j.Attempt, err))
			return
		}
		w.Say(fmt.Sprintf("job %s (%s %s): its end could not be recorded, so another worker will look at it: %v", j.ID, j.Verb, j.Hostname, err))
	}
}

// attempt is Do. River swallows a panic, and the job would run forever.
func (w *Worker) attempt(ctx context.Context, j store.QueuedJob) (res Result) {
	defer func() {
		if what := recover(); what != nil {
			w.Say(fmt.Sprintf("job %s: a mistake of this program: %v\n%s", j.ID, what, debug.Stack()))
			res = Result{ExitStatus: 1, Error: fmt.Sprintf("a mistake of this program: %v", what)}
		}
	}()
	return w.Do(ctx, j)
}

func begun(j store.QueuedJob) string {
	text := fmt.Sprintf("job %s: %s %s", j.ID, j.Verb, j.Hostname)
	if j.Attempt > 1 {
		text += fmt.Sprintf(" (attempt %d)", j.Attempt)
	}
	return text
}

// record writes the end of an attempt. It tries for as long as the attempt's lease would last:
// a job without an end is given to another worker then.
func (w *Worker) record(j store.QueuedJob, res Result, why *Why) error {
	ctx, cancel := context.WithTimeout(context.Background(), store.LeaseLimit())
	defer cancel()
	for {
		err := w.recordOnce(ctx, j, res, why)
		var late *store.Late
		if err == nil || errors.As(err, &late) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(store.BeatEvery()):
		case <-ctx.Done():
			return err
		}
	}
}

func (w *Worker) recordOnce(ctx context.Context, j store.QueuedJob, res Result, why *Why) error {
	end := store.JobEnd{State: store.JobDone, ExitStatus: res.ExitStatus, Error: res.Error, Hints: res.Hints}
	switch {
	case res.ExitStatus == 0:
		w.Say(fmt.Sprintf("job %s: done", j.ID))
	case why != nil && *why == HandedOver:
		w.Say(fmt.Sprintf("job %s: handed over", j.ID))
		return w.Store.Requeue(ctx, j, w.queue.Offer)
	case why != nil:
		end.State = store.JobCancelled
		w.Say(fmt.Sprintf("job %s: cancelled", j.ID))
	default:
		end.State = store.JobFailed
		w.Say(fmt.Sprintf("job %s: failed with status %d", j.ID, res.ExitStatus))
	}
	return w.Store.EndJob(ctx, j, end)
}
