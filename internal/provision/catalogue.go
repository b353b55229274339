package provision

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Catalogue is where one container's record is kept. Each method has written
// durably when it returns: the engine calls it before the side effect that the
// entry announces. The engine sees an interface so that it knows nothing of
// databases, keys or sealing.
type Catalogue interface {
	// Update changes the container's record in one transaction.
	Update(ctx context.Context, change func(*lxc.Container)) error
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
	// Mark records how far one item of the run is: claimed before its side
	// effect, done or failed after it.
	Mark(ctx context.Context, phase, item string, state MarkState, detail string) error
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
