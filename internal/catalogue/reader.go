package catalogue

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// None is the record of a container that is not on record, and drops all writes: it is for
// a command that asks before it makes a catalogue.
type None struct{ reader }

func (None) Marks(context.Context) ([]plan.Mark, error)   { return nil, nil }
func (None) HostKeys(context.Context) ([]string, error)   { return nil, nil }
func (None) RootPassword(context.Context) (string, error) { return "", nil }
func (None) LoggedOffsets(context.Context, string, string) (guest.Offsets, error) {
	return guest.Offsets{}, nil
}

// reader drops all writes, so that --plan leaves no trace.
type reader struct{ *Record }

// ReadOnly returns the record for a run that must change nothing.
func (r *Record) ReadOnly() provision.Catalogue { return reader{r} }

func (reader) Update(context.Context, func(*lxc.Container)) error  { return nil }
func (reader) SaveJob(context.Context, plan.Job) error             { return nil }
func (reader) KeepPast(context.Context, string) error              { return nil }
func (reader) RestorePast(context.Context, string) (bool, error)   { return false, nil }
func (reader) SealPassword(context.Context, string) error          { return nil }
func (reader) PinHostKeys(context.Context, []string) error         { return nil }
func (reader) Mark(context.Context, plan.Mark) error               { return nil }
func (reader) ScrubLog(context.Context, func(string) string) error { return nil }
func (reader) SaveServices(context.Context, []lxc.Service, map[string]map[string]string, time.Time) error {
	return nil
}
