package guest

import "errors"

// Kind says what went wrong between here and the guest's shell.
type Kind string

// Unreachable, NoSSHD and NotConfigured are mere absence: `auto` falls through
// on them. The others never do.
const (
	Unreachable    Kind = "unreachable"    // no route, no address, nothing answers
	NoSSHD         Kind = "no-sshd"        // the address is there, SSH is not
	NotConfigured  Kind = "not-configured" // the transport lacks what it needs
	HostKeyChanged Kind = "host-key"       // another key than the pinned one
	HostKeyUnknown Kind = "host-key-new"   // the node is not in known_hosts
	BadSettings    Kind = "bad-settings"   // the user's SSH configuration cannot be used
	Busy           Kind = "busy"           // sshd reports that it refuses connections for a while
	AuthRefused    Kind = "auth"           // the login was refused
	Gone           Kind = "gone"           // the container is stopped or not there
	Dropped        Kind = "dropped"        // the link broke in the middle
	Protocol       Kind = "protocol"       // the other side does not speak sh, or pct
	Failed         Kind = "failed"         // the guest could not do its part: disk full, read-only, not ready
	NoConsole      Kind = "no-console"     // the console shows no prompt, or is closed
)

// Error is what this package returns for everything that is not a program's own
// exit status. Its text starts with "cannot"; the tail is not in it, for whoever
// shows the error shows that too.
type Error struct {
	Kind      Kind
	Transport string // guest, node, api or auto
	Message   string // the whole text but for Err
	Tail      string // the last that the other side said, if it said anything
	Fix       string // one line: the next thing to do
	Err       error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is the next thing to do, "" if there is none.
func (e *Error) Hint() string { return e.Fix }

// IsDropped says that the link broke after it had been open, so that Reconnect
// may open it again and an attempt can be followed on.
func IsDropped(err error) bool { return KindOf(err) == Dropped }

// KindOf is the Kind of the first *Error in err's chain, "" if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// absent says that err is mere absence, which auto may fall through on.
func absent(err error) bool {
	switch KindOf(err) {
	case Unreachable, NoSSHD, NotConfigured:
		return true
	}
	return false
}
