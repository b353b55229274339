package guest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// applicationDeadline is how long the sshd of an application container may take to answer.
// Hardly any has one, and one that is there listens soon after PID 1 has started it.
const applicationDeadline = 2 * time.Second

// openApplication is Open for a container whose PID 1 is the program of an OCI image. Its
// console is that program's own terminal: nothing is ever typed there, and nobody logs out
// there, because that would end the container. So auto tries the node first, and then the
// sshd that the image may have.
func openApplication(ctx context.Context, t Target, o Options) (Guest, error) {
	o.SSHDeadline = min(o.SSHDeadline, applicationDeadline)
	if none := o.applicationWay(t); none != nil {
		return nil, none
	}
	switch o.Transport {
	case transports.Node:
		return openNode(ctx, t, o)
	case transports.Guest:
		g, err := openGuest(ctx, t, o)
		return g, noSSHDIn(t, o.addOtherTransports(guestSSH, err))
	}
	if o.Node != nil {
		g, err := openNode(ctx, t, o)
		if err == nil || !absent(err) || !t.Address.IsValid() {
			return g, err
		}
		o.Note("trying its own sshd: " + err.Error())
	}
	g, err := openGuest(ctx, t, o)
	return g, noSSHDIn(t, err)
}

// applicationWay is why there can be no way into an application container, nil if there may
// be one. It asks nobody.
func (o Options) applicationWay(t Target) *Error {
	e := &Error{Kind: NotConfigured, Transport: transports.API, Fix: nodeFix}
	who := fmt.Sprintf("cannot get into container %d: ", t.CTID)
	switch o.Transport {
	case transports.API:
		e.Message = who + "its console is the terminal of its own program, and there is no login"
		e.Fix = "go through the node: INFRAHAUS_SSH_TRANSPORT=node with INFRAHAUS_SSH_NODE (user@host:port)"
		return e
	case transports.Node:
		return missingNode(o, true)
	case transports.Guest, transports.Auto, "":
		if o.Node == nil && !t.Address.IsValid() {
			e.Transport = transports.Auto
			e.Message = who + "it runs one program of an OCI image, without a login, and no SSH to the node is configured"
			return e
		}
		return nil
	}
	return o.unknownTransport()
}

// noSSHDIn explains that an application container has no sshd.
func noSSHDIn(t Target, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != NoSSHD && e.Kind != Unreachable {
		return err
	}
	return &Error{Kind: e.Kind, Transport: e.Transport, Err: e.Err, Fix: nodeFix,
		Message: fmt.Sprintf("cannot get into container %d: it runs one program of an OCI image, and no sshd answers at %s", t.CTID, t.Address)}
}

// ApplicationWays is Ways for a container whose PID 1 is the program of an OCI image. Its
// error says that there is none at all, as Open would.
func (o Options) ApplicationWays(address bool) (string, error) {
	own := "by its own sshd, if it has one"
	switch {
	case o.Transport == transports.API:
		return "", o.applicationWay(Target{})
	case o.Transport == transports.Node || o.Transport == transports.Guest && !address:
		return o.Ways(address)
	case o.Transport == transports.Guest:
		return own + o.asSet(), nil
	case o.Node != nil:
		return "by " + nodePCT.describe(o) + ", if it has a shell", nil
	case address:
		return own + " (no SSH to the node is configured)", nil
	}
	return "", &Error{Kind: NotConfigured, Transport: transports.Auto, Message: "cannot get inside: no SSH to the node is configured", Fix: nodeFix}
}
