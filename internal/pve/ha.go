package pve

import (
	"context"
	"fmt"
	"time"
)

// asksHA reports whether a task has only asked the HA manager for a state, and whether in
// that state the container runs. ok is false for a task that did its work itself.
func asksHA(upid string) (running, ok bool) {
	typ := taskType(upid)
	return typ == "hastart", typ == "hastart" || typ == "hastop"
}

// Settle waits until the HA manager has started or stopped a container, as a task has
// asked it to: such a task ends well at once, before anything has happened. After any
// other task Settle returns immediately. The manager may start the container on another
// node. Settle returns Refused if the state is not reached within most, or if the manager
// reports an error.
func (c *Client) Settle(ctx context.Context, node string, ctid int, upid string, most time.Duration, w Watch) error {
	running, ok := asksHA(upid)
	if !ok {
		return nil
	}
	verb := map[bool]string{true: "start", false: "stop"}[running]
	w.waiting(fmt.Sprintf("waiting for the HA manager to %s container %d, which it was asked for; it works in rounds of 10 s", verb, ctid))
	failed := func(why string) error {
		return &Error{Kind: Refused, Op: fmt.Sprintf("%s container %d", verb, ctid), Reason: "the HA manager was asked to, and " + why,
			Hints: []string{"to see its state, on the node: ha-manager status"}}
	}
	for began := time.Now(); ; {
		st, err := c.Status(ctx, node, ctid)
		switch {
		case IsKind(err, NotFound): // it was moved, or is being moved
			if now, _, findErr := c.Find(ctx, ctid); findErr == nil {
				node = now
			}
		case err != nil && !bearable(err):
			return err
		case err == nil && st.Running == running:
			return nil
		case err == nil && st.HAState == "error":
			return failed("says error")
		}
		if time.Since(began) > most {
			return failed(fmt.Sprintf("has not done so after %s", most))
		}
		if err := sleep(ctx, max(pollPause(time.Since(began)), 200*time.Millisecond)); err != nil {
			return c.explain(ctx, fmt.Sprintf("%s container %d", verb, ctid), err)
		}
	}
}
