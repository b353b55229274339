package pve

import (
	"context"
	"fmt"
	"time"
)

// asksHA reports what a task has asked the HA manager for, running or not; ok is false
// for a task that did its work itself.
func asksHA(upid string) (running, ok bool) {
	typ := taskType(upid)
	return typ == "hastart", typ == "hastart" || typ == "hastop"
}

// Settle waits until a container that the HA manager looks after runs, or does not, as
// the task that has ended well asked it to: such a task ends at once, and nothing has
// happened yet. After other tasks there is nothing to wait for. The manager may start
// the container on another node. It is Refused where that has not happened after most,
// or where the manager has given up.
func (c *Client) Settle(ctx context.Context, node string, ctid int, upid string, most time.Duration, w Watch) error {
	running, ok := asksHA(upid)
	if !ok {
		return nil
	}
	verb := map[bool]string{true: "start", false: "stop"}[running]
	w.waiting(fmt.Sprintf("waiting for the HA manager to %s container %d, which it was asked for; it works in rounds of 10 s", verb, ctid))
	failed := func(why string) error {
		return &Error{Kind: Refused, Op: fmt.Sprintf("%s container %d", verb, ctid), Reason: "the HA manager was asked to, and " + why,
			Hints: []string{"how it stands, on the node: ha-manager status"}}
	}
	for began := time.Now(); ; {
		st, err := c.Status(ctx, node, ctid)
		switch {
		case IsKind(err, NotFound): // it has been moved, or is being
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
