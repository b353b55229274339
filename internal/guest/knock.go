package guest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"
)

// knock tries to log in until it works, in steps of 10 ms to 250 ms. The
// deadline runs from the moment up is closed; only absence is waited out.
func knock(ctx context.Context, d *dialer, up <-chan struct{}, deadline time.Duration) (*ssh.Client, error) {
	wait, patience := 10*time.Millisecond, 300*time.Millisecond
	var limit <-chan time.Time
	for {
		if limit == nil && closed(up) {
			t := time.NewTimer(deadline)
			defer t.Stop()
			limit = t.C
		}
		c, err := d.once(ctx, patience)
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
		// A link slower than our patience would never answer in time.
		patience = min(patience*5/4, 5*time.Second)
	}
}

// late adds to the last absence how long was waited.
func late(err error, deadline time.Duration) error {
	var e *Error
	if errors.As(err, &e) {
		e.Message += fmt.Sprintf(" within %s", deadline.Round(100*time.Millisecond))
	}
	return err
}

// closed says that up is; nil counts as closed.
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
