package observe

import (
	"context"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/infrahaus/infrahaus/internal/event"
)

// flushLimit is how long the end of a command waits for the collector.
const flushLimit = 2 * time.Second

const scopeName = "github.com/infrahaus/infrahaus"

// Traces sends a trace of each run to an OpenTelemetry collector: one span for the run, below
// it one for each phase, and below these one for each script and each long wait.
type Traces struct {
	provider *sdk.TracerProvider
	parent   context.Context // with the span of whoever started this program, by TRACEPARENT

	mu    sync.Mutex
	first error
}

// OpenTraces returns nil unless the environment asks for traces, by OTEL_EXPORTER_OTLP_ENDPOINT
// or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. It reaches for nothing yet. getenv is os.Getenv if it
// is nil; what the SDK reads itself, such as OTEL_RESOURCE_ATTRIBUTES, it reads from the
// process. The error says which variable is wrong.
func OpenTraces(version string, getenv func(string) string) (*Traces, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	if !asked(getenv) {
		return nil, nil
	}
	to, err := read(getenv)
	if err != nil {
		return nil, err
	}
	t := &Traces{parent: propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{
		"traceparent": getenv("TRACEPARENT"), "tracestate": getenv("TRACESTATE"),
	})}
	// The SDK prints its errors on stderr unless somebody takes them.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(t.failed))
	// A part that cannot be found out is left out.
	res, _ := resource.New(context.Background(), resource.WithAttributes(attribute.String("service.name", "infrahaus"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	t.provider = sdk.NewTracerProvider(sdk.WithResource(res), sdk.WithBatcher(newExporter(to)))
	return t, nil
}

// failed keeps the first error.
func (t *Traces) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = err
	}
}

// Run is the sink of one run. It keeps no event and never fails. verb is what the run does,
// such as create.
func (t *Traces) Run(verb string) event.Sink {
	return follow(&tracer{with: t.provider.Tracer(scopeName), verb: verb, parents: []context.Context{t.parent}})
}

// Close sends what is left, for at most two seconds, and returns what went wrong, without
// secrets; "" if nothing did.
func (t *Traces) Close() (warning string) {
	ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.failed(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		return ""
	}
	return "cannot send traces: " + event.RedactURLs(t.first.Error())
}

// tracer makes the spans of one run. The last of parents has the innermost open span.
type tracer struct {
	with    trace.Tracer
	verb    string
	parents []context.Context
}

func (r *tracer) inner() trace.Span { return trace.SpanFromContext(r.parents[len(r.parents)-1]) }

func (r *tracer) began(part span, name string, e event.Event, at time.Time) {
	var about []attribute.KeyValue
	switch part {
	case theRun:
		name, about = r.verb, runAttributes(r.verb, e)
	case aScript:
		about = append(about, attribute.String("infrahaus.script", name))
		name = "script"
	case aWait:
		about = append(about, attribute.String("infrahaus.wait", name))
		name = "wait"
	}
	ctx, _ := r.with.Start(r.parents[len(r.parents)-1], name, trace.WithTimestamp(at), trace.WithAttributes(about...))
	r.parents = append(r.parents, ctx)
}

// runAttributes are what is known of a run from the start. They have no command line.
func runAttributes(verb string, e event.Event) []attribute.KeyValue {
	about := []attribute.KeyValue{attribute.String("infrahaus.verb", verb)}
	for _, a := range []struct{ key, value string }{
		{"infrahaus.run.id", e.RunID}, {"infrahaus.container.id", e.ContainerID}, {"infrahaus.container.name", e.Hostname},
		{"infrahaus.host", e.Host}, {"enduser.id", e.User}, {"host.name", e.Machine},
	} {
		if a.value != "" {
			about = append(about, attribute.String(a.key, a.value))
		}
	}
	return about
}

func (r *tracer) ended(part span, e event.Event) {
	s := r.inner()
	r.parents = r.parents[:len(r.parents)-1]
	if part == theRun {
		if e.ExitStatus != nil {
			s.SetAttributes(attribute.Int("infrahaus.exit_status", *e.ExitStatus))
		}
		if e.CTID != 0 {
			s.SetAttributes(attribute.Int("infrahaus.ctid", e.CTID), attribute.String("infrahaus.node", e.Node))
		}
	}
	if e.Type == event.Error { // the parts that are open are those that failed
		s.SetStatus(codes.Error, e.Message)
	}
	s.End(trace.WithTimestamp(e.Timestamp))
}

// passed adds a step or a warning to the span in which it came. The output of scripts is in
// the log of the run.
func (r *tracer) passed(e event.Event) {
	if e.Type != event.Step && e.Type != event.Warning {
		return
	}
	r.inner().AddEvent(string(e.Type), trace.WithTimestamp(e.Timestamp), trace.WithAttributes(attribute.String("message", e.Message)))
}
