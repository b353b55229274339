package pve

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// Kind is the class of an Error, for callers that treat classes differently.
type Kind int

// The kinds of failure. The caller must resolve Invalid and Ambiguous; they are found
// before the first change. Invalid is a faulty value, a name that does not exist, or an
// id that is taken. Refused, Forbidden and NotFound are answers of Proxmox, whether or
// not the checks before the first change found them.
const (
	Refused      Kind = iota // Proxmox refused (400, 500, …), or preflight knows that it would
	Unreachable              // no route, no name, nothing there, or not Proxmox
	TLS                      // the certificate is not trusted; Seen is its fingerprint
	Unauthorized             // 401: wrong token, user or password
	Forbidden                // 403, or a privilege that preflight found missing
	NotFound                 // no such container
	TaskFailed               // the task was accepted and failed; Log has its last lines
	Timeout                  // a deadline passed
	Ambiguous                // several values are possible; Choices lists them
	Invalid                  // the request itself is wrong; Field names the key
	Interrupted              // the caller's context was cancelled
)

var kindNames = [...]string{"refused", "unreachable", "tls", "unauthorized", "forbidden", "not found",
	"task failed", "timeout", "ambiguous", "invalid", "interrupted"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Error is a failure of Proxmox or of the way to it. It keeps Proxmox's own text: Message
// is the whole text, Reason its first line.
type Error struct {
	Kind    Kind
	Op      string            // what was tried: "create container"
	Status  int               // HTTP status; 0 if there was none
	Reason  string            // one line, Proxmox's or ours
	Message string            // all lines that Proxmox sent; "" if it sent no more than Reason
	Params  map[string]string // Proxmox's messages by its own parameter name (net0, memory, …)
	Field   string            // the flag (without dashes) or template key at fault, "" if unknown
	Choices []string          // possible values of Field; the hints do not repeat them
	Log     []string          // a failed task's last lines
	Told    bool              // a Watch has already received the whole of Log
	Hints   []string          // commands or actions that help
	Seen    string            // the server's SHA-256 fingerprint (TLS)
	UPID    string            // the task that failed
	Err     error             // the cause, where a caller may look for it

	factor     bool // it is about the second factor, the password was accepted
	noTemplate bool // there is no such OS template
}

// Error has the form "cannot create container: CT 100 already exists on node 'pve1'".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString("cannot " + e.Op + ": ")
	}
	b.WriteString(e.summary())
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) summary() string {
	if len(e.Params) > 0 {
		return strings.Join(e.ParamLines(), "; ")
	}
	s := e.Reason
	if s == "" {
		s = firstLine(e.Message)
	}
	if s == "" && e.Err != nil {
		s = e.Err.Error()
	}
	if s == "" {
		s = fmt.Sprintf("Proxmox answered %d without a reason", e.Status)
	}
	return s
}

// ParamLines are Proxmox's messages about parameters, one a line, in a stable order and
// with the names that the user knows.
func (e *Error) ParamLines() []string {
	var lines []string
	for key, msg := range e.Params {
		lines = append(lines, fieldOf(key, msg)+": "+paramMessage(msg))
	}
	slices.Sort(lines)
	return lines
}

// Tail is the text of Proxmox beyond the summary: the other lines of its message, or the
// log of a failed task.
func (e *Error) Tail() []string {
	if len(e.Log) > 0 {
		return e.Log
	}
	lines := strings.Split(strings.TrimSpace(e.Message), "\n")
	if len(lines) < 2 {
		return nil
	}
	return lines[1:]
}

// LastLines is Tail, and whether a Watch has received it.
func (e *Error) LastLines() (lines []string, shown bool) { return e.Tail(), e.Told }

// ExitStatus is 4 if Proxmox cannot be reached or is not trusted, 2 for a faulty command
// line, config or template (even if only Proxmox shows the fault), and 3 for all others.
func (e *Error) ExitStatus() int {
	switch e.Kind {
	case Unreachable, TLS, Unauthorized, Timeout:
		return exit.Unreachable
	case Invalid, Ambiguous:
		return exit.Usage
	case Forbidden:
		if e.Field == FieldTransport { // as when the console itself is refused
			return exit.Unreachable
		}
	}
	return exit.Proxmox
}

// NextSteps are what to check, the values to choose from, and the hints.
func (e *Error) NextSteps() []string {
	var hints []string
	switch {
	case e.behindProxy():
		hints = append(hints, "Proxmox's proxy answered, but the node behind it did not; on the node: systemctl status pvedaemon pveproxy")
	case e.Kind == Unreachable:
		hints = append(hints, "see that the host's url is right (INFRAHAUS_URL, or url in the config) and can be reached from here")
	}
	if len(e.Choices) > 0 {
		what := "choose one of"
		if e.Field != "" {
			what = fmt.Sprintf("choose --%s from", e.Field)
		}
		hints = append(hints, fmt.Sprintf("%s: %s", what, strings.Join(e.Choices, ", ")))
	}
	return append(hints, e.Hints...)
}

// behindProxy reports whether pveproxy answered for a node or a daemon that it could not
// reach (595), or that did not answer it in time (596).
func (e *Error) behindProxy() bool { return e.Status == 595 || e.Status == 596 }

// FieldTransport is the Field of a privilege that only the way into the guest needs.
const FieldTransport = "ssh.transport"

// IsKind reports whether err is, or wraps, an Error of that kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(s)
}

// fields maps Proxmox's parameter names to the flag or template key that sets them. net0
// is a property string; its keys follow.
var fields = map[string]string{
	"vmid": "ctid", "ostemplate": "os", "rootfs": "disk", "storage": "storage", "net0": "network",
	"net0.bridge": "bridge", "net0.tag": "vlan", "net0.ip": "ip", "net0.gw": "ip", "net0.ip6": "ip6", "net0.gw6": "ip6",
	"ssh-public-keys": "ssh-key", "tags": "tag", "nameserver": "nameserver", "node": "node",
	"cpulimit": "cpulimit", "cpuunits": "cpuunits", "pool": "pool", "startup": "startup",
}

// fieldOf returns the user's name for a parameter of Proxmox. For a property string, the
// second line of the message names the property ("net0.ip: invalid format - …").
func fieldOf(key, msg string) string {
	for line := range strings.Lines(msg) {
		name, _, ok := strings.Cut(line, ":")
		if f := fields[name]; ok && strings.HasPrefix(name, key+".") && f != "" {
			return f
		}
	}
	if f := fields[key]; f != "" {
		return f
	}
	if f := numbered[strings.TrimRight(key, "0123456789")]; f != "" {
		return f
	}
	return key
}

// numbered are the flags of numbered parameters, such as mp0.
var numbered = map[string]string{"net": "net", "mp": "mount", "dev": "device"}

// paramMessage returns the most specific line of a message about a parameter.
func paramMessage(msg string) string {
	lines := strings.Split(strings.TrimSpace(msg), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "" {
		last = strings.TrimSpace(lines[0])
	}
	return last
}
