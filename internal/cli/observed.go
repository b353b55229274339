package cli

import (
	"context"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/observe"
)

// observed is what this process tells about its runs to programs that watch it. The apps of
// several containers share it.
type observed struct {
	once    sync.Once
	traces  *observe.Traces  // nil: the environment does not ask for traces
	metrics *observe.Metrics // nil: nobody asked to serve them
}

// observers are the sinks of a run for metrics and traces.
func (a *app) observers(kind string) (sinks []event.Sink) {
	o := a.observed
	if o == nil {
		return nil
	}
	o.once.Do(func() {
		traces, err := observe.OpenTraces(version, nil)
		if err != nil {
			a.warn("cannot send traces: "+err.Error(), "")
		}
		o.traces = traces
	})
	if o.traces != nil {
		sinks = append(sinks, o.traces.Run(kind))
	}
	if o.metrics != nil {
		sinks = append(sinks, o.metrics.Run(kind))
	}
	return sinks
}

// serveMetrics serves metrics of the runs of this process at an address, until the end of the
// context. jobs is how many there are in each state.
func (a *app) serveMetrics(ctx context.Context, address string, jobs func(context.Context) (map[string]int, error)) error {
	m := observe.NewMetrics(version)
	m.Jobs(jobs)
	listening, err := m.Serve(ctx, address)
	if err != nil {
		return usagef("%w", err)
	}
	a.observed.metrics = m
	a.say("metrics at http://" + listening + "/metrics")
	return nil
}

// unobserve sends the traces that are left, for a moment at most.
func (a *app) unobserve() {
	if a.observed == nil || a.observed.traces == nil {
		return
	}
	if warning := a.observed.traces.Close(); warning != "" {
		a.warn(warning, "")
	}
	a.observed.traces = nil
}

// awaitingDatabase is waiting for the catalogue's database.
func (a *app) awaitingDatabase(what string, most time.Duration) (done func()) {
	end := a.waiting(what, most)
	if a.observed == nil || a.observed.metrics == nil {
		return end
	}
	counted := a.observed.metrics.DatabaseWait()
	return func() {
		counted()
		end()
	}
}
