package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
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
	// Application is a container whose PID 1 is the program of an OCI image: there is no
	// login on its console, and often no shell in it.
	Application bool
}

// Options says how to get in.
type Options struct {
	Transport   string                     // auto (or ""), guest, node, api
	Identity    ssh.Signer                 // the tool's own key, see EnsureKey; nil: agent and key files only
	NoUserKeys  bool                       // leave the user's agent and key files alone at the guest
	Node        *NodeSSH                   // nil: the node transport is not configured
	Nodes       func(node string) *NodeSSH // where nodes have addresses of their own: that of one, nil for none; nil: Node is for all
	Jump        *NodeSSH                   // the guest's sshd is reached through this host; nil: directly
	Port        int                        // sshd's port in the guest; 0: 22
	Adopted     bool                       // another program made the container: its sshd may not accept our key
	SSHDeadline time.Duration              // how long the guest's sshd may take once Up; 0: 30 s

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

	// Gate is asked before each program that is run in the guest; its error is that of Run, and
	// nothing is run. nil: all may pass.
	Gate func(context.Context) error

	consoleLimits console.Limits // zero: the usual ones; tests on a busy machine have others
}

// Open gets into the guest by the transport of the options. auto tries the guest's own sshd
// until its deadline, then the node if it is configured, then the console if the API is
// there; it goes on only if a transport is absent, and Note says why. In an application
// container it is the node, then the sshd, and never the console. Opening is retried
// until the deadline, at intervals of 10 ms to 250 ms; nothing else is. The error is an
// *Error or ctx's.
func Open(ctx context.Context, t Target, o Options) (Guest, error) {
	g, err := openBy(ctx, t, o)
	if err == nil && o.Gate != nil {
		g = gated{g, o.Gate}
	}
	return g, err
}

// gated asks before every program that is run in the guest.
type gated struct {
	Guest
	gate func(context.Context) error
}

func (g gated) Run(ctx context.Context, cmd Cmd) (int, error) {
	if err := g.gate(ctx); err != nil {
		return 0, err
	}
	return g.Guest.Run(ctx, cmd)
}

func (g gated) Again(ctx context.Context) (Guest, error) {
	more, err := g.Guest.Again(ctx)
	if err != nil {
		return more, err
	}
	return gated{more, g.gate}, nil
}

// openBy is Open without the gate.
func openBy(ctx context.Context, t Target, o Options) (Guest, error) {
	o.fillDefaults()
	o = o.At(t.Node)
	if t.Application {
		return openApplication(ctx, t, o)
	}
	if o.Transport == "" || o.Transport == transports.Auto {
		return openAuto(ctx, t, o)
	}
	tr, ok := transportOf(o.Transport)
	if !ok {
		return nil, o.unknownTransport()
	}
	g, err := tr.open(ctx, t, o)
	return g, o.addOtherTransports(tr, err)
}

// At is the options for a container of one node, which may have an SSH address of its own.
func (o Options) At(node string) Options {
	if o.Nodes != nil && node != "" {
		o.Node = o.Nodes(node)
	}
	return o
}

func (o *Options) fillDefaults() {
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
}

// openAuto tries the transports in their order. Only absence leads to the next one.
func openAuto(ctx context.Context, t Target, o Options) (Guest, error) {
	var failures []error
	var last transportKind
	for i, tr := range transportKinds {
		if i > 0 && tr.missing(o, true) != nil {
			continue
		}
		if i > 0 {
			o.Note(tr.next + o.reason(failures[len(failures)-1]))
		}
		g, err := tr.open(ctx, t, o)
		if err == nil || !absent(err) && !(i == 0 && o.adoptedRefusal(err)) {
			return g, o.addOtherTransports(tr, err)
		}
		failures, last = append(failures, err), tr
	}
	err := failures[len(failures)-1]
	if len(failures) == 1 {
		return nil, &Error{Kind: KindOf(err), Transport: transports.Auto, Err: errors.New("the node's SSH is not configured"),
			Message: err.Error() + "; cannot go through the node either", Fix: nodeFix}
	}
	e := &Error{Kind: KindOf(err), Transport: transports.Auto, Err: err, Message: failures[len(failures)-2].Error(), Fix: nodeFix}
	if own := (*Error)(nil); last.name == transports.API && errors.As(err, &own) {
		e.Fix = own.Fix
	}
	return nil, e
}

// adoptedRefusal reports whether err is a refused login at a container that another program
// made. It never got our key, so if the user has configured the node, auto tries that. Our
// own containers have our key: a refusal there ends auto.
func (o Options) adoptedRefusal(err error) bool {
	return o.Adopted && o.Node != nil && KindOf(err) == AuthRefused
}

// reason says why auto goes on after err.
func (o Options) reason(err error) string {
	if !absent(err) {
		return err.Error() + ", for infrahaus did not make this container"
	}
	return err.Error()
}

// addOtherTransports adds the other transports to the hints of a refused login, or of a
// changed host key, at the guest's own sshd. auto takes none of them unasked; none of them
// needs the guest's host key.
func (o Options) addOtherTransports(tr transportKind, err error) error {
	var e *Error
	if tr.name != transports.Guest || !errors.As(err, &e) || e.Kind != AuthRefused && (e.Kind != HostKeyChanged || e.Transport != transports.Guest) {
		return err
	}
	longer := *e
	longer.Fix += "\nor go through the node: INFRAHAUS_SSH_TRANSPORT=node"
	if o.Node == nil {
		longer.Fix += " with INFRAHAUS_SSH_NODE (user@host:port)"
	}
	if o.Console != nil {
		longer.Fix += "\nor get in by its console, with root's password: INFRAHAUS_SSH_TRANSPORT=api"
	}
	return &longer
}

// waitUntilUp waits until the container runs.
func (o Options) waitUntilUp(ctx context.Context) error {
	if closed(o.Up) {
		return nil
	}
	o.Waiting("waiting for the container to start")
	select {
	case <-o.Up:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cannot get into the guest: %w", ctx.Err())
	}
}
