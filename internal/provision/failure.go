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
	Told    bool     // which are log events already
	Hints   []string
	Err     error // the cause, for callers that look
}

func (f *Failure) Error() string { return f.Message }
func (f *Failure) Unwrap() error { return f.Err }

// Text is the message with its tail, for an event; not with a tail that events have told.
func (f *Failure) Text() string {
	if len(f.Tail) == 0 || f.Told {
		return f.Message
	}
	return f.Message + "\n" + strings.Join(f.Tail, "\n")
}
