package guest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// onNodeTimeout bounds one command on the node; pct waits ten seconds for a lock.
const onNodeTimeout = 30 * time.Second

// Unlock takes a container's lock away on its node, which no API call can do.
// Whether the lock is stale is the caller's question. It is not retried.
func (n NodeSSH) Unlock(ctx context.Context, ctid int) error {
	return n.pct(ctx, fmt.Sprintf("unlock container %d", ctid), fmt.Sprintf("pct unlock %d", ctid))
}

// SetConfig sets one key of a container's configuration on its node, or removes it where
// value is "". It may set what the API keeps for root@pam. It is idempotent, and not retried.
func (n NodeSSH) SetConfig(ctx context.Context, ctid int, key, value string) error {
	command := fmt.Sprintf("pct set %d --%s %s", ctid, key, Quote(value))
	if value == "" {
		command = fmt.Sprintf("pct set %d --delete %s", ctid, key)
	}
	return n.pct(ctx, fmt.Sprintf("set %s of container %d", key, ctid), command)
}

// pct runs one short command on the node, as root. do says what it does, for errors.
func (n NodeSSH) pct(ctx context.Context, do, command string) error {
	ctx, cancel := context.WithTimeout(ctx, onNodeTimeout)
	defer cancel()
	d, _, err := n.dialer(ctx)
	if err != nil {
		return err
	}
	c, err := d.once(ctx, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	sess, err := c.NewSession()
	if err != nil {
		return &Error{Kind: Dropped, Transport: transports.Node, Message: "cannot open a session on " + d.whom, Err: err}
	}
	defer sess.Close()
	var said tail
	sess.Stdout, sess.Stderr = &said, &said
	err = sess.Run(onNode(d.user, command))
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return &Error{Kind: Failed, Transport: transports.Node, Tail: said.String(),
			Message: fmt.Sprintf("cannot %s: pct ended with exit status %d", do, exit.ExitStatus())}
	}
	return &Error{Kind: Dropped, Transport: transports.Node, Message: "cannot " + do, Err: err}
}
