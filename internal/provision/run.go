package provision

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/outcome"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// Run is one run of phases against one container. Its caller asks for one of Create, Resume,
// Sync, Discover, Destroy and Rollback, each with a request of its own. The fields are
// grouped by the code that sets them.
type Run struct {
	Bus     *event.Bus
	Verbose bool
	Command func(words ...string) string // a command line of this tool, to be shown in a hint
	// Decided is told of each plan of the run. nil: nobody wants to know.
	Decided func(plan.Plan)
	// Passed is told of each phase that has ended well. nil: nobody wants to know.
	Passed func(event.StepName)
	// Room waits until a node has room for a create task. nil: it always has.
	Room func(ctx context.Context, node string) error
	// Connect opens the host. A run calls it after its first event: reaching a host takes
	// time.
	Connect func(context.Context) (Host, error)

	// set by NewRun
	id, recordID string
	record       Catalogue

	// set from the request
	verb             plan.Verb
	recorded         lxc.Container    // of all but a create: the record as it was before the run
	job              plan.Job         // with the host's defaults, once it is connected
	asked            lxc.Spec         // of a resume or sync: job.Spec as it is on record
	from             string           // of a resume
	placed           string           // of a resume: the node for a container that was not created yet
	how              plan.SyncRequest // of a sync
	anew             []string         // of a resume or sync
	destroyOnFailure bool             // of a create
	foreign          bool             // of a destroy

	host      Host                   // the zero Host until connect
	changing  bool                   // the run has begun to change the container, or its record
	marks     plan.Marks             // what earlier runs and this one have done
	situation plan.Situation         // what Proxmox says of the container
	past      *survey.RollbackSurvey // of a rollback: the state to which it goes back

	plan   plan.Plan    // what is decided, from what was found so far
	inside *plan.Inside // what was found in the guest; nil: nobody has looked

	// set by perform
	phase     Phase
	recordErr firstError
	tail      tail // the last lines logged, for the error of what fails

	// set while creating
	placement *pve.Placement
	mayMove   bool // of a sync: see plan.Login.Pools
	ctid      int
	upid      string // of the create task
	mac       string
	hostKeys  []string          // learned from the create task's log
	task      string            // UPID of the task that is followed now, for cancellation
	existence outcome.Existence // see exists

	// set once the configuration of the container is known
	application bool   // its PID 1 is the program of an OCI image
	noShell     string // of an application: why no script runs, once that was tried; "": there is a shell
	noTar       bool   // likewise: files are shipped without tar

	// set while starting
	address netip.Addr // invalid: none known
	opening *opening   // the way inside, dialled while the start task still runs

	toldPassword atomic.Bool // job.Password was sent to the console

	// set while deploying
	guest      guest.Guest
	guestFacts guest.Facts
	staging    string // the folder in the guest that everything is shipped to

	// set while syncing
	attempt *guest.Attempt // the one that runs now, for cancellation

	// set while finalizing
	services []lxc.Service
	notes    string   // of the template, for people
	unready  []string // declared services that never answered, each with its note

	updated   string // of an update that ended well: what was done
	noWayBack bool   // of an update: the container was not saved

	baking *BakeRequest // of a bake
	baked  string       // of a bake that ended well: the image
}

// Result is how a run ended.
type Result struct {
	ExitStatus int // 0, or 6 when a declared service does not answer
	Address    string
	Services   []lxc.Service
}

// NewRun makes a run whose events go to required and to the others.
func NewRun(meta event.Meta, record Catalogue, required event.Sink, others ...event.Sink) *Run {
	r := &Run{id: meta.RunID, recordID: meta.ContainerID, record: record, staging: configmanager.StagingDir()}
	r.Bus = event.NewBus(meta, required, append(others, &r.tail)...)
	return r
}

// Create runs the five phases and ends with a complete or an error event. What
// it is to do is on record before anything else.
func (r *Run) Create(ctx context.Context, q CreateRequest) (Result, error) {
	r.verb, r.changing, r.phase = plan.Create, true, Phases[0]
	r.placement, r.destroyOnFailure = q.Placement, q.DestroyOnFailure
	r.take(q.Job)
	err := r.record.SaveJob(ctx, r.job)
	if err == nil {
		err = r.perform(ctx, Phases)
	}
	return r.end(ctx, err)
}

// Discover runs the last phase alone against a running container.
func (r *Run) Discover(ctx context.Context, q DiscoverRequest) (Result, error) {
	r.recorded = q.Recorded
	r.take(q.Job)
	err := r.attach(ctx)
	if err == nil {
		err = r.perform(ctx, Phases[len(Phases)-1:])
	}
	return r.end(ctx, err)
}

// end writes how the run went: the record first, then the event.
func (r *Run) end(ctx context.Context, err error) (Result, error) {
	if err == nil {
		err = r.noted()
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err != nil {
		err = r.fail(after, ctx, err)
	}
	if r.guest != nil {
		r.guest.Close()
	}
	if err != nil {
		return Result{}, err
	}
	return r.finish(after)
}

// finish records ready and says so.
func (r *Run) finish(ctx context.Context) (Result, error) {
	res := Result{Services: r.services}
	if r.address.IsValid() {
		res.Address = r.address.String()
	}
	end := r.ending().Success()
	res.ExitStatus = end.Status
	if err := r.record.Update(ctx, func(c *lxc.Container) { r.putOnRecord(c, end) }); err != nil {
		return res, err
	}
	percent := 100
	return res, r.Bus.Emit(event.Event{
		Type: event.Complete, Step: event.Finalizing, Percent: &percent, Message: end.Message, Hint: strings.Join(end.Hints, "\n"),
		ExitStatus: &res.ExitStatus, Address: res.Address, Services: r.services,
	})
}

// ending is everything on which the end of the run depends.
func (r *Run) ending() outcome.Run {
	o := outcome.Run{
		Verb: r.verb, Existence: r.existence, Changing: r.changing, Recorded: r.recorded,
		Hostname: r.job.Spec.Hostname, CTID: r.ctid, Unready: r.unready,
		LeftSnapshot: r.marks.Of(event.Deploying, plan.ItemSnapshot).State == plan.Claimed,
		Updated:      r.updated,
		NoWayBack:    r.noWayBack,
		Baked:        r.baked,
		OnNode:       r.marks.Of(event.Deploying, plan.ItemRollback).State == plan.Claimed,
		CanUnlock:    r.nodeSSH() != nil, Kept: r.butFor(), Command: r.Command,
	}
	if r.past != nil {
		o.Snapshot, o.Was = r.past.Snapshot, r.past.Was
	}
	return o
}

// exists records what is known of the container's existence. It is the only writer.
func (r *Run) exists(e outcome.Existence) { r.existence = e }

// onRecord takes the id and the MAC from the record of a container that an earlier run made.
func (r *Run) onRecord() {
	r.ctid, r.mac = r.recorded.CTID, r.recorded.MAC
	if r.ctid != 0 {
		r.exists(outcome.Asked)
	}
}

// putOnRecord records a success. Another run may have destroyed the container beside a look
// inside.
func (r *Run) putOnRecord(c *lxc.Container, end outcome.End) {
	if c.Lifecycle == lxc.Destroyed {
		return
	}
	if r.verb != plan.Update || r.guest != nil || len(r.services) > 0 { // an update may leave it stopped
		c.StoppedAt, c.Answering = nil, r.answering()
	}
	if r.job.Template != nil {
		c.Notes = r.notes
	}
	if end.Lifecycle != "" {
		c.Lifecycle, c.Error = end.Lifecycle, end.Error
	}
	if end.Lifecycle == lxc.Destroyed {
		now := lxc.At(time.Now())
		c.DestroyedAt = &now
	}
}

// answering reports whether the declared services answer; nil if none is declared.
func (r *Run) answering() *bool {
	if !slices.ContainsFunc(r.services, func(s lxc.Service) bool { return s.Declared }) {
		return nil
	}
	all := len(r.unready) == 0
	return &all
}

// fail tells what still runs to stop, cleans up if asked to, records the error
// and says it.
func (r *Run) fail(after, ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = r.stopWork(after, cause, err)
	}
	f := exit.Explain(r.stoppedUnder(after, err))
	f.Message = r.Bus.Redact(f.Message)
	for i := range f.Tail {
		f.Tail[i] = r.Bus.Redact(f.Tail[i])
	}
	if r.destroyOnFailure && r.changing && !r.existence.None() {
		if done := r.cleanUp(after); done != "" {
			f.Hints = append(f.Hints, done)
		}
		// Destroying may have taken longer than the rest was given.
		var cancel context.CancelFunc
		after, cancel = context.WithTimeout(context.WithoutCancel(after), closeTimeout)
		defer cancel()
	}
	ending := r.ending()
	ending.Interrupted = context.Cause(ctx) != nil
	end := ending.Failure()
	f.Hints = append(f.Hints, end.Hints...)
	if recErr := r.recordFailure(after, f.Message, end.Lifecycle); recErr != nil {
		f.Hints = append(f.Hints, "the record could not be written: "+recErr.Error())
	}
	for i := range f.Hints {
		f.Hints[i] = r.Bus.Redact(f.Hints[i])
	}
	if r.placement != nil {
		_ = r.record.ScrubLog(after, r.Bus.Secrets().Redact) // the run has failed already; the log stays as it was
	}
	emitErr := r.Bus.Emit(event.Event{
		Type: event.Error, Step: r.phase.Name, Message: f.Text(), Hint: strings.Join(f.Hints, "\n"), ExitStatus: &f.Status,
	})
	if emitErr != nil {
		f.Hints = append(f.Hints, emitErr.Error())
	}
	return f
}

// recordFailure records how a run failed. A run that has changed nothing leaves a record that
// another look has completed in the meantime.
func (r *Run) recordFailure(ctx context.Context, message string, to lxc.Lifecycle) error {
	if to == "" {
		return nil
	}
	return r.record.Update(ctx, func(c *lxc.Container) {
		if !r.changing && c.Lifecycle != lxc.Creating && c.Lifecycle != lxc.Failed {
			return
		}
		c.Lifecycle, c.Error = to, message
		if to == lxc.Destroyed {
			now := lxc.At(time.Now())
			c.DestroyedAt = &now
		}
	})
}
