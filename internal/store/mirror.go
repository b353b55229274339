package store

import (
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Limits of the mirror: the queue, one batch, the time for one exchange and for the last
// flush.
const (
	queueBytes      = 16 << 20
	batchSize       = 128
	exchangeTimeout = 2 * time.Second
	FlushTimeout    = 2 * time.Second
)

// Mirror copies events to Redis. It is an event.Sink that never fails and never waits:
// its queue takes the events, and one goroutine sends them in order. A full queue drops
// log events first. Close reports its errors once. A batch whose exchange was interrupted
// may have arrived and is not sent again: consumers may see a gap in seq but never the
// same event twice.
type Mirror struct {
	address string // for messages: without user and password
	client  *redis.Client
	done    chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	queue   []item
	bytes   int           // bytes in the queue and in the batch being sent
	flight  int           // events in the batch being sent
	wake    chan struct{} // capacity one: signals that something was queued, or that the mirror closes
	closing chan struct{}
	closed  bool
	report  Report
}

// item is an event, or a container's services; a nil value means that they must be
// deleted.
type item struct {
	recordID, runID string
	event           []byte
	services        []byte
	deletion        bool
}

// Report is the result of a mirror's work.
type Report struct {
	Sent, Lost int   // events
	Err        error // the last error, or nil
	address    string
}

// Warning is one line about the lost events, or "".
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

// NewMirror makes a mirror to a redis://, rediss:// or unix:// address, or to host:port.
// It returns before it connects. An error means that the address cannot be parsed. The
// error does not contain the address, which may have a password.
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

// Event queues e. It always returns nil.
func (m *Mirror) Event(e event.Event) error {
	doc, err := e.MarshalJSON()
	limit := queueBytes
	if e.Type == event.Log {
		limit = queueBytes / 4 * 3 // the rest of the queue is for more important events
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

// PublishServices queues a container's services for readers of container:<id>:services.
// They carry no credentials and no names of credential keys.
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

// push appends to the queue. The caller holds the lock.
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

// Close sends the queue for at most FlushTimeout, or drops it if Redis cannot be reached,
// and reports the result. A second call returns the same report.
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
		m.client.Close() // also ends an exchange that does not return
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
