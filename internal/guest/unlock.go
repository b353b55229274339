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
	err = sess.Run(onNode(d.user, fmt.Sprintf("pct unlock %d", ctid)))
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return &Error{Kind: Failed, Transport: transports.Node, Tail: said.String(),
			Message: fmt.Sprintf("cannot unlock container %d: pct ended with exit status %d", ctid, exit.ExitStatus())}
	}
	return &Error{Kind: Dropped, Transport: transports.Node, Message: fmt.Sprintf("cannot unlock container %d", ctid), Err: err}
}
