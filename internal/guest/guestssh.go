package guest

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// guestSSH is the container's own sshd, reached directly or through a jump host.
var guestSSH = transportKind{
	name: transports.Guest, lack: "it has no address", open: openGuest, missing: missingGuest,
	describe: func(o Options) string {
		switch {
		case o.Jump != nil && (o.Node == nil || o.Jump.Host != o.Node.Host):
			return "its own sshd, through " + o.Jump.Host
		case o.Jump != nil:
			return "its own sshd, through the node"
		}
		return "its own sshd"
	},
}

func missingGuest(_ Options, address bool) *Error {
	if address {
		return nil
	}
	return &Error{Kind: NotConfigured, Transport: transports.Guest, Message: "cannot reach the guest by SSH: its address is not known",
		Fix: "use ssh.transport node or api (INFRAHAUS_SSH_TRANSPORT), or give it an address"}
}

// openGuest goes to the container's own sshd.
func openGuest(ctx context.Context, t Target, o Options) (Guest, error) {
	if none := missingGuest(o, t.Address.IsValid()); none != nil {
		return nil, none
	}
	whom := "the guest at " + t.Address.String()
	p := &pins{whom: whom, keys: t.HostKeys, pin: o.PinHostKey}
	d := &dialer{
		transport: transports.Guest, whom: whom, address: net.JoinHostPort(t.Address.String(), strconv.Itoa(o.Port)), user: "root",
		dial: tcp, check: p.check, families: families(),
		signers: keyring{own: o.Identity, agentAt: userAgent(o), usual: !o.NoUserKeys}.signers,
	}
	op := &sshTransport{
		common: common{transport: transports.Guest, running: o.Running, counts: &counts{}}, command: "exec " + bootCommand(),
		around: func(boot string, _ bool) string { return "exec " + boot }, mute: guestMute(whom),
		alive: o.KeepAlive,
	}
	if o.Jump != nil {
		jump, err := openJump(ctx, o, op.counts)
		if err != nil {
			return nil, err
		}
		d.dial = through(jump.reach)
		op.beneath = jump
	}
	op.connect = func(ctx context.Context) (*ssh.Client, error) { return d.once(ctx, 5*time.Second) }
	o.Waiting("waiting for sshd of " + whom)
	c, err := dialUntil(ctx, d, o.Up, o.SSHDeadline, o.Waiting)
	if err == nil {
		if err = p.confirm(); err != nil {
			c.Close()
		}
	}
	if err != nil {
		op.close()
		return nil, err
	}
	op.use(c)
	return firstShell(ctx, op)
}

// userAgent is the socket of the user's agent, "" to leave it alone.
func userAgent(o Options) string {
	if o.NoUserKeys {
		return ""
	}
	return os.Getenv("SSH_AUTH_SOCK")
}

// openJump prepares the connection to the jump host for the guest's sshd.
func openJump(ctx context.Context, o Options, c *counts) (*sshTransport, error) {
	o.Waiting("reading the SSH settings of " + o.Jump.Host)
	d, left, err := o.Jump.dialer(ctx)
	if err != nil {
		return nil, err
	}
	for _, line := range left {
		o.Note(line)
	}
	return &sshTransport{
		common: common{transport: transports.Guest, counts: c}, alive: o.KeepAlive,
		connect: func(ctx context.Context) (*ssh.Client, error) { return d.once(ctx, 5*time.Second) },
	}, nil
}

// guestMute says why no agent answered over the guest's own sshd.
func guestMute(whom string) func(*silence) *Error {
	return func(s *silence) *Error {
		return &Error{Kind: Protocol, Transport: transports.Guest, Tail: s.said, Err: s.err,
			Message: fmt.Sprintf("cannot start a shell in %s: it ended with exit status %d", whom, s.status),
			Fix:     "root's login shell in the guest must be able to run sh"}
	}
}
