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

// Run is one run of phases against one container. The fields are grouped by the code that
// sets them.
type Run struct {
	// set by the caller
	ID       string
	RecordID string
	Job      plan.Job
	// Connect opens the host and fills PVE, SSH and what the host's settings say
	// in Job. A create calls it after its first event: reaching a host takes time.
	Connect          func(context.Context) error
	PVE              *pve.Client
	SSH              guest.Options // the host's settings; the run adds who listens and when the guest is up
	Key              string        // the tool's own public key, which the guest accepts besides the spec's keys; Connect fills it in
	DestroyOnFailure bool
	Verbose          bool
	Command          func(words ...string) string // a command line of this tool, to be shown in a hint
	Recorded         lxc.Container                // of all but a create: the record as it was before the run
	Anew             []string                     // hints: how to make a container again that Proxmox has lost
	From             string                       // of a resume: the step or script to go back to; "": none
	Asked            plan.SyncRequest             // of a sync: its request
	Bus              *event.Bus
	Record           Catalogue

	// set by Create, Resume, Sync and the others
	verb      plan.Verb
	asked     lxc.Spec               // of a resume or sync: as it is on record, without the host's defaults and what Proxmox says
	changing  bool                   // the run has begun to change the container, or its record
	marks     plan.Marks             // what earlier runs and this one have done
	situation plan.Situation         // what Proxmox says of the container
	past      *survey.RollbackSurvey // of a rollback: the state to which it goes back
	foreign   bool                   // of a destroy: the container need not be this catalogue's

	plan   plan.Plan    // what is decided, from what was found so far
	inside *plan.Inside // what was found in the guest; nil: nobody has looked

	// set by perform
	phase     Phase
	recordErr firstError
	tail      tail // the last lines logged, for the error of what fails

	// set while creating
	Placement *pve.Placement
	CTID      int
	UPID      string // of the create task
	MAC       string
	hostKeys  []string          // learned from the create task's log
	task      string            // UPID of the task that is followed now, for cancellation
	existence outcome.Existence // see exists

	// set while starting
	Address netip.Addr // invalid: none known
	opening *opening   // the way inside, dialled while the start task still runs

	toldPassword atomic.Bool // Job.Password was sent to the console

	// set while deploying
	Guest   guest.Guest
	Facts   guest.Facts
	Staging string // the folder in the guest that everything is shipped to

	// set while syncing
	attempt *guest.Attempt // the one that runs now, for cancellation

	// set while finalizing
	Services []lxc.Service
	unready  []string // declared services that never answered, each with its note
}

// Result is how a run ended.
type Result struct {
	ExitStatus int // 0, or 6 when a declared service does not answer
	Address    string
	Services   []lxc.Service
}

// NewRun makes a run whose events go to required and to the others.
func NewRun(meta event.Meta, record Catalogue, required event.Sink, others ...event.Sink) *Run {
	r := &Run{ID: meta.RunID, RecordID: meta.ContainerID, Record: record, Staging: configmanager.StagingDir()}
	r.Bus = event.NewBus(meta, required, append(others, &r.tail)...)
	return r
}

// Create runs the five phases and ends with a complete or an error event. What
// it is to do is on record before anything else.
func (r *Run) Create(ctx context.Context) (Result, error) {
	r.verb, r.changing, r.phase = plan.Create, true, Phases[0]
	err := r.Record.SaveJob(ctx, r.Job)
	if err == nil {
		err = r.perform(ctx, Phases)
	}
	return r.end(ctx, err)
}

// Discover runs the last phase alone against a running container.
func (r *Run) Discover(ctx context.Context) (Result, error) {
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
	if r.Guest != nil {
		r.Guest.Close()
	}
	if err != nil {
		return Result{}, err
	}
	return r.finish(after)
}

// finish records ready and says so.
func (r *Run) finish(ctx context.Context) (Result, error) {
	res := Result{Services: r.Services}
	if r.Address.IsValid() {
		res.Address = r.Address.String()
	}
	end := r.ending().Success()
	res.ExitStatus = end.Status
	if err := r.Record.Update(ctx, func(c *lxc.Container) { r.putOnRecord(c, end) }); err != nil {
		return res, err
	}
	percent := 100
	return res, r.Bus.Emit(event.Event{
		Type: event.Complete, Step: event.Finalizing, Percent: &percent, Message: end.Message, Hint: strings.Join(end.Hints, "\n"),
		ExitStatus: &res.ExitStatus, Address: res.Address, Services: r.Services,
	})
}

// ending is everything on which the end of the run depends.
func (r *Run) ending() outcome.Run {
	o := outcome.Run{
		Verb: r.verb, Existence: r.existence, Changing: r.changing, Recorded: r.Recorded,
		Hostname: r.Job.Spec.Hostname, CTID: r.CTID, Unready: r.unready,
		LeftSnapshot: r.marks.Of(event.Deploying, plan.ItemSnapshot).State == plan.Claimed,
		OnNode:       r.marks.Of(event.Deploying, plan.ItemRollback).State == plan.Claimed,
		CanUnlock:    r.SSH.Node != nil, Kept: r.butFor(), Command: r.Command,
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
	r.CTID, r.MAC = r.Recorded.CTID, r.Recorded.MAC
	if r.CTID != 0 {
		r.exists(outcome.Asked)
	}
}

// putOnRecord records a success. Another run may have destroyed the container beside a look
// inside.
func (r *Run) putOnRecord(c *lxc.Container, end outcome.End) {
	if c.Lifecycle == lxc.Destroyed {
		return
	}
	c.StoppedAt, c.Answering = nil, r.answering()
	if end.Lifecycle != "" {
		c.Lifecycle, c.Error = end.Lifecycle, end.Error
	}
}

// answering reports whether the declared services answer; nil if none is declared.
func (r *Run) answering() *bool {
	if !slices.ContainsFunc(r.Services, func(s lxc.Service) bool { return s.Declared }) {
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
	if r.DestroyOnFailure && r.changing && !r.existence.None() {
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
	if r.Placement != nil {
		_ = r.Record.ScrubLog(after, r.Bus.Secrets().Redact) // the run has failed already; the log stays as it was
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
	return r.Record.Update(ctx, func(c *lxc.Container) {
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
