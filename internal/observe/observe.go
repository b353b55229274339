// Package observe turns the events of runs into metrics and traces. It is a sink of events,
// which are redacted where they are made, and it decides nothing: a collector that is away or
// slow costs one warning, and neither delays a run nor changes how it ends. It must not know
// commands, the catalogue or Proxmox.
package observe

import (
	"slices"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// span is a part of a run that takes time.
type span int

const (
	theRun span = iota
	aPhase
	aScript
	aWait
)

// teller is told of the parts of one run, from the outer to the inner one: a phase is within
// the run, a script within a phase, and a wait within whatever is open.
type teller interface {
	// began tells that a part begins. name is that of the phase or script, or what is
	// waited for.
	began(part span, name string, e event.Event, at time.Time)
	// ended tells that the innermost open part of that kind ends. e is the event from which
	// that is known.
	ended(part span, e event.Event)
	// passed tells of an event within a part.
	passed(e event.Event)
}

// follower finds the parts of one run in its events.
type follower struct {
	to teller

	mu     sync.Mutex
	open   []span
	phase  event.StepName
	script string
	last   time.Time // of the event before
	over   bool
}

func follow(to teller) *follower { return &follower{to: to} }

// Event takes the next event of the run. It never fails.
func (f *follower) Event(e event.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return nil
	}
	if len(f.open) == 0 {
		// The run began before its first event.
		f.begin(theRun, "", e, e.Timestamp.Add(-time.Duration(e.ElapsedMs)*time.Millisecond))
	}
	if !e.Waiting {
		f.end(aWait, e)
	}
	ends := e.Type == event.Complete || e.Type == event.Error
	if e.Step != "" && e.Step != f.phase && !ends {
		f.end(aPhase, e)
		f.begin(aPhase, string(e.Step), e, e.Timestamp)
		f.phase = e.Step
	}
	if e.ScriptName != f.script && e.Type != event.Warning && !e.Waiting && !ends {
		f.end(aScript, e)
		if f.script = e.ScriptName; f.script != "" {
			f.begin(aScript, f.script, e, e.Timestamp)
		}
	}
	switch {
	case ends:
		f.end(theRun, e)
		f.over = true
	case e.Waiting && !f.in(aWait):
		f.begin(aWait, e.Message, e, f.last) // the line about a wait comes after a silence
	case !e.Waiting:
		f.to.passed(e)
	}
	f.last = e.Timestamp
	return nil
}

func (f *follower) in(part span) bool { return slices.Contains(f.open, part) }

func (f *follower) begin(part span, name string, e event.Event, at time.Time) {
	f.open = append(f.open, part)
	f.to.began(part, name, e, at)
}

// end ends a part, and before it the parts that are within it. It does nothing if none is
// open.
func (f *follower) end(part span, e event.Event) {
	if !f.in(part) {
		return
	}
	for {
		last := f.open[len(f.open)-1]
		f.open = f.open[:len(f.open)-1]
		f.to.ended(last, e)
		switch last {
		case aScript:
			f.script = ""
		case aPhase:
			f.phase = ""
		}
		if last == part {
			return
		}
	}
}
