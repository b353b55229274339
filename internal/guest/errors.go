package guest

import (
	"errors"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
)

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
	NoShell        Kind = "no-shell"       // the container has no /bin/sh, as images of one program often have not
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

// ExitStatus is the same for every kind: there is no way into the guest.
func (e *Error) ExitStatus() int { return exit.Unreachable }

// NextSteps are the lines of Fix.
func (e *Error) NextSteps() []string { return lines(e.Fix) }

// LastLines are the lines of Tail, which no log event has shown.
func (e *Error) LastLines() (tail []string, shown bool) {
	return lines(strings.TrimSpace(e.Tail)), false
}

// lines splits text; no text has no lines.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

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
