// Package provision is the engine: the five phases, what each does, and how a
// run of them ends. It is told everything it needs and reports through events
// and return values; it must not know which face shows them, where they are
// kept, or whether the Proxmox it talks to is real.
package provision

import (
	"context"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// Phase is one of the five. Do moves the percentage from From to To.
type Phase struct {
	Name  event.StepName
	Title string
	From  int // percent at which it begins
	To    int // and at which it has ended
	Do    func(*Run, context.Context) error
}

// Phases is the whole job, in order. The percentages are those of the original
// system, which its consumers know.
var Phases = []Phase{
	{event.Creating, "Create", 5, 20, (*Run).create},
	{event.Starting, "Start", 25, 35, (*Run).start},
	{event.Deploying, "Deploy", 40, 60, (*Run).deploy},
	{event.Syncing, "Sync", 65, 90, (*Run).sync},
	{event.Finalizing, "Discover", 92, 98, (*Run).finalize},
}

// perform runs phases in order and stops at the first that fails.
func (r *Run) perform(ctx context.Context, phases []Phase) error {
	for _, p := range phases {
		r.phase = p
		if r.inside == nil && p.Name != event.Finalizing {
			r.decide()
		}
		done := r.wait("", 0)
		err := p.Do(r, ctx)
		done()
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := r.noted(); err != nil {
			return err
		}
		if r.Passed != nil {
			r.Passed(p.Name)
		}
	}
	return nil
}

// step reports progress inside the present phase.
func (r *Run) step(percent int, message string) error {
	return r.Bus.Step(r.phase.Name, percent, message)
}

// say reports something worth knowing at the present percentage.
func (r *Run) say(message string) { r.sayIn(r.phase.Name)(message) }

// sayIn is say for a goroutine that outlives the phase that began it.
func (r *Run) sayIn(step event.StepName) func(string) {
	return func(message string) {
		r.noteErr(r.Bus.Emit(event.Event{Type: event.Step, Step: step, Message: message}))
	}
}

// warn reports something that does not stop the run.
func (r *Run) warn(message, hint string) {
	r.noteErr(r.Bus.Warn(r.phase.Name, message, hint))
}

// wait reports what the run waits for, until done is called, whenever no other event
// comes. most is the time limit, 0 if it is not known.
func (r *Run) wait(what string, most time.Duration) (done func()) {
	return r.Bus.Wait(event.Wait{Step: r.phase.Name, What: what, Most: most})
}

// noteErr keeps the first error of the record, which end returns: what cannot
// be recorded must not go on unnoticed.
func (r *Run) noteErr(err error) {
	r.recordErr.Lock()
	defer r.recordErr.Unlock()
	if r.recordErr.first == nil {
		r.recordErr.first = err
	}
}

// firstError is an error that more than one goroutine may find.
type firstError struct {
	sync.Mutex
	first error
}

func (r *Run) noted() error {
	r.recordErr.Lock()
	defer r.recordErr.Unlock()
	return r.recordErr.first
}
