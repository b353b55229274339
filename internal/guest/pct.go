package guest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// nodePCT is SSH to the Proxmox node, with one long-lived pct exec there.
var nodePCT = transportKind{
	name: transports.Node, lack: "no SSH to the node is configured", next: "going through the node: ", open: openNode, missing: missingNode,
	describe: func(o Options) string { return "SSH to the node " + o.Node.Host + " and pct there" },
}

func missingNode(o Options, _ bool) *Error {
	if o.Node != nil {
		return nil
	}
	return &Error{Kind: NotConfigured, Transport: transports.Node, Message: "cannot go through the node: no SSH address is set for it", Fix: nodeFix}
}

// openNode goes to the node and starts one pct exec there, once the container runs.
func openNode(ctx context.Context, t Target, o Options) (Guest, error) {
	if none := missingNode(o, true); none != nil {
		return nil, none
	}
	o.Waiting("reading the SSH settings of " + o.Node.Host)
	d, left, err := o.Node.dialer(ctx)
	if err != nil {
		return nil, err
	}
	for _, line := range left {
		o.Note(line)
	}
	op := &sshTransport{
		common:  common{transport: transports.Node, running: o.Running, counts: &counts{}},
		command: pctCommand(d.user, t.CTID, false),
		around:  func(boot string, old bool) string { return pctAround(d.user, t.CTID, boot, old) }, older: pctCommand(d.user, t.CTID, true), quick: attachCommand(d.user, t.CTID),
		old: pctOld, mute: pctMute(t, d.whom), alive: o.KeepAlive,
		connect: func(ctx context.Context) (*ssh.Client, error) { return d.once(ctx, 5*time.Second) },
	}
	o.Waiting("connecting to " + d.whom)
	c, err := d.calmly(ctx, 10*time.Second, o.Waiting)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("cannot reach the node: %w", ctx.Err())
		}
		return nil, err
	}
	op.use(c)
	if err := o.waitUntilUp(ctx); err != nil {
		op.close()
		return nil, err
	}
	return firstShell(ctx, op)
}

// cleanEnv is what an old pct, which always keeps the caller's environment, is
// given instead of --keep-env 0.
const cleanEnv = "/usr/bin/env -i HOME=/root TERM=dumb PATH=" + fixedPath + " "

// pctCommand is the command line on the node: one pct for the whole link, since
// starting one costs a second of the node's time.
func pctCommand(user string, ctid int, old bool) string {
	return pctAround(user, ctid, bootCommand(), old)
}

func pctAround(user string, ctid int, boot string, old bool) string {
	if old {
		return onNode(user, fmt.Sprintf("pct exec %d -- %s%s", ctid, cleanEnv, boot))
	}
	return onNode(user, fmt.Sprintf("pct exec %d --keep-env 0 -- %s", ctid, boot))
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

// otherNode is the node that says of itself that it does not have a container which Proxmox
// has on another one, "" if it is the right one.
func otherNode(said, node string) string {
	_, rest, found := strings.Cut(said, "Configuration file 'nodes/")
	name, rest, _ := strings.Cut(rest, "/lxc/")
	if !found || node == "" || name == node || !strings.Contains(rest, ".conf' does not exist") {
		return ""
	}
	return name
}

// pctMute says why no agent answered through pct. lxc-attach and pct share few
// exit statuses, so their words decide.
func pctMute(t Target, host string) func(*silence) *Error {
	return func(s *silence) *Error {
		e := &Error{Kind: Protocol, Transport: transports.Node, Tail: s.said, Err: s.err}
		who := fmt.Sprintf("container %d", t.CTID)
		switch said := s.said; {
		case strings.Contains(said, "not running"):
			e.Kind, e.Tail, e.Message = Gone, "", "cannot get into "+who+": it is not running"
			e.Fix = "start the container first"
		case otherNode(said, t.Node) != "":
			e.Kind, e.Tail = NotConfigured, ""
			e.Message = fmt.Sprintf("cannot get into %s through the node: it is on %s, and ssh.node is %s", who, t.Node, otherNode(said, t.Node))
			e.Fix = "set ssh.node, or INFRAHAUS_SSH_NODE, to an address with {node} in it, such as root@{node}.example.com, or to NODE=ADDRESS,NODE=ADDRESS"
		case strings.Contains(said, "Configuration file") && strings.Contains(said, "does not exist"):
			e.Kind, e.Message = Gone, "cannot get into "+who+": "+host+" has no such container"
			e.Fix = "ssh.node must be the node that owns the container"
		case strings.Contains(said, "root") && strings.Contains(said, "please run as"), strings.Contains(said, "sudo:"):
			e.Kind, e.Message = AuthRefused, "cannot run pct on "+host
			e.Fix = "log in as root, or allow pct without a password in sudoers"
		case strings.Contains(said, "Failed to exec"), s.status == 127 && strings.Contains(said, "/bin/sh") && !strings.Contains(said, "pct"):
			e.Kind, e.Tail, e.Message = NoShell, "", "cannot get into "+who+": it has no /bin/sh"
			e.Fix = "an image of one program often has no shell; what it says is in its console, in the web interface"
		case s.status == 127 || strings.Contains(said, "command not found"):
			e.Message = "cannot get into " + who + ": " + host + " has no pct, or the container no sh"
			e.Fix = "ssh.node must be a Proxmox VE node"
		default:
			e.Message = fmt.Sprintf("cannot get into %s: pct exec ended with exit status %d", who, s.status)
		}
		return e
	}
}
