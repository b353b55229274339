package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/console"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// Target is the container to get into.
type Target struct {
	CTID     int
	Node     string     // the Proxmox node that owns it, for messages
	Address  netip.Addr // invalid: not known, so no guest transport
	HostKeys []string   // pinned fingerprints (SHA256:…); none: trust the first, and say so
}

// Options says how to get in.
type Options struct {
	Transport   string        // auto (or ""), guest, node, api
	Identity    ssh.Signer    // the tool's own key, see EnsureKey; nil: agent and key files only
	NoUserKeys  bool          // leave the user's agent and key files alone at the guest
	Node        *NodeSSH      // nil: the node transport is not configured
	Jump        *NodeSSH      // the guest's sshd is reached through this host; nil: directly
	Port        int           // sshd's port in the guest; 0: 22
	Adopted     bool          // another program made the container: its sshd may not accept our key
	SSHDeadline time.Duration // how long the guest's sshd may take once Up; 0: 30 s

	// Up is closed once the container runs. Until then the guest's address is
	// dialled already, no deadline runs, and no pct is started. nil: it runs.
	Up <-chan struct{}
	// Running asks whether the container still runs, while a dropped link is
	// opened again; false ends that with Gone. nil: not asked.
	Running func(context.Context) (bool, error)

	// Console opens the container's console: bytes of a terminal, both ways. nil:
	// the api transport is not configured. Its error is passed on as it is where it
	// is an *Error.
	Console func(ctx context.Context, node string, ctid int) (io.ReadWriteCloser, error)
	// RootPassword is asked for where the console wants a login; "" or nil: not known.
	RootPassword func(context.Context) (string, error)
	// ShowPassword is the command that shows root's password on record, for hints; ""
	// if there is none.
	ShowPassword string

	Note       func(string)                   // one line: which transport, and why not the one before
	Waiting    func(string)                   // what is waited for now; called on change
	PinHostKey func(fingerprint string) error // the first use of an unpinned guest; its error ends Open
	KeepAlive  time.Duration                  // between two questions to a silent link; 0: 10 s

	consoleLimits console.Limits // zero: the usual ones; tests on a busy machine have others
}

// Open gets into the guest. The transport `auto` is the guest's own sshd where
// the address answers within the deadline, else the node where it is
// configured, else the console where the API is there; only absence falls through. Opening is retried until the deadline,
// in steps of 10 ms to 250 ms; nothing else is.
func Open(ctx context.Context, t Target, o Options) (Guest, error) {
	if o.SSHDeadline == 0 {
		o.SSHDeadline = 30 * time.Second
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 10 * time.Second
	}
	if o.Port == 0 {
		o.Port = 22
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	switch o.Transport {
	case transports.Guest:
		g, err := openGuest(ctx, t, o)
		return g, o.otherWays(err)
	case transports.Node:
		return openNode(ctx, t, o)
	case transports.API:
		return openConsole(ctx, t, o)
	case "", transports.Auto:
		return openAuto(ctx, t, o)
	}
	return nil, o.unknown()
}

// openAuto tries one transport after the other: the guest's own sshd, the node
// where it is configured, the console where the API is there. Only absence falls
// through, and one line says so.
func openAuto(ctx context.Context, t Target, o Options) (Guest, error) {
	g, first := openGuest(ctx, t, o)
	if first == nil || !o.fallsThrough(first) {
		return g, o.otherWays(first)
	}
	if o.Node == nil && o.Console == nil {
		return nil, &Error{Kind: KindOf(first), Transport: transports.Auto, Err: errors.New("the node's SSH is not configured"),
			Message: first.Error() + "; cannot go through the node either", Fix: nodeFix}
	}
	why := first
	if o.Node != nil {
		note := noteNode + first.Error()
		if !absent(first) {
			note += ", for infrahaus did not make this container"
		}
		o.Note(note)
		g, second := openNode(ctx, t, o)
		if second == nil || !absent(second) {
			return g, second
		}
		if o.Console == nil {
			return nil, &Error{Kind: KindOf(second), Transport: transports.Auto, Err: second, Message: first.Error(), Fix: nodeFix}
		}
		why = second
	}
	o.Note(noteConsole + why.Error())
	g, last := openConsole(ctx, t, o)
	if last == nil || !absent(last) {
		return g, last
	}
	var e *Error
	errors.As(last, &e)
	return nil, &Error{Kind: e.Kind, Transport: transports.Auto, Err: last, Message: why.Error(), Fix: e.Fix}
}

// fallsThrough reports whether auto tries another way after the guest's sshd. It does not
// after a refused login, if our key was put into the container. An adopted container
// never got our key: its refusal counts as absence, and if the user has configured the
// node, auto tries the node.
func (o Options) fallsThrough(err error) bool {
	return absent(err) || o.Adopted && o.Node != nil && KindOf(err) == AuthRefused
}

// otherWays adds the other possible ways to the error for a refused login, or for a
// changed host key of the guest. auto takes none of them unasked; none of them needs the
// guest's host key.
func (o Options) otherWays(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != AuthRefused && (e.Kind != HostKeyChanged || e.Transport != transports.Guest) {
		return err
	}
	told := *e
	switch {
	case o.Node != nil:
		told.Fix += "\nor go through the node: INFRAHAUS_SSH_TRANSPORT=node"
	default:
		told.Fix += "\nor go through the node: INFRAHAUS_SSH_TRANSPORT=node with INFRAHAUS_SSH_NODE (user@host:port)"
	}
	if o.Console != nil {
		told.Fix += "\nor get in by its console, with root's password: INFRAHAUS_SSH_TRANSPORT=api"
	}
	return &told
}

// openGuest goes to the container's own sshd.
func openGuest(ctx context.Context, t Target, o Options) (Guest, error) {
	if none := o.noGuest(t.Address.IsValid()); none != nil {
		return nil, none
	}
	whom := "the guest at " + t.Address.String()
	p := &pins{whom: whom, keys: t.HostKeys, pin: o.PinHostKey}
	d := &dialer{
		transport: transports.Guest, whom: whom, address: net.JoinHostPort(t.Address.String(), strconv.Itoa(o.Port)), user: "root",
		dial: tcp, check: p.check, families: families(),
		signers: keyring{own: o.Identity, agentAt: userAgent(o), usual: !o.NoUserKeys}.signers,
	}
	op := &opener{
		trait: trait{transport: transports.Guest, running: o.Running, counts: &counts{}}, command: "exec " + bootCommand(), mute: guestMute(whom),
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
	c, err := knock(ctx, d, o.Up, o.SSHDeadline, o.Waiting)
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
	return shellBy(ctx, op)
}

// userAgent is the socket of the user's agent, "" to leave it alone.
func userAgent(o Options) string {
	if o.NoUserKeys {
		return ""
	}
	return os.Getenv("SSH_AUTH_SOCK")
}

// openJump prepares the connection to the jump host for the guest's sshd.
func openJump(ctx context.Context, o Options, c *counts) (*opener, error) {
	d, left, err := o.Jump.dialer(ctx)
	if err != nil {
		return nil, err
	}
	for _, line := range left {
		o.Note(line)
	}
	return &opener{
		trait: trait{transport: transports.Guest, counts: c}, alive: o.KeepAlive,
		connect: func(ctx context.Context) (*ssh.Client, error) { return d.once(ctx, 5*time.Second) },
	}, nil
}

// openNode goes to the node and starts one pct exec there, once the container runs.
func openNode(ctx context.Context, t Target, o Options) (Guest, error) {
	if none := o.noNode(); none != nil {
		return nil, none
	}
	d, left, err := o.Node.dialer(ctx)
	if err != nil {
		return nil, err
	}
	for _, line := range left {
		o.Note(line)
	}
	op := &opener{
		trait:   trait{transport: transports.Node, running: o.Running, counts: &counts{}},
		command: pctCommand(d.user, t.CTID, false), older: pctCommand(d.user, t.CTID, true), quick: attachCommand(d.user, t.CTID),
		old: pctOld, mute: pctMute(t.CTID, d.whom), alive: o.KeepAlive,
		connect: func(ctx context.Context) (*ssh.Client, error) { return d.once(ctx, 5*time.Second) },
	}
	c, err := d.calmly(ctx, 10*time.Second, o.Waiting)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("cannot reach the node: %w", ctx.Err())
		}
		return nil, err
	}
	op.use(c)
	if !closed(o.Up) {
		o.Waiting("waiting for the container to start")
		select {
		case <-o.Up:
		case <-ctx.Done():
			op.close()
			return nil, fmt.Errorf("cannot get into the guest: %w", ctx.Err())
		}
	}
	return shellBy(ctx, op)
}
