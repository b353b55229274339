package fetch

import (
	"fmt"
	"slices"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// Error is a template that cannot be fetched or is not accepted. Nothing was changed.
type Error struct {
	Message string
	Err     error // what a lower layer said, or nil
	Hints   []string
	Status  int    // 0: exit.Usage
	steps   []step // commands of this tool that help

	away   bool // the server could not be asked, so content that is known already may do
	absent bool // the server does not have it
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// ExitStatus is exit.Unreachable for a server that does not answer or is not trusted, else
// exit.Usage.
func (e *Error) ExitStatus() int {
	if e.Status == 0 {
		return exit.Usage
	}
	return e.Status
}

// step is a command of this tool, without its name, and what it is good for.
type step struct {
	why   string // begins the hint, "" for the command alone
	words []string
}

// NextSteps are the hints, if none of them is a command of this tool.
func (e *Error) NextSteps() []string {
	if e.steps != nil {
		return nil
	}
	return e.Hints
}

// Commands are all hints.
func (e *Error) Commands(command func(words ...string) string) []string {
	out := slices.Clone(e.Hints)
	for _, s := range e.steps {
		out = append(out, s.why+command(s.words...))
	}
	return out
}

func badSource(text, why, hint string) *Error {
	e := &Error{Message: fmt.Sprintf("cannot use the template's address %s: %s", text, why)}
	if hint != "" {
		e.Hints = []string{hint}
	}
	return e
}

// wrong is an error about content that was fetched or asked for.
func wrong(s Source, format string, args ...any) *Error {
	return &Error{Message: "cannot fetch " + s.String() + ": " + fmt.Sprintf(format, args...)}
}

// distrusted is the error of a server whose identity cannot be checked. What is cached is no
// substitute: the user has to look.
func distrusted(s Source, err error) *Error {
	return &Error{Message: "cannot trust the server of " + s.Repository(), Err: err, Status: exit.Unreachable}
}

// unreachable is the error of a server that cannot be asked now.
func unreachable(s Source, err error) *Error {
	e := &Error{Message: "cannot reach the server of " + s.Repository(), Err: err, Status: exit.Unreachable, away: true}
	if s.Scheme == "https" {
		e.Hints = []string{"to see whether it answers at all: curl -sSI https://" + s.Host + "/"}
	}
	return e
}
