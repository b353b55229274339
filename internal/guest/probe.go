package guest

import (
	"bytes"
	"context"
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
	_, err := n.probe(ctx, "pct list", "pct")
	return err
}

// Versions are the versions of Proxmox's packages on the node, by name, as pveversion
// tells them there. A user who may run only pct gets an error.
func (n NodeSSH) Versions(ctx context.Context) (map[string]string, error) {
	out, err := n.probe(ctx, "pveversion --verbose", "pveversion")
	if err != nil {
		return nil, err
	}
	return versionsIn(out), nil
}

// versionsIn reads lines such as "pve-manager: 8.4.1 (running version: 8.4.1/2a5fa54a)".
func versionsIn(out string) map[string]string {
	versions := map[string]string{}
	for line := range strings.Lines(out) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		version, _, _ := strings.Cut(rest, " ")
		if ok && version != "" && version[0] >= '0' && version[0] <= '9' { // else "not correctly installed"
			versions[name] = version
		}
	}
	return versions
}

// maxProbe limits the output that is kept, in bytes.
const maxProbe = 64 << 10

// probe logs in to the node and runs one command there, as root.
func (n NodeSSH) probe(ctx context.Context, command, program string) (string, error) {
	d, _, err := n.dialer(ctx)
	if err != nil {
		return "", err
	}
	c, err := d.once(ctx, probePatience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	fail := func(k Kind, message, tail string, err error) error {
		return &Error{Kind: k, Transport: transports.Node, Message: "cannot run " + program + " on " + d.whom + message, Tail: tail, Err: err}
	}
	s, err := c.NewSession()
	if err != nil {
		return "", fail(Protocol, "", "", err)
	}
	var said tail
	out := &bounded{left: maxProbe}
	s.Stdout, s.Stderr = out, &said
	patience := time.AfterFunc(2*probePatience, func() { c.Close() }) // pct takes a second; a locked cluster file system holds it for ever
	defer patience.Stop()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	err = s.Run(onNode(d.user, command))
	switch text := strings.TrimSpace(said.String()); {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case strings.Contains(text, "sudo:"), strings.Contains(text, "please run as"):
		return "", fail(AuthRefused, " as "+d.user+": it needs root, or sudo without a password", text, nil)
	case strings.Contains(text, "not found"), strings.Contains(text, "No such file"):
		return "", fail(Protocol, ": it is no Proxmox VE node", text, nil)
	default:
		return "", fail(Protocol, "", text, err)
	}
}

// bounded keeps the first bytes that are written to it, and drops the others.
type bounded struct {
	bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n, _ := b.Buffer.Write(p[:min(len(p), b.left)])
	b.left -= n
	return len(p), nil
}
