package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// Metrics counts the runs of this process, for Prometheus.
type Metrics struct {
	all  registry
	jobs atomic.Pointer[func(context.Context) (map[string]int, error)]
}

// scrapeLimit bounds the question for the number of jobs, which a scrape asks the catalogue.
const scrapeLimit = 5 * time.Second

// inSeconds are the bounds of durations: from a step that takes no time to an hour.
var inSeconds = []float64{0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600}

// NewMetrics makes metrics that count nothing yet. version is that of infrahaus.
func NewMetrics(version string) *Metrics {
	m := &Metrics{}
	m.all.add("gauge", "infrahaus_build_info", fmt.Sprintf("version=%q", version), 1)
	m.running(0) // shown from the start
	return m
}

func (m *Metrics) running(more float64) { m.all.add("gauge", "infrahaus_runs_running", "", more) }

// Run is the sink of one run. It never fails. verb is what the run does, such as create.
func (m *Metrics) Run(verb string) event.Sink { return follow(&counter{m: m, verb: verb}) }

// DatabaseWait counts a wait for the catalogue's database, until done is called.
func (m *Metrics) DatabaseWait() (done func()) {
	began := time.Now()
	var once sync.Once
	return func() { once.Do(func() { m.all.observe("infrahaus_database_wait_seconds", "", time.Since(began)) }) }
}

// Jobs sets where the number of jobs in each state comes from. It is asked at each scrape.
func (m *Metrics) Jobs(count func(context.Context) (map[string]int, error)) { m.jobs.Store(&count) }

// write writes everything in Prometheus's text format.
func (m *Metrics) write(ctx context.Context, w io.Writer) {
	m.all.write(w)
	if count := m.jobs.Load(); count != nil {
		m.writeJobs(ctx, w, *count)
	}
	writeProcess(w)
}

func (m *Metrics) writeJobs(ctx context.Context, w io.Writer, count func(context.Context) (map[string]int, error)) {
	ctx, cancel := context.WithTimeout(ctx, scrapeLimit)
	defer cancel()
	states, err := count(ctx)
	if err != nil { // the rest is true all the same
		gauge(w, "infrahaus_catalogue_up", 0)
		return
	}
	gauge(w, "infrahaus_catalogue_up", 1)
	var jobs registry
	for state, n := range states {
		jobs.add("gauge", "infrahaus_jobs", fmt.Sprintf("state=%q", state), float64(n))
	}
	jobs.write(w)
}

// Serve answers GET /metrics at an address until context's end. An address without a host is
// one of this machine alone: 9464, or 127.0.0.1:9464. It returns once it listens; listening is
// the address.
func (m *Metrics) Serve(ctx context.Context, address string) (listening string, err error) {
	if _, err := strconv.Atoi(address); err == nil {
		address = net.JoinHostPort("127.0.0.1", address)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return "", fmt.Errorf("cannot serve metrics at %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.write(r.Context(), w)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: scrapeLimit, ReadTimeout: scrapeLimit, WriteTimeout: 2 * scrapeLimit}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go func() { _ = s.Serve(l) }() // it ends with the context
	return l.Addr().String(), nil
}

// counter counts one run. The last of open is when the innermost part began.
type counter struct {
	m     *Metrics
	verb  string
	phase string
	open  []time.Time
}

func (c *counter) began(part span, name string, _ event.Event, at time.Time) {
	c.open = append(c.open, at)
	switch part {
	case theRun:
		c.m.all.add("counter", "infrahaus_runs_started_total", fmt.Sprintf("verb=%q", c.verb), 1)
		c.m.running(1)
	case aPhase:
		c.phase = name
	}
}

func (c *counter) ended(part span, e event.Event) {
	took := e.Timestamp.Sub(c.open[len(c.open)-1])
	c.open = c.open[:len(c.open)-1]
	switch part {
	case theRun:
		status := -1
		if e.ExitStatus != nil {
			status = *e.ExitStatus
		}
		c.m.all.add("counter", "infrahaus_runs_ended_total", fmt.Sprintf("verb=%q,status=\"%d\"", c.verb, status), 1)
		c.m.running(-1)
		c.m.all.observe("infrahaus_run_duration_seconds", fmt.Sprintf("verb=%q", c.verb), took)
	case aPhase:
		c.m.all.observe("infrahaus_phase_duration_seconds", fmt.Sprintf("verb=%q,phase=%q", c.verb, c.phase), took)
	case aWait:
		c.m.all.observe("infrahaus_wait_duration_seconds", fmt.Sprintf("phase=%q", c.phase), took)
	}
}

func (c *counter) passed(event.Event) {}
