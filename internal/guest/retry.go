package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// dialUntil tries to log in until it works, at intervals that grow from 10 ms to 250 ms. The
// deadline starts when up is closed. It retries only while sshd is absent or refuses
// connections for a while.
func dialUntil(ctx context.Context, d *dialer, up <-chan struct{}, deadline time.Duration, say func(string)) (*ssh.Client, error) {
	wait, patience := 10*time.Millisecond, 300*time.Millisecond
	var limit <-chan time.Time
	for {
		if limit == nil && closed(up) {
			t := time.NewTimer(deadline)
			defer t.Stop()
			limit = t.C
		}
		c, err := d.calmly(ctx, patience, say)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("cannot get into the guest: %w", ctx.Err())
		}
		if !absent(err) {
			return nil, err
		}
		select {
		case <-limit:
			return nil, late(err, deadline)
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot get into the guest: %w", ctx.Err())
		case <-time.After(wait):
		}
		wait = min(wait*3/2, 250*time.Millisecond)
		if met(err) {
			wait = min(4*wait, 2*time.Second)
		}
		// Be more patient: a slow link would never answer in time.
		patience = min(patience*5/4, 5*time.Second)
	}
}

// late adds the waiting time to the message of the last error.
func late(err error, deadline time.Duration) error {
	var e *Error
	if errors.As(err, &e) {
		e.Message += fmt.Sprintf(" within %s", deadline.Round(100*time.Millisecond))
	}
	return err
}

// closed reports whether up is closed; nil counts as closed.
func closed(up <-chan struct{}) bool {
	if up == nil {
		return true
	}
	select {
	case <-up:
		return true
	default:
		return false
	}
}

// met reports whether a connection was made and ended without a login. sshd counts these
// and refuses an address that has too many.
func met(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }

// busyPatience is how long an sshd may refuse this address. OpenSSH's shortest penalty is
// 15 s, and each connection in the meantime adds to it.
const (
	busyPatience = 3 * time.Minute
	busyPause    = time.Second
	busyPauses   = 30 * time.Second
)

// calmly is once for an sshd that may be busy: it tries again, after growing pauses.
func (d *dialer) calmly(ctx context.Context, patience time.Duration, say func(string)) (*ssh.Client, error) {
	began, wait := time.Now(), busyPause
	for {
		c, err := d.once(ctx, patience)
		if KindOf(err) != Busy || time.Since(began)+wait > busyPatience {
			return c, err
		}
		say(fmt.Sprintf("sshd of %s takes no connection for now; trying again in %s", d.whom, wait))
		if pause(ctx, wait) != nil {
			return nil, err
		}
		wait = min(2*wait, busyPauses)
	}
}
