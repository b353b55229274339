package outcome

import (
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
)

// Cut is a run that a signal or a deadline has ended, with what it was doing.
type Cut struct {
	Signalled int            // the exit status of the signal; 0: it was none
	Deadline  bool           // --timeout, or the deadline of a caller
	Phase     event.StepName // "": no phase had begun
	// Following: the run was waiting for a task of the node, and the API answered. Then the
	// task is late, and not the connection.
	Following bool
	Waited    int // the exit status of the error of what was waited for
}

// Status is the exit status. A signal decides by itself, a deadline by what was waited for:
// while a container starts and is entered, that is its address or the way into it.
func (c Cut) Status() int {
	entering := c.Phase == event.Starting || c.Phase == event.Deploying
	switch {
	case c.Signalled != 0:
		return c.Signalled
	case !c.Deadline || c.Phase == "":
		return exit.Other
	case c.Following && c.Phase != event.Starting:
		return exit.Other
	case c.Following, entering:
		return exit.Unreachable
	}
	return c.Waited
}

// NamesWaited reports whether the message says what was waited for, with its last lines and
// hints.
func (c Cut) NamesWaited() bool {
	return c.Signalled == 0 && c.Deadline && c.Phase != "" && !c.Following && c.Waited != exit.Other
}

// Left is what goes on, or was stopped, when a run ends early.
type Left int

// The values. A script comes before the task that started its container.
const (
	NothingLeft Left = iota
	ScriptLeft       // a script or the config-manager runs in the guest
	TaskLeft         // a task runs on the node
	StartAsked       // a start was requested, and Proxmox has not answered
)

// LeftBy decides what a run has to stop or to mention. attempt: a program runs in a guest that
// the run can reach; task: it follows a task; asked: a start was requested without an answer.
func LeftBy(attempt, task, asked bool) Left {
	switch {
	case attempt:
		return ScriptLeft
	case task:
		return TaskLeft
	case asked:
		return StartAsked
	}
	return NothingLeft
}
