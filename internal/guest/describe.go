package guest

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// Ways says in one line how Open would get in, and why so, for a plan. It asks nobody.
// address says whether the container will have an address. The error is a transport that
// cannot work at all, which is known before anything is made.
func (o Options) Ways(address bool) (string, error) {
	if o.Transport == "" || o.Transport == transports.Auto {
		return o.describeAuto(address)
	}
	tr, ok := transportOf(o.Transport)
	if !ok {
		return "", o.unknownTransport()
	}
	if missing := tr.missing(o, address); missing != nil {
		return "", missing
	}
	return "by " + tr.describe(o) + o.asSet(), nil
}

// asSet says that the settings name the transport.
func (o Options) asSet() string { return fmt.Sprintf(" (ssh.transport %s)", o.Transport) }

// Way is like Ways after Open got in by transport and said notes.
func (o Options) Way(transport string, notes []string) string {
	tr, _ := transportOf(transport)
	line := "by " + tr.describe(o)
	if o.Transport != "" && o.Transport != transports.Auto {
		return line + o.asSet()
	}
	var reasons []string
	for _, note := range notes {
		for _, tr := range transportKinds {
			if why, ok := strings.CutPrefix(note, tr.next); ok && tr.next != "" {
				reasons = append(reasons, why)
			}
		}
	}
	if len(reasons) == 0 {
		return line + ", which answers"
	}
	return line + " (" + strings.Join(reasons, ", and ") + ")"
}

// NeedsAddress reports whether Open needs the guest's address, or may.
func (o Options) NeedsAddress() bool {
	return o.Transport != transports.Node && o.Transport != transports.API
}

func (o Options) describeAuto(address bool) (string, error) {
	var possible, missing []string
	for _, tr := range transportKinds {
		if tr.missing(o, address) != nil {
			missing = append(missing, tr.lack)
			continue
		}
		possible = append(possible, "by "+tr.describe(o))
	}
	if len(possible) == 0 {
		return "", &Error{Kind: NotConfigured, Transport: transports.Auto, Message: "cannot get into the guest: " + strings.Join(missing, ", and "), Fix: nodeFix}
	}
	if len(possible) > 1 && address {
		possible[0] += fmt.Sprintf(" if it answers within %s", o.SSHDeadline)
	}
	line := strings.Join(possible, ", else ")
	if len(missing) > 0 {
		line += " (" + strings.Join(missing, ", and ") + ")"
	}
	return line, nil
}
