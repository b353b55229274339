package guest

import (
	"context"
	"time"

	"golang.org/x/crypto/ssh"
)

// DialServer logs in to an SSH server that is neither a node nor a guest, as ssh would: with
// the settings of ~/.ssh/config, the keys of the agent, and known_hosts. A host key that is
// not known is refused. whom is what the server is, for messages. An empty user and port 0
// are for the settings. The error is an *Error.
func DialServer(ctx context.Context, whom, user, host string, port int) (*ssh.Client, error) {
	return NodeSSH{Host: host, Port: port, User: user, hop: true, whom: whom}.login(ctx)
}

func (n NodeSSH) login(ctx context.Context) (*ssh.Client, error) {
	d, _, err := n.dialerBy(ctx, 0)
	if err != nil {
		return nil, err
	}
	return d.once(ctx, 10*time.Second)
}
