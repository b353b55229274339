package guest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// probePatience limits connecting to the node, and the answer of pct there.
const probePatience = 10 * time.Second

// Probe logs in to the node once and returns where it went: user and host. It changes
// nothing. The error is an *Error, or that of ctx.
func (n NodeSSH) Probe(ctx context.Context) (where string, err error) {
	d, _, err := n.dialer(ctx)
	if err != nil {
		return "", err
	}
	where = d.user + "@" + d.address
	c, err := d.once(ctx, probePatience)
	if err != nil {
		return where, err
	}
	return where, c.Close()
}

// ProbePCT lists the containers of the node by pct, as the node transport would run it.
// The error is an *Error, or that of ctx.
func (n NodeSSH) ProbePCT(ctx context.Context) error {
	d, _, err := n.dialer(ctx)
	if err != nil {
		return err
	}
	c, err := d.once(ctx, probePatience)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return &Error{Kind: Protocol, Transport: transports.Node, Message: "cannot run pct on " + d.whom, Err: err}
	}
	var said bytes.Buffer
	s.Stderr = &said
	patience := time.AfterFunc(2*probePatience, func() { c.Close() }) // pct takes a second; a locked cluster file system holds it for ever
	defer patience.Stop()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	err = s.Run(onNode(d.user, "pct list"))
	switch text := strings.TrimSpace(lastWords(said.Bytes())); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(text, "sudo:"), strings.Contains(text, "please run as"):
		return &Error{Kind: AuthRefused, Transport: transports.Node, Message: fmt.Sprintf("cannot run pct on %s as %s: it needs root, or sudo without a password", d.whom, d.user), Tail: text}
	case strings.Contains(text, "not found"), strings.Contains(text, "No such file"):
		return &Error{Kind: Protocol, Transport: transports.Node, Message: "cannot run pct on " + d.whom + ": it is no Proxmox VE node", Tail: text}
	default:
		return &Error{Kind: Protocol, Transport: transports.Node, Message: "cannot run pct on " + d.whom, Err: err, Tail: text}
	}
}
