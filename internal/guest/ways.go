package guest

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// Ways says in one line how Open would get in, and why so: for a plan. It asks
// nobody. address says whether the container is to have an address. Its error is a
// transport that cannot work at all, which can be known before anything is made.
func (o Options) Ways(address bool) (string, error) {
	if o.Transport == "" || o.Transport == transports.Auto {
		return o.waysOfAuto(address)
	}
	if none := o.lack(o.Transport, address); none != nil {
		return "", none
	}
	return "by " + o.way(o.Transport) + o.asked(), nil
}

// asked says that the one transport is what the settings name.
func (o Options) asked() string { return fmt.Sprintf(" (ssh.transport %s)", o.Transport) }

// What Note says begins with where auto goes next; what it left comes after.
const (
	noteNode    = "going through the node: "
	noteConsole = "using the container's console: "
)

// Way is Ways once Open has got in by transport, having said notes.
func (o Options) Way(transport string, notes []string) string {
	line := "by " + o.way(transport)
	if o.Transport != "" && o.Transport != transports.Auto {
		return line + o.asked()
	}
	var left []string
	for _, note := range notes {
		for _, next := range []string{noteNode, noteConsole} {
			if why, ok := strings.CutPrefix(note, next); ok {
				left = append(left, why)
			}
		}
	}
	if len(left) == 0 {
		return line + ", which answers"
	}
	return line + " (" + strings.Join(left, ", and ") + ")"
}

// lack is why a transport cannot work at all, nil if it may.
func (o Options) lack(transport string, address bool) *Error {
	switch transport {
	case transports.Guest:
		return o.noGuest(address)
	case transports.Node:
		return o.noNode()
	case transports.API:
		return o.noConsole()
	}
	return o.unknown()
}

// NeedsAddress reports whether Open needs the guest's address, or may.
func (o Options) NeedsAddress() bool {
	return o.Transport != transports.Node && o.Transport != transports.API
}

// lacks is what each transport lacks where it cannot work.
var lacks = map[string]string{transports.Guest: "it has no address", transports.Node: "no SSH to the node is configured", transports.API: "no API is given"}

func (o Options) waysOfAuto(address bool) (string, error) {
	var ways, without []string
	for _, transport := range []string{transports.Guest, transports.Node, transports.API} {
		if o.lack(transport, address) != nil {
			without = append(without, lacks[transport])
			continue
		}
		ways = append(ways, "by "+o.way(transport))
	}
	if len(ways) == 0 {
		return "", &Error{Kind: NotConfigured, Transport: transports.Auto, Message: "cannot get into the guest: " + strings.Join(without, ", and "), Fix: nodeFix}
	}
	if len(ways) > 1 && address {
		ways[0] += fmt.Sprintf(" if it answers within %s", o.SSHDeadline)
	}
	line := strings.Join(ways, ", else ")
	if len(without) > 0 {
		line += " (" + strings.Join(without, ", and ") + ")"
	}
	return line, nil
}

// way is what a transport goes by, in a user's words.
func (o Options) way(transport string) string {
	switch {
	case transport == transports.Node:
		return "SSH to the node " + o.Node.Host + " and pct there"
	case transport == transports.API:
		return "its console over Proxmox's API"
	case o.Jump != nil && (o.Node == nil || o.Jump.Host != o.Node.Host):
		return "its own sshd, through " + o.Jump.Host
	case o.Jump != nil:
		return "its own sshd, through the node"
	}
	return "its own sshd"
}

func (o Options) noGuest(address bool) *Error {
	if address {
		return nil
	}
	return &Error{Kind: NotConfigured, Transport: transports.Guest, Message: "cannot reach the guest by SSH: its address is not known",
		Fix: "use ssh.transport node or api (INFRAHAUS_SSH_TRANSPORT), or give it an address"}
}

func (o Options) noNode() *Error {
	if o.Node != nil {
		return nil
	}
	return &Error{Kind: NotConfigured, Transport: transports.Node, Message: "cannot go through the node: no SSH address is set for it", Fix: nodeFix}
}

func (o Options) noConsole() *Error {
	if o.Console != nil {
		return nil
	}
	return &Error{Kind: NotConfigured, Transport: transports.API, Message: "cannot use the container's console: no way to Proxmox's API is given"}
}

func (o Options) unknown() *Error {
	return &Error{Kind: NotConfigured, Transport: o.Transport,
		Message: "cannot use the transport " + o.Transport + ": there are auto, guest, node and api"}
}
