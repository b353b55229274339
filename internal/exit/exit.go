// Package exit holds the exit statuses of the command line, and the interface by which an
// error of any package carries its own. It imports nothing of ours, so that every package
// can use it.
package exit

import (
	"errors"
	"reflect"
	"slices"
)

// The exit statuses that docs and help promise to scripts.
const (
	Done        = 0
	Other       = 1   // any other failure; the catalogue has no such container; trouble with state or key
	Usage       = 2   // the command line, config or template is wrong; nothing was changed
	Proxmox     = 3   // Proxmox refused or failed
	Unreachable = 4   // the host or the guest cannot be reached, or is not trusted
	Guest       = 5   // a package, file or script failed in the guest
	Unready     = 6   // the container is up, and a declared service does not answer
	Differs     = 7   // --exit-code: something differs
	Interrupted = 130 // SIGINT; the state is saved
	Terminated  = 143 // SIGTERM; the state is saved
)

// Error is an error that knows the exit status of a command that it ends.
type Error interface {
	error
	ExitStatus() int
	NextSteps() []string // what to do next, one step a line
}

// Tailed is an error with the last lines that the failing side printed.
type Tailed interface {
	// LastLines returns them. shown reports whether they were log events already, so that
	// nobody shows them twice.
	LastLines() (lines []string, shown bool)
}

// Guide is an error with hints that are commands of this tool. Only the caller knows with
// which flags the tool was called, so the caller writes the command lines.
type Guide interface {
	Commands(command func(words ...string) string) []string
}

// Find returns the Error in err's chain that decides how a command ends, nil if there is
// none. That is a Failure if there is one. Otherwise it is the outermost one, unless an error of another kind below it has a status
// other than Other: an interruption has to win over the request that it ended, and
// Proxmox's refusal over the connection that needed it. Trouble with the state does not
// win over the error of the guest that it caused.
func Find(err error) Error {
	var final *Failure
	if errors.As(err, &final) {
		return final
	}
	var outer Error
	if !errors.As(err, &outer) {
		return nil
	}
	for below := errors.Unwrap(outer); below != nil; {
		var inner Error
		if !errors.As(below, &inner) {
			break
		}
		if inner.ExitStatus() != Other && reflect.TypeOf(inner) != reflect.TypeOf(outer) {
			outer = inner
		}
		below = errors.Unwrap(inner)
	}
	return outer
}

// Status is the exit status for err: Done for nil, and Other if no error in its chain has
// a status.
func Status(err error) int {
	if err == nil {
		return Done
	}
	if e := Find(err); e != nil {
		return e.ExitStatus()
	}
	return Other
}

// worstFirst orders exit statuses where several things were done or checked and one status
// has to stand for all: an interruption, then trouble on this machine, then the way to
// Proxmox, Proxmox itself, the settings, and what the guests said.
var worstFirst = []int{Interrupted, Terminated, Other, Unreachable, Proxmox, Usage, Guest, Unready, Differs, Done}

// Worst is the status for several things together: the first of 130 or 143, 1, 4, 3, 2, 5,
// 6, 7, 0 that is among them. A status that is not in this list counts as Other. Without
// any it is Done.
func Worst(statuses ...int) int {
	worst := len(worstFirst) - 1
	for _, s := range statuses {
		at := slices.Index(worstFirst, s)
		if at < 0 {
			at = slices.Index(worstFirst, Other)
		}
		worst = min(worst, at)
	}
	return worstFirst[worst]
}
