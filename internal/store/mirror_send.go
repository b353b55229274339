package store

import (
	"context"
	"errors"
	"time"
)

// The pauses between two attempts to reach Redis.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// run sends the queue until Close, and then the rest until something fails. Before the
// first batch and after an error, a PING checks whether a batch can be sent. A batch that
// was not sent is kept.
func (m *Mirror) run() {
	defer close(m.done)
	up, wait := false, firstRetry
	for {
		batch := m.take()
		if batch == nil {
			return
		}
		last := m.isClosed()
		var err error
		if !up {
			err = m.ping()
			up = err == nil
		}
		kept := err != nil
		if err == nil {
			err, kept = m.send(batch)
			up = err == nil
		}
		m.settle(batch, err, kept)
		if err == nil {
			wait = firstRetry
			continue
		}
		if last {
			return
		}
		select {
		case <-m.closing: // one more attempt, without a pause
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		}
	}
}

// take waits for items to send. nil means closed and empty.
func (m *Mirror) take() []item {
	for {
		m.mu.Lock()
		if n := min(len(m.queue), batchSize); n > 0 {
			batch := m.queue[:n:n]
			m.queue = m.queue[n:]
			m.flight = countEvents(batch)
			m.mu.Unlock()
			return batch
		}
		closed := m.closed
		m.mu.Unlock()
		if closed {
			return nil
		}
		select {
		case <-m.wake:
		case <-m.closing:
		}
	}
}

// settle accounts for a batch: it was sent, was lost, or is put back in front.
func (m *Mirror) settle(batch []item, err error, kept bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flight = 0
	if !kept { // it counted until now, because it could have been put back
		for _, i := range batch {
			m.bytes -= len(i.event) + len(i.services)
		}
	}
	switch {
	case err == nil:
		m.report.Sent += countEvents(batch)
		if m.report.Lost == 0 {
			m.report.Err = nil // the delayed events have arrived
		}
		return
	case kept:
		m.queue = append(batch, m.queue...)
	default:
		m.report.Lost += countEvents(batch)
	}
	m.report.Err = errors.New(redisTrouble(err))
}

func (m *Mirror) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

func (m *Mirror) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), exchangeTimeout)
	defer cancel()
	return m.client.Ping(ctx).Err()
}
