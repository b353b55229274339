package guest

import "errors"

// Kind is what went wrong on the way to the guest's shell.
type Kind string

// Unreachable, NoSSHD and NotConfigured mean that a transport is absent: auto then tries the
// next one. It does not for the others.
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

// Error is every error of this package except ctx's. Its text starts with "cannot". Tail is
// not part of the text, because messages show it on lines of its own.
type Error struct {
	Kind      Kind
	Transport string // guest, node, api or auto
	Message   string // the text without Err
	Tail      string // the end of what the other side printed, if anything
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

// IsDropped reports whether the link broke after it had been open. Reconnect may open it
// again, and RunAttempt then follows its script further.
func IsDropped(err error) bool { return KindOf(err) == Dropped }

// KindOf is the Kind of the first *Error in err's chain, "" if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// absent reports whether err means that a transport is absent, so that auto tries the next.
func absent(err error) bool {
	switch KindOf(err) {
	case Unreachable, NoSSHD, NotConfigured:
		return true
	}
	return false
}
