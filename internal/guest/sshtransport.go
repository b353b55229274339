package guest

import (
	"context"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshTransport opens links over one SSH connection, to the guest or to the node.
type sshTransport struct {
	common
	connect func(context.Context) (*ssh.Client, error) // one try
	command string
	around  func(boot string, old bool) string // command for another text of boot
	older   string                             // the command to use if old says that this one is not understood
	quick   string                             // a command for a second shell that starts faster but may fail; "": none
	old     func(*silence) bool                // nil: never
	mute    func(*silence) *Error              // why no agent answered
	alive   time.Duration

	beneath *sshTransport // the jump host's connection, if there is one

	mu     sync.Mutex
	client *ssh.Client
	closed bool
}

// open opens a link over the current connection, or over a new one.
func (o *sshTransport) open(ctx context.Context) (*link, error) {
	for {
		c, reused, err := o.connection(ctx)
		if err != nil {
			return nil, err
		}
		l, s := o.start(ctx, c)
		if s != nil && o.old != nil && o.old(s) {
			o.mu.Lock()
			o.command = o.older
			o.mu.Unlock()
			l, s = o.start(ctx, c)
		}
		if s == nil {
			o.counts.shells.Add(1)
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if s.status < 0 {
			o.forget(c)
			if reused {
				continue
			}
			return nil, o.fail(Dropped, "cannot start a shell in the guest", s.err)
		}
		return nil, o.mute(s)
	}
}

// openFast uses the command that starts faster, if there is one and it works.
func (o *sshTransport) openFast(ctx context.Context) (*link, error) {
	if o.quick != "" {
		if c, _, err := o.connection(ctx); err == nil {
			l, s := start(ctx, func(opened chan<- session) (*link, *silence) { return greet(c, o.quick, opened) })
			if s == nil {
				o.counts.shells.Add(1)
				return l, nil
			}
		}
	}
	return o.open(ctx)
}

func (o *sshTransport) start(ctx context.Context, c *ssh.Client) (*link, *silence) {
	return start(ctx, func(opened chan<- session) (*link, *silence) { return greet(c, o.line(), opened) })
}

func (o *sshTransport) line() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.command
}

// connection is the shared connection; reused if it was open already.
func (o *sshTransport) connection(ctx context.Context) (c *ssh.Client, reused bool, err error) {
	o.mu.Lock()
	c = o.client
	o.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	if c, err = o.connect(ctx); err != nil {
		return nil, false, err
	}
	o.use(c)
	return c, false, nil
}

// use makes c the shared connection and watches it.
func (o *sshTransport) use(c *ssh.Client) {
	o.counts.connections.Add(1)
	o.mu.Lock()
	if o.closed {
		c.Close()
	}
	o.client = c
	o.mu.Unlock()
	go o.watch(c)
}

// watch sends keepalive requests, as ssh does with ServerAliveInterval. Without an answer
// within two intervals it closes the connection, which ends everything that waits on it.
func (o *sshTransport) watch(c *ssh.Client) {
	defer o.forget(c)
	gone := make(chan struct{})
	go func() { _ = c.Wait(); close(gone) }()
	tick := time.NewTicker(o.alive)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			return
		case <-tick.C:
		}
		answer := make(chan error, 1)
		go func() {
			_, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
			answer <- err
		}()
		patience := time.NewTimer(2 * o.alive)
		select {
		case <-gone:
			patience.Stop()
			return
		case err := <-answer:
			patience.Stop()
			if err != nil {
				return
			}
		case <-patience.C:
			return
		}
	}
}

// forget closes c and lets the next open make another.
func (o *sshTransport) forget(c *ssh.Client) {
	o.mu.Lock()
	if o.client == c {
		o.client = nil
	}
	o.mu.Unlock()
	c.Close()
}

// reach is connection for a jump host.
func (o *sshTransport) reach(ctx context.Context) (*ssh.Client, error) {
	c, _, err := o.connection(ctx)
	return c, err
}

func (o *sshTransport) close() {
	o.mu.Lock()
	o.closed = true
	c := o.client
	o.client = nil
	o.mu.Unlock()
	if c != nil {
		c.Close()
	}
	if o.beneath != nil {
		o.beneath.close()
	}
}
