package provision

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
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
	SaveJob(ctx context.Context, job Job) error
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
	Mark(ctx context.Context, m Mark) error
	// Marks is what earlier runs have marked, and this one.
	Marks(ctx context.Context) ([]Mark, error)
	// Told is how much of a script's output a run has on record: the bytes of
	// each stream up to the last line that was logged after the script (or
	// another try of it) began. Zero where nothing was.
	Told(ctx context.Context, runID, script string) (guest.Offsets, error)
	// ScrubLog rewrites the run's log file through redact.
	ScrubLog(ctx context.Context, redact func(string) string) error
}

// MarkState is how far an item of a run is.
type MarkState string

// An item is claimed before its side effect.
const (
	Claimed MarkState = "claimed"
	Done    MarkState = "done"
	Broken  MarkState = "failed"
)

// Mark is one item of the work on a container and how far it is. It holds no
// secret.
type Mark struct {
	Phase string
	Item  string
	State MarkState
	RunID string // the run that wrote it; filled in by the catalogue
	Detail
}

// Detail is what going on from a mark takes.
type Detail struct {
	UPID   string `json:"upid,omitempty"`   // of a task on the node
	Dir    string `json:"dir,omitempty"`    // of an attempt, or of what was shipped, in the guest
	Try    int    `json:"try,omitempty"`    // which attempt this is, from 1
	Status int    `json:"status,omitempty"` // exit status of an attempt that ended
	SHA256 string `json:"sha256,omitempty"` // of the script that was run, or the digest of the template that was shipped
	Stage  string `json:"stage,omitempty"`  // the staging folder that was shipped to
	Take   string `json:"take,omitempty"`   // how a sync settles conflicts
	Name   string `json:"name,omitempty"`   // of a snapshot
	Was    string `json:"was,omitempty"`    // the lifecycle when it was taken
	// Out and Err are where the run that wrote the mark began to follow.
	Out int64 `json:"out,omitempty"`
	Err int64 `json:"err,omitempty"`
}

// The items that are not scripts. ItemCreate is done once the container was made.
const (
	ItemCreate   = "create"
	itemStart    = "start"
	itemShip     = "ship"
	itemManager  = "config-manager"
	itemSnapshot = "snapshot"
	itemRollback = "rollback"
)

// marks are the items of a container's work by phase and name.
type marks map[[2]string]Mark

func (m marks) of(phase event.StepName, item string) Mark { return m[[2]string{string(phase), item}] }

// mark records how far an item is.
func (r *Run) mark(ctx context.Context, phase event.StepName, item string, state MarkState, d Detail) error {
	m := Mark{Phase: string(phase), Item: item, State: state, RunID: r.ID, Detail: d}
	if err := r.Record.Mark(ctx, m); err != nil {
		return err
	}
	if r.marks == nil {
		r.marks = marks{}
	}
	r.marks[[2]string{m.Phase, m.Item}] = m
	return nil
}

// loadMarks reads what earlier runs have done.
func (r *Run) loadMarks(ctx context.Context) error {
	list, err := r.Record.Marks(ctx)
	if err != nil {
		return err
	}
	r.marks = marks{}
	for _, m := range list {
		r.marks[[2]string{m.Phase, m.Item}] = m
	}
	return nil
}
