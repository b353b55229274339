package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// onNodeTimeout bounds one command on the node; pct waits ten seconds for a lock.
const onNodeTimeout = 30 * time.Second

// Unlock takes a container's lock away on its node, which no API call can do.
// Whether the lock is stale is the caller's question. It is not retried.
func (n NodeSSH) Unlock(ctx context.Context, ctid int) error {
	_, err := n.command(ctx, fmt.Sprintf("unlock container %d", ctid), fmt.Sprintf("pct unlock %d", ctid), true)
	return err
}

// SetConfig sets one key of a container's configuration on its node, or removes it where
// value is "". It may set what the API keeps for root@pam. It is idempotent, and not retried.
func (n NodeSSH) SetConfig(ctx context.Context, ctid int, key, value string) error {
	line := fmt.Sprintf("pct set %d --%s %s", ctid, key, Quote(value))
	if value == "" {
		line = fmt.Sprintf("pct set %d --delete %s", ctid, key)
	}
	_, err := n.command(ctx, fmt.Sprintf("set %s of container %d", key, ctid), line, true)
	return err
}

// AddConfig sets a key that a container's configuration of that digest does not have; see
// pve.Client.AddConfig. changed reports that the configuration has another digest by now.
func (n NodeSSH) AddConfig(ctx context.Context, ctid int, key, value, digest string) (changed bool, err error) {
	line := fmt.Sprintf("pct set %d --%s %s --digest %s", ctid, key, Quote(value), Quote(digest))
	_, err = n.command(ctx, fmt.Sprintf("set %s of container %d", key, ctid), line, true)
	var e *Error
	return errors.As(err, &e) && strings.Contains(e.Tail, "detected modified configuration"), err
}

// Admin runs one command line of pveum on the node, as root. deed is what it does, for
// errors. It is not retried.
func (n NodeSSH) Admin(ctx context.Context, deed, line string) error {
	_, err := n.command(ctx, deed, line, true)
	return err
}

// Set makes settings of a container on its node, as `pct set` does: each is a key and its
// value. Made twice, they are the same. It is not retried.
func (n NodeSSH) Set(ctx context.Context, ctid int, settings [][2]string) error {
	line := fmt.Sprintf("pct set %d", ctid)
	for _, s := range settings {
		line += " --" + s[0] + " " + Quote(s[1])
	}
	_, err := n.command(ctx, fmt.Sprintf("set up container %d on the node", ctid), line, true)
	return err
}

// Missing returns the node's name, and those of the paths that it does not have.
func (n NodeSSH) Missing(ctx context.Context, paths []string) (name string, missing []string, err error) {
	script := "hostname; for p do [ -e \"$p\" ] || printf '%s\\n' \"$p\"; done"
	line := "sh -c " + Quote(script) + " sh"
	for _, p := range paths {
		line += " " + Quote(p)
	}
	said, err := n.command(ctx, "look at the node", line, false)
	if err != nil {
		return "", nil, err
	}
	name, rest, _ := strings.Cut(said, "\n")
	name, _, _ = strings.Cut(strings.TrimSpace(name), ".")
	return name, lines(strings.TrimSpace(rest)), nil
}

// command runs one command line on the node and returns its stdout. deed is what it does, for
// errors. A user who is not root uses sudo for a command that needs root.
func (n NodeSSH) command(ctx context.Context, deed, line string, root bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, onNodeTimeout)
	defer cancel()
	d, _, err := n.dialer(ctx)
	if err != nil {
		return "", err
	}
	c, err := d.once(ctx, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	sess, err := c.NewSession()
	if err != nil {
		return "", &Error{Kind: Dropped, Transport: transports.Node, Message: "cannot open a session on " + d.whom, Err: err}
	}
	defer sess.Close()
	var out bytes.Buffer
	var said tail
	sess.Stdout, sess.Stderr = &out, &said
	user := d.user
	if !root {
		user = "root" // which needs no sudo
	}
	err = sess.Run(onNode(user, line))
	var exit *ssh.ExitError
	program, _, _ := strings.Cut(line, " ")
	switch {
	case err == nil:
		return out.String(), nil
	case errors.As(err, &exit):
		return "", &Error{Kind: Failed, Transport: transports.Node, Tail: strings.TrimSpace(out.String() + "\n" + said.String()),
			Message: fmt.Sprintf("cannot %s: %s ended with exit status %d", deed, program, exit.ExitStatus())}
	}
	return "", &Error{Kind: Dropped, Transport: transports.Node, Message: "cannot " + deed, Err: err}
}

// LastWords are the last log lines of a container's unit on its node, without those of
// systemd itself; "" if it has none.
func (n NodeSSH) LastWords(ctx context.Context, ctid int) (string, error) {
	line := fmt.Sprintf("journalctl -b -q -n 10 -o cat --no-pager -u pve-container@%d.service", ctid)
	return n.command(ctx, "read the log of the container's unit", line, true)
}
