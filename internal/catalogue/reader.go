package catalogue

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

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
