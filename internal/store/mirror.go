package store

import (
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Bounds of the mirror: what may wait in memory, what goes out at once, how long
// one exchange may take, and the last flush.
const (
	queueBytes      = 16 << 20
	batchSize       = 128
	exchangeTimeout = 2 * time.Second
	FlushTimeout    = 2 * time.Second
)

// Mirror copies events to Redis. It is an event.Sink that never fails and never
// waits: its queue takes the events and one goroutine sends them, in order. A
// full queue loses log events first. Its trouble is told once, by Close. A batch
// whose exchange broke off may have arrived and is not sent again: a consumer
// sees a hole in seq sooner than an event twice.
type Mirror struct {
	address string // for people: no user, no password
	client  *redis.Client
	done    chan struct{} // the goroutine has ended

	mu      sync.Mutex
	queue   []item
	bytes   int           // of the queue and of what is on its way
	flight  int           // events on their way
	wake    chan struct{} // holds one: something was queued, or closing
	closing chan struct{}
	closed  bool
	report  Report
}

// item is an event, or a container's services (nil value: to be deleted).
type item struct {
	recordID, runID string
	event           []byte
	services        []byte
	deletion        bool
}

// Report is how a mirror fared.
type Report struct {
	Sent, Lost int   // events
	Err        error // the last trouble, nil for none
	address    string
}

// Warning is one line about what was lost, "" where nothing was.
func (r Report) Warning() string {
	switch {
	case r.Lost == 0 && r.Err == nil:
		return ""
	case r.Lost == 0:
		return fmt.Sprintf("cannot mirror everything to redis at %s: %v", r.address, r.Err)
	case r.Err == nil:
		return fmt.Sprintf("cannot mirror %d of %d events to redis at %s: it took them too slowly", r.Lost, r.Sent+r.Lost, r.address)
	}
	return fmt.Sprintf("cannot mirror %d of %d events to redis at %s: %v", r.Lost, r.Sent+r.Lost, r.address, r.Err)
}

// NewMirror makes a mirror to a redis://, rediss:// or unix:// address; a bare
// host:port will do. It connects in its own time. An error means that the
// address cannot be understood; it does not show it, for the password's sake.
func NewMirror(address string) (*Mirror, error) {
	opt, err := redisOptions(address)
	if err != nil {
		return nil, err
	}
	m := &Mirror{
		address: opt.Addr,
		client:  redis.NewClient(opt),
		done:    make(chan struct{}),
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
	}
	go m.run()
	return m, nil
}

// Event queues e. It returns nil always.
func (m *Mirror) Event(e event.Event) error {
	doc, err := e.MarshalJSON()
	limit := queueBytes
	if e.Type == event.Log {
		limit = queueBytes / 4 * 3 // the rest is kept for what matters more
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil || m.closed || m.bytes+len(doc) > limit {
		m.report.Lost++
		return nil
	}
	m.push(item{recordID: e.ContainerID, runID: e.RunID, event: doc})
	return nil
}

// PublishServices queues what a container serves, for readers of
// container:<id>:services. Credentials stay out, the names of their keys too.
func (m *Mirror) PublishServices(recordID string, services []lxc.Service, address string, at time.Time) {
	doc := servicesDoc(services, address, at)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.push(item{recordID: recordID, services: doc})
}

// DeleteServices queues the removal of a destroyed container's services.
func (m *Mirror) DeleteServices(recordID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.push(item{recordID: recordID, deletion: true})
}

// push is called with the lock held.
func (m *Mirror) push(i item) {
	if m.closed {
		return
	}
	m.queue = append(m.queue, i)
	m.bytes += len(i.event) + len(i.services)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Close sends what is queued, for at most FlushTimeout and not at all where
// Redis cannot be reached, and says how it went. Closing again says the same.
func (m *Mirror) Close() Report {
	m.mu.Lock()
	first := !m.closed
	m.closed = true
	m.mu.Unlock()
	if first {
		close(m.closing)
		select {
		case <-m.done:
		case <-time.After(FlushTimeout):
		}
		m.client.Close() // also ends an exchange that hangs
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.report
	r.address = m.address
	r.Lost += m.flight + countEvents(m.queue)
	return r
}

func countEvents(items []item) (n int) {
	for _, i := range items {
		if i.event != nil {
			n++
		}
	}
	return n
}
