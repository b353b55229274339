package provision

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// Run is the phases' shared page. Every field says who fills it.
type Run struct {
	// the caller
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
	Recorded         lxc.Container                // of all but a create: what was known before
	From             string                       // of a resume: the step or script to go back to; "": none
	Asked            plan.SyncRequest             // of a sync: what it was asked
	Bus              *event.Bus
	Record           Catalogue

	// Discover, Resume, Sync or Rollback
	looking   bool                   // the run looks at a container and changes neither it nor its lifecycle
	resuming  bool                   // the run goes on with what earlier runs began
	renewing  bool                   // the template's present state is to be applied
	marks     plan.Marks             // what earlier runs and this one have done
	situation plan.Situation         // what Proxmox says of it
	past      *survey.RollbackSurvey // what the container is being taken back to
	foreign   bool                   // a container that this catalogue did not make may be destroyed

	plan   plan.Plan    // what is decided, from what was found so far
	inside *plan.Inside // what was found in the guest; nil: nobody has looked

	// perform
	phase     Phase
	recordErr firstError
	tail      tail // the last lines logged, for the error of what fails

	// creating
	Placement    *pve.Placement
	CTID         int
	UPID         string // of the create task
	MAC          string
	hostKeys     []string // learned from the create task's log
	task         string   // the UPID that is followed now, for cancellation
	requested    bool     // a create was sent and not refused
	createFailed bool     // its task failed; Proxmox cleaned up
	leftLocked   bool     // its task died and left the container locked
	gone         bool     // destroyed by --on-failure
	unanswered   bool     // whether Proxmox makes what was asked for is not known

	// starting
	Address netip.Addr // invalid: none known
	opening *opening   // the way inside, dialled while the start task still runs

	toldPassword atomic.Bool // the console was told Job.Password

	// deploying
	Guest   guest.Guest
	Facts   guest.Facts
	Staging string // the folder in the guest that everything is shipped to

	// syncing
	attempt *guest.Attempt // the one that runs now, for cancellation

	// finalizing
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
	r.phase = Phases[0]
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
	message := "Container ready!"
	if r.looking {
		message = "Container was looked at"
	}
	if r.renewing {
		message = "Container is as its template says" + r.butFor()
	}
	hint := ""
	if r.past != nil {
		message = "Container is as it was when the snapshot " + r.past.Snapshot + " was taken"
	}
	if r.unfinishedPast() {
		hint = "it had not been finished then; to go on: " + r.Command("resume", r.Recorded.Hostname)
	}
	if len(r.unready) > 0 {
		res.ExitStatus = ExitUnready
		message = "Container is up, but not answering: " + strings.Join(r.unready, ", ")
		hint = r.Command("logs", r.Job.Spec.Hostname)
		if r.marks.Of(event.Deploying, plan.ItemSnapshot).State == plan.Claimed {
			hint += "\n" + r.backHint()
		}
	}
	if err := r.Record.Update(ctx, r.putOnRecord); err != nil {
		return res, err
	}
	percent := 100
	return res, r.Bus.Emit(event.Event{
		Type: event.Complete, Step: event.Finalizing, Percent: &percent, Message: message, Hint: hint,
		ExitStatus: &res.ExitStatus, Address: res.Address, Services: r.Services,
	})
}

// putOnRecord records the results. The container is ready again, or as unfinished as it
// was when the sync began.
func (r *Run) putOnRecord(c *lxc.Container) {
	if c.Lifecycle == lxc.Destroyed { // meanwhile, beside a look inside
		return
	}
	c.StoppedAt, c.Answering = nil, r.answering()
	// A look inside does not show whether other work is left. Only an adopted container
	// has no other work.
	if r.looking && !r.renewing && !r.Recorded.Adopted {
		return
	}
	c.Lifecycle, c.Error = lxc.Ready, ""
	if r.unfinishedPast() {
		c.Lifecycle, c.Error = lxc.Failed, "it is as it was before a sync, and had not been finished then"
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
	f := Explain(r.stoppedUnder(after, err))
	f.Message = r.Bus.Redact(f.Message)
	for i := range f.Tail {
		f.Tail[i] = r.Bus.Redact(f.Tail[i])
	}
	if r.DestroyOnFailure && !r.nothingExists() {
		f.Hints = append(f.Hints, hint(r.cleanUp(after))...)
		// Destroying may have taken longer than the rest was given.
		var cancel context.CancelFunc
		after, cancel = context.WithTimeout(context.WithoutCancel(after), closeTimeout)
		defer cancel()
	}
	if context.Cause(ctx) != nil && !r.looking && !r.gone && r.nothingExists() {
		f.Hints = append(f.Hints, "nothing of it is on the node")
	}
	f.Hints = append(f.Hints, r.wayOn()...)
	if recErr := r.recordFailure(after, f); recErr != nil {
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

// wayOn names the commands that finish the work or clean it up.
func (r *Run) wayOn() (hints []string) {
	if r.looking || r.nothingExists() && !r.resuming {
		return nil
	}
	if r.past != nil {
		return r.wayBack()
	}
	name := r.Job.Spec.Hostname
	what := "nothing of it is on the node yet"
	if r.CTID != 0 && !r.nothingExists() {
		what = fmt.Sprintf("container %d was left as it is", r.CTID)
	}
	if r.unanswered {
		what = fmt.Sprintf("Proxmox has no container %d yet, and may still make it, for its answer never came", r.CTID)
	}
	first := ""
	if r.leftLocked && r.SSH.Node == nil { // the API cannot unlock, and both commands need it unlocked
		hints, first = append(hints, fmt.Sprintf("first, on the node: pct unlock %d", r.CTID)), "then "
	}
	hints = append(hints,
		what+"; "+first+"to go on: "+r.Command("resume", name),
		"to remove it: "+r.Command("destroy", name),
	)
	if m := r.marks.Of(event.Deploying, plan.ItemSnapshot); m.State == plan.Claimed {
		hints[len(hints)-1] = r.backHint()
	}
	return hints
}

func (r *Run) backHint() string {
	return "to go back to how it was before: " + r.Command("sync", r.Job.Spec.Hostname, "--rollback")
}

// adopting reports whether this look will take the container into the catalogue.
func (r *Run) adopting() bool { return r.Recorded.Adopted && r.Recorded.Lifecycle != lxc.Ready }

// recordFailure records how a run failed. If a create left nothing on the node, its name
// becomes free and its history stays. A failed discovery changes nothing, except that a
// container without any successful look is not adopted as ready.
func (r *Run) recordFailure(ctx context.Context, f *Failure) error {
	if r.looking && !r.adopting() {
		return nil
	}
	if r.looking {
		return r.Record.Update(ctx, func(c *lxc.Container) {
			if c.Lifecycle == lxc.Creating || c.Lifecycle == lxc.Failed { // otherwise another look has finished first
				c.Lifecycle, c.Error = lxc.Failed, f.Message
			}
		})
	}
	return r.Record.Update(ctx, func(c *lxc.Container) {
		c.Error = f.Message
		c.Lifecycle = lxc.Failed
		if r.nothingExists() && (!r.resuming || r.gone) {
			now := lxc.At(time.Now())
			c.Lifecycle, c.DestroyedAt = lxc.Destroyed, &now
		}
	})
}
