package exit

import (
	"context"
	"errors"
	"strings"
)

// Failure is an error as a user meets it: the message, the last lines of the failing side,
// the next commands and the exit status of the process.
type Failure struct {
	Status  int
	Message string   // "cannot …"
	Tail    []string // the failing side's last lines
	Told    bool     // Tail was already shown as log events
	Hints   []string
	Err     error // the cause, for callers that look
}

func (f *Failure) Error() string { return f.Message }
func (f *Failure) Unwrap() error { return f.Err }

// ExitStatus is Status.
func (f *Failure) ExitStatus() int { return f.Status }

// NextSteps are Hints.
func (f *Failure) NextSteps() []string { return f.Hints }

// Text is the message for an event, with the tail unless log events have already shown
// it.
func (f *Failure) Text() string {
	if len(f.Tail) == 0 || f.Told {
		return f.Message
	}
	return f.Message + "\n" + strings.Join(f.Tail, "\n")
}

// Explain turns any error into a Failure. Errors that know their exit status, hints or last
// lines supply these.
func Explain(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	f = &Failure{Status: Status(err), Message: err.Error(), Err: err}
	known := Find(err)
	switch {
	case known != nil:
		f.Hints = known.NextSteps()
		if tailed, ok := known.(Tailed); ok {
			f.Tail, f.Told = tailed.LastLines()
		}
	case errors.Is(err, context.DeadlineExceeded):
		f.Message = "cannot finish in time: " + err.Error()
		f.Hints = []string{"give it longer with --timeout"}
	}
	return f
}
