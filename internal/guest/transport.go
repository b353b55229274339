package guest

import (
	"context"
	"fmt"
)

// transportKinds are all that there are, in the order in which auto tries them. A new one is a
// transportKind in a file of its own, and a line here.
var transportKinds = []transportKind{guestSSH, nodePCT, consoleAPI}

// transportKind is what Open and Describe need to know of a transport.
type transportKind struct {
	name string
	lack string // what is not there if missing says so, for messages
	next string // begins auto's note that it goes on to this transport
	// open gets a first shell, with everything that Open promises.
	open func(context.Context, Target, Options) (Guest, error)
	// missing is why the options cannot work with it at all, nil if they may; it asks nobody.
	// address: the guest has one, or will.
	missing func(o Options, address bool) *Error
	// describe is how it gets in, in a user's words: "by …".
	describe func(Options) string
}

func transportOf(name string) (transportKind, bool) {
	for _, tr := range transportKinds {
		if tr.name == name {
			return tr, true
		}
	}
	return transportKind{}, false
}

func (o Options) unknownTransport() *Error {
	return &Error{Kind: NotConfigured, Transport: o.Transport,
		Message: "cannot use the transport " + o.Transport + ": there are auto, guest, node and api"}
}

// transport is a transport in use: it opens links to one guest.
type transport interface {
	// open starts one more shell. A lost connection is opened again, once.
	open(context.Context) (*link, error)
	// openFast is open for urgent work, such as stopping a script.
	openFast(context.Context) (*link, error)
	// process starts a session in which boot.sh waits for a text, for Exec: with a terminal
	// if t is not nil. s is the caller's shell.
	process(ctx context.Context, s *shell, t *TTY, text string) (*stream, error)
	close()
	shared() *common
}

// common is what every transport has.
type common struct {
	transport string
	running   func(context.Context) (bool, error) // nil: not asked
	counts    *counts
}

func (c *common) shared() *common { return c }

func (c *common) fail(k Kind, message string, err error) *Error {
	return &Error{Kind: k, Transport: c.transport, Message: message, Err: err}
}

// firstShell opens the first shell. If it fails, the transport is closed.
func firstShell(ctx context.Context, tr transport) (Guest, error) {
	l, err := tr.open(ctx)
	return firstShellOf(ctx, tr, l, err)
}

// firstShellOf is firstShell with the result of open.
func firstShellOf(ctx context.Context, tr transport, l *link, err error) (Guest, error) {
	if err != nil {
		tr.close()
		if ctx.Err() != nil {
			err = fmt.Errorf("cannot get into the guest: %w", ctx.Err())
		}
		return nil, err
	}
	return &shell{open: tr, common: tr.shared(), main: true, link: l}, nil
}
