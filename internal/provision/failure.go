package provision

import "strings"

// The exit statuses of the contract, section 4.
const (
	ExitOther       = 1
	ExitUsage       = 2
	ExitProxmox     = 3
	ExitUnreachable = 4
	ExitGuest       = 5
	ExitUnready     = 6
)

// Failure is an error as a user meets it: what could not be done, the tail of
// what the failing side said, the commands that come next and the process's
// exit status.
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

// Text is the message for an event, with the tail unless log events have already shown
// it.
func (f *Failure) Text() string {
	if len(f.Tail) == 0 || f.Told {
		return f.Message
	}
	return f.Message + "\n" + strings.Join(f.Tail, "\n")
}
