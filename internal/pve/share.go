package pve

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Share is for a client that serves many containers at once: what they all ask (version,
// nodes, permissions, a node's storages, bridges, OS templates and appliance index) is asked
// once, and an answer is used again for so long. Everything about one container is asked each
// time. It must be called before the client is used by several goroutines.
func (c *Client) Share(ttl time.Duration) {
	if c.memo == nil {
		c.memo = &memo{ttl: ttl, known: map[string]*remembered{}}
	}
}

var commonForm = lazy.Regexp(`^(/version|/nodes|/storage|/access/permissions(\?.*)?|/cluster/resources\?type=(node|storage)|/cluster/ha/status/current|/nodes/[^/]+/((storage|network|aplinfo|status|apt/versions)(\?.*)?|storage/[^/]+/content\?.*))$`)

// common reports whether a question is not about one container.
func common(path string) bool { return commonForm().MatchString(path) }

// memo remembers answers. It is safe for concurrent use.
type memo struct {
	ttl   time.Duration
	mu    sync.Mutex
	known map[string]*remembered
}

// remembered is an answer. turn is held while it is asked for.
type remembered struct {
	turn chan struct{}
	raw  json.RawMessage
	at   time.Time // zero: there is none
}

// get answers from memory, or asks. Of several who want the same answer, one asks. An error
// is not remembered.
func (m *memo) get(ctx context.Context, path string, v any, ask func(*json.RawMessage) error) error {
	m.mu.Lock()
	a := m.known[path]
	if a == nil {
		a = &remembered{turn: make(chan struct{}, 1)}
		m.known[path] = a
	}
	m.mu.Unlock()
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-a.turn }()
	if a.at.IsZero() || time.Since(a.at) > m.ttl {
		began := time.Now()
		var raw json.RawMessage
		if err := ask(&raw); err != nil {
			return err
		}
		a.raw, a.at = raw, began
	}
	if v == nil || len(a.raw) == 0 {
		return nil
	}
	return json.Unmarshal(a.raw, v)
}

// forget makes the next question for a node's storages and OS templates a fresh one, because
// this client has changed them.
func (m *memo) forget() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = map[string]*remembered{}
}

// claims are the ids of creates that have no answer yet. Proxmox offers such an id to
// everybody who asks for the next free one: without them, of a hundred creates at once nearly
// each would lose a race against each other.
type claims struct {
	mu    sync.Mutex
	taken map[int]bool
}

// reserve takes the first id from ctid on that no other create of this client asks for now.
func (c *claims) reserve(ctid int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == nil {
		c.taken = map[int]bool{}
	}
	for c.taken[ctid] {
		ctid++
	}
	c.taken[ctid] = true
	return ctid
}

func (c *claims) release(ctid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.taken, ctid)
}

// turns lets one at a time do what has a name, such as the download of one OS template.
type turns struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// take waits for the turn of a name. first is false if another one has had it since this was
// called.
func (t *turns) take(ctx context.Context, name string) (first bool, done func(), err error) {
	for first = true; ; first = false {
		t.mu.Lock()
		busy := t.held[name]
		if busy == nil {
			if t.held == nil {
				t.held = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			t.held[name] = mine
			t.mu.Unlock()
			return first, func() {
				t.mu.Lock()
				delete(t.held, name)
				t.mu.Unlock()
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return false, nil, ctx.Err()
		}
	}
}
