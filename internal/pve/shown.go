package pve

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Seen is what Proxmox shows of an id for which a container was requested. It is a fact,
// not an answer to whose the container is.
type Seen struct {
	Config *Config // nil: no container has the id
	// Left is the newest create task of that id, if it has ended and left a container
	// that shows nothing of its owner. Exit is its exit status.
	Left, Exit string
}

// undecided is how long a container may be under creation before its MAC shows.
const undecided = 10 * time.Minute

// AwaitShown waits until a requested container shows whose it is. While it is created, it
// has no MAC before its archive is unpacked. The wait ends when the configuration shows
// something, when no container has the id in three looks within half a second (the request
// may still be on its way to the worker), or when the newest create task has ended and left
// nothing to see. After 10 minutes it ends with a Timeout. w is told of the wait.
func (c *Client) AwaitShown(ctx context.Context, node string, ctid int, w Watch) (Seen, error) {
	waited := "" // the reason that was reported last
	wait := func(why string) {
		if why != waited {
			w.waiting(fmt.Sprintf("waiting to see whose container %d is: %s", ctid, why))
		}
		waited = why
	}
	began, missing, dead := time.Now(), 0, 0
	for {
		cfg, err := c.Config(ctx, node, ctid)
		switch {
		case IsKind(err, NotFound):
			if missing++; missing == 3 {
				return Seen{}, nil
			}
		case err != nil && !bearable(err):
			return Seen{}, err
		case err != nil:
			wait("Proxmox does not answer: " + err.Error())
		case !cfg.Blank():
			return Seen{Config: &cfg}, nil
		default:
			upid, exit := c.createEnded(ctx, node, ctid)
			if upid == "" {
				wait("it is still being created")
				break
			}
			// Two looks: the task may have ended well after the configuration was read.
			if dead++; dead == 2 {
				return Seen{Config: &cfg, Left: upid, Exit: exit}, nil
			}
		}
		if time.Since(began) > undecided {
			if err == nil {
				err = undecidedError(node, ctid)
			}
			return Seen{}, err
		}
		if err := sleep(ctx, max(pollPause(time.Since(began)), 200*time.Millisecond)); err != nil {
			return Seen{}, err
		}
	}
}

func undecidedError(node string, ctid int) error {
	return &Error{Kind: Timeout, Op: fmt.Sprintf("tell whose container %d is", ctid), Reason: "it is still being created", Hints: []string{
		"try again once the task that creates it has ended, or stop that task; it is in: pvesh get /nodes/" + node + "/tasks --source active",
	}}
}

// createEnded returns the newest create task of a container and its exit status if it has
// ended, else "". A task that the login cannot look at may still run.
func (c *Client) createEnded(ctx context.Context, node string, ctid int) (upid, exit string) {
	upid, err := c.LastTask(ctx, node, ctid, "vzcreate")
	if err != nil || upid == "" {
		return "", ""
	}
	running, exit, err := c.TaskRunning(ctx, upid)
	if err != nil || running {
		return "", ""
	}
	return upid, exit
}

// LastTask finds the newest task of a type (vzstart, vzsnapshot, …) on a container, for a
// task whose UPID was not recorded. It returns "" if there is none or if the login may not
// see it: a token sees its own tasks alone. A running task comes before all that have
// ended. Among those the node's clock decides, even if it was set wrong for a time.
func (c *Client) LastTask(ctx context.Context, node string, ctid int, typ string) (upid string, err error) {
	var tasks []struct {
		UPID  string `json:"upid"`
		Start text   `json:"starttime"`
		End   text   `json:"endtime"`
	}
	op := fmt.Sprintf("list the tasks of container %d", ctid)
	query := "?source=all&limit=20&typefilter=" + typ + "&vmid=" + strconv.Itoa(ctid)
	if err := c.get(ctx, op, join("nodes", node, "tasks")+query, &tasks); err != nil {
		return "", err
	}
	newest, runs := -1, false
	for _, t := range tasks { // the newest first, as far as starts differ by a second
		m := upidForm().FindStringSubmatch(t.UPID)
		if m == nil || m[5] != typ || m[6] != strconv.Itoa(ctid) {
			continue
		}
		alive := t.End == ""
		if alive && !runs || alive == runs && t.Start.int() > newest {
			upid, newest, runs = t.UPID, t.Start.int(), alive
		}
	}
	return upid, nil
}
