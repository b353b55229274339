package event

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Meta holds the fields that all events of a run share.
type Meta struct {
	ContainerID string // the record id
	RunID       string
	Hostname    string
	Host        string

	// The user and the machine of the run, and the version of infrahaus. Only the first event has them.
	User, Machine, Version string
}

// Bus makes events: it numbers, stamps and redacts them, keeps the percentage from
// falling, and passes each to its sinks in order. It is safe for concurrent use.
type Bus struct {
	mu       sync.Mutex
	meta     Meta
	ctid     int
	node     string
	seq      int
	percent  int
	start    time.Time
	secrets  *Secrets
	required Sink
	others   []Sink
	waits    *Waiting
	faces    sync.Mutex // held during calls of the other sinks
	over     bool       // a complete or error event was made; no event follows it
}

// NewBus makes the bus of one run. An error of required stops the run. Any other sink is
// dropped at its first error, with one warning.
func NewBus(meta Meta, required Sink, others ...Sink) *Bus {
	b := &Bus{meta: meta, start: time.Now(), secrets: NewSecrets(), required: required, others: others}
	b.waits = NewWaiting(b.breakSilence)
	return b
}

// Wait tells the bus that the run waits for something until done is called. When no other
// event has come for a while, a step event with a line about the wait is emitted.
func (b *Bus) Wait(w Wait) (done func()) { return b.waits.Begin(w) }

// breakSilence reports a line about a wait. While the database itself is what the run
// waits for, no event can be recorded. Until that is over, the other sinks get the line
// through Aside.
func (b *Bus) breakSilence(w Wait, line string) {
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		b.emitWait(w, line)
	}()
	began := time.Now()
	for pause := asidePause; ; pause = min(2*pause, lastPause) {
		t := time.NewTimer(pause)
		select {
		case <-recorded:
			t.Stop()
			return
		case <-t.C:
			b.aside(Wait{What: "the database, which another process uses", from: began}.line("", began))
		}
	}
}

// asidePause is shorter than firstPause, because firstPause has already passed in
// silence.
const asidePause = time.Second

const emitPoll = 50 * time.Millisecond

// Aside is a sink that can also show a line that is not an event and is not recorded.
type Aside interface{ Aside(line string) }

func (b *Bus) aside(line string) {
	b.faces.Lock()
	defer b.faces.Unlock()
	for _, s := range b.others {
		if a, ok := s.(Aside); ok {
			a.Aside(line)
		}
	}
}

// emitWait emits a line about a wait as an event. It drops the error of recording it: the
// next event meets the same error and returns it.
func (b *Bus) emitWait(w Wait, line string) {
	for !b.mu.TryLock() { // an event that is stuck may hold the lock; trying now and then is enough
		time.Sleep(emitPoll)
	}
	defer b.mu.Unlock()
	if !b.over {
		_ = b.emit(Event{Type: Step, Step: w.Step, Message: line, Waiting: true})
	}
}

// Secrets is the set of values that no event may carry.
func (b *Bus) Secrets() *Secrets { return b.secrets }

// SetPlace records the ctid and node that later events carry.
func (b *Bus) SetPlace(ctid int, node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ctid, b.node = ctid, node
}

// Emit completes e and passes it to every sink. It returns only the error of the required
// sink.
func (b *Bus) Emit(e Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.emit(e)
}

// Step reports progress within a phase. percent is 0..100; a value below an earlier one
// is raised to that.
func (b *Bus) Step(step StepName, percent int, message string) error {
	return b.Emit(Event{Type: Step, Step: step, Percent: &percent, Message: message})
}

// Warn reports something that does not stop the run. hint may be "".
func (b *Bus) Warn(step StepName, message, hint string) error {
	return b.Emit(Event{Type: Warning, Step: step, Message: message, Hint: hint})
}

func (b *Bus) emit(e Event) error {
	e = b.complete(e)
	b.over = b.over || e.Type == Complete || e.Type == Error
	if said := ""; e.Type != Warning {
		if e.Type == Step {
			said = e.Message
		}
		b.waits.Heard(said)
	}
	if err := b.required.Event(e); err != nil {
		b.seq-- // it is on record nowhere: the next event takes its place
		if e.Type == Error {
			b.show(e) // a reader of the events must not wait for an end that never comes
		}
		return fmt.Errorf("cannot record event: %w", err)
	}
	for _, err := range b.show(e) {
		if err := b.emit(Event{Type: Warning, Step: e.Step, Message: err.Error()}); err != nil {
			return err
		}
	}
	return nil
}

// show passes an event to the sinks that are not required, and returns the errors of those
// that it drops.
func (b *Bus) show(e Event) (dropped []error) {
	b.faces.Lock()
	defer b.faces.Unlock()
	kept := make([]Sink, 0, len(b.others))
	for _, s := range b.others {
		if err := s.Event(e); err != nil {
			dropped = append(dropped, err)
			continue
		}
		kept = append(kept, s)
	}
	b.others = kept
	return dropped
}

func (b *Bus) complete(e Event) Event {
	b.seq++
	now := time.Now()
	e.Seq = b.seq
	e.Timestamp = now.UTC().Truncate(time.Millisecond)
	e.ElapsedMs = now.Sub(b.start).Milliseconds()
	e.ContainerID, e.RunID, e.Hostname, e.Host = b.meta.ContainerID, b.meta.RunID, b.meta.Hostname, b.meta.Host
	e.CTID, e.Node = b.ctid, b.node
	if b.seq == 1 {
		e.User, e.Machine, e.Version = b.meta.User, b.meta.Machine, b.meta.Version
	}
	if e.Percent != nil {
		p := min(max(*e.Percent, b.percent), 100)
		b.percent = p
		e.Percent = &p
	}
	return redacted(e, b.Redact)
}

// Redact masks everything in a text that no event may carry: known secrets, and the
// secret parts of any URL.
func (b *Bus) Redact(text string) string { return RedactURLs(b.secrets.Redact(text)) }

// RedactServices returns a redacted copy of the services that a guest reported.
func (b *Bus) RedactServices(services []lxc.Service) []lxc.Service {
	return redactedServices(services, b.Redact)
}

// redacted returns e with redact applied to every text from outside. It does not change
// the values to which e points.
func redacted(e Event, redact func(string) string) Event {
	for _, text := range []*string{&e.Message, &e.Hint, &e.ScriptName, &e.Address, &e.Hostname, &e.Node, &e.Host} {
		*text = redact(*text)
	}
	e.ScriptNames = redactedAll(e.ScriptNames, redact)
	if e.Service != nil {
		s := redactedService(*e.Service, redact)
		e.Service = &s
	}
	e.Services = redactedServices(e.Services, redact)
	return e
}

func redactedServices(services []lxc.Service, redact func(string) string) []lxc.Service {
	if services == nil {
		return nil
	}
	out := make([]lxc.Service, len(services))
	for i, s := range services {
		out[i] = redactedService(s, redact)
	}
	return out
}

// redactedService does not redact the name of a declared service: it comes from the
// template and is public, even if somebody uses the same word as a password.
func redactedService(s lxc.Service, redact func(string) string) lxc.Service {
	for _, text := range []*string{&s.URL, &s.Image, &s.Project, &s.Note} {
		*text = redact(*text)
	}
	if len(s.Log) > 0 { // as one text, because a secret may span several lines
		s.Log = strings.Split(redact(strings.Join(s.Log, "\n")), "\n")
	}
	if !s.Declared {
		s.Name = redact(s.Name)
	}
	s.CredentialKeys = redactedAll(s.CredentialKeys, redact)
	return s
}

func redactedAll(texts []string, redact func(string) string) []string {
	if texts == nil {
		return nil
	}
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = redact(t)
	}
	return out
}
