package provision

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// Catalogue is where one container's record is kept. Each method has written
// durably when it returns: the engine calls it before the side effect that the
// entry announces. The engine sees an interface so that it knows nothing of
// databases, keys or sealing.
type Catalogue interface {
	// Update changes the container's record in one transaction.
	Update(ctx context.Context, change func(*lxc.Container)) error
	// SaveJob keeps what a later run has to be told to do the same work; the
	// values of the template's variables are sealed.
	SaveJob(ctx context.Context, job plan.Job) error
	// KeepPast keeps the job, its variables, the marks of what was shipped and run, and
	// the services as they are now, when a snapshot is taken; RestorePast puts them
	// back, or is false where nothing is kept for that snapshot.
	KeepPast(ctx context.Context, snapshot string) error
	RestorePast(ctx context.Context, snapshot string) (bool, error)
	// SealPassword keeps root's password, sealed.
	SealPassword(ctx context.Context, password string) error
	// RootPassword is what SealPassword keeps, "" if it was never called.
	RootPassword(ctx context.Context) (string, error)
	// SaveServices replaces what is recorded of the container's services, and
	// the credentials by service, sealed.
	SaveServices(ctx context.Context, services []lxc.Service, credentials map[string]map[string]string, at time.Time) error
	// HostKeys are the pinned fingerprints of the guest's SSH host keys.
	HostKeys(ctx context.Context) ([]string, error)
	// PinHostKeys adds fingerprints.
	PinHostKeys(ctx context.Context, fingerprints []string) error
	// Mark records how far one item of the work is: claimed before its side
	// effect, done or failed after it. It replaces what was known of the item.
	Mark(ctx context.Context, m plan.Mark) error
	// Marks is what earlier runs have marked, and this one.
	Marks(ctx context.Context) ([]plan.Mark, error)
	// LoggedOffsets is how much of a script's output a run has on record: the bytes of
	// each stream up to the last line that was logged after the script (or
	// another attempt at it) began. It is zero if nothing was logged.
	LoggedOffsets(ctx context.Context, runID, script string) (guest.Offsets, error)
	// ScrubLog rewrites the run's log file through redact.
	ScrubLog(ctx context.Context, redact func(string) string) error
}

// mark records how far an item is.
func (r *Run) mark(ctx context.Context, phase event.StepName, item string, state plan.MarkState, d plan.Detail) error {
	m := plan.Mark{Phase: string(phase), Item: item, State: state, RunID: r.id, Detail: d}
	if err := r.record.Mark(ctx, m); err != nil {
		return err
	}
	if r.marks == nil {
		r.marks = plan.Marks{}
	}
	r.marks.Put(m)
	return nil
}

// loadMarks reads what earlier runs have done.
func (r *Run) loadMarks(ctx context.Context) error {
	list, err := r.record.Marks(ctx)
	if err != nil {
		return err
	}
	r.marks = plan.Marks{}
	for _, m := range list {
		r.marks.Put(m)
	}
	return nil
}
