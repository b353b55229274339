package guest

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// cleanEnv is what an old pct, which always keeps the caller's environment, is
// given instead of --keep-env 0.
const cleanEnv = "/usr/bin/env -i HOME=/root TERM=dumb PATH=" + fixedPath + " "

// pctCommand is the command line on the node: one pct for the whole link, since
// starting one costs a second of the node's time.
func pctCommand(user string, ctid int, old bool) string {
	if old {
		return onNode(user, fmt.Sprintf("pct exec %d -- %s%s", ctid, cleanEnv, bootCommand()))
	}
	return onNode(user, fmt.Sprintf("pct exec %d --keep-env 0 -- %s", ctid, bootCommand()))
}

// attachCommand is the command that pct exec finally runs on the node. An interrupt uses
// it, because it must not wait for Perl to start, which takes a second. It fails for a
// user who may run only pct through sudo.
func attachCommand(user string, ctid int) string {
	return onNode(user, fmt.Sprintf("lxc-attach -n %d --clear-env -- %s", ctid, bootCommand()))
}

// pctOld says that this pct does not know --keep-env: Proxmox VE 8.1 and before.
func pctOld(s *silence) bool {
	return strings.Contains(s.said, "keep-env") && strings.Contains(strings.ToLower(s.said), "unknown option")
}

// pctMute says why no agent answered through pct. lxc-attach and pct share few
// exit statuses, so their words decide.
func pctMute(ctid int, host string) func(*silence) *Error {
	return func(s *silence) *Error {
		e := &Error{Kind: Protocol, Transport: transports.Node, Tail: s.said, Err: s.err}
		who := fmt.Sprintf("container %d", ctid)
		switch said := s.said; {
		case strings.Contains(said, "not running"):
			e.Kind, e.Tail, e.Message = Gone, "", "cannot get into "+who+": it is not running"
			e.Fix = "start the container first"
		case strings.Contains(said, "Configuration file") && strings.Contains(said, "does not exist"):
			e.Kind, e.Message = Gone, "cannot get into "+who+": "+host+" has no such container"
			e.Fix = "ssh.node must be the node that owns the container"
		case strings.Contains(said, "root") && strings.Contains(said, "please run as"), strings.Contains(said, "sudo:"):
			e.Kind, e.Message = AuthRefused, "cannot run pct on "+host
			e.Fix = "log in as root, or allow pct without a password in sudoers"
		case s.status == 127 || strings.Contains(said, "command not found"):
			e.Message = "cannot get into " + who + ": " + host + " has no pct, or the container no sh"
			e.Fix = "ssh.node must be a Proxmox VE node"
		default:
			e.Message = fmt.Sprintf("cannot get into %s: pct exec ended with exit status %d", who, s.status)
		}
		return e
	}
}

// guestMute says why no agent answered over the guest's own sshd.
func guestMute(whom string) func(*silence) *Error {
	return func(s *silence) *Error {
		return &Error{Kind: Protocol, Transport: transports.Guest, Tail: s.said, Err: s.err,
			Message: fmt.Sprintf("cannot start a shell in %s: it ended with exit status %d", whom, s.status),
			Fix:     "root's login shell in the guest must be able to run sh"}
	}
}
