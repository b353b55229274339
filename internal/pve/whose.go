package pve

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Owner is whose a container is that a create asked for.
type Owner int

// What can be told of an id that was claimed for a create.
const (
	Nobody    Owner = iota // no container has it
	Ours                   // its MAC is the one that the create chose
	Theirs                 // its MAC is another
	Abandoned              // left by a create that died before its MAC showed: its owner cannot be found out
)

func (o Owner) String() string {
	return [...]string{"nobody's", "ours", "somebody else's", "abandoned"}[o]
}

// FindCreate tells what became of a create that was recorded before its request,
// by a process that is gone: whether the request was sent and arrived is not
// known. mac is the one that the request carried (CreateRequest.MAC). With Ours
// and Abandoned comes the newest create task of that id, to be followed whether
// it runs or not, "" if the login may not see it. One that is being created is
// waited for until its MAC shows or its task has died, 10 minutes at most
// (Timeout), which w is told; that there is none is believed after three looks in half a second.
func (c *Client) FindCreate(ctx context.Context, node string, ctid int, mac string, w Watch) (owner Owner, upid string, err error) {
	owner, err = c.whose(ctx, node, ctid, mac, w)
	if err != nil || owner != Ours && owner != Abandoned {
		return owner, "", err
	}
	upid, err = c.LastTask(ctx, node, ctid, "vzcreate")
	return owner, upid, err
}

// undecided is how long a container may be under creation before its MAC shows.
const undecided = 10 * time.Minute

// whose tells whether a container exists and is the one with that MAC. One under
// creation shows no MAC before its archive is unpacked: it is waited for, unless
// its task has ended and left it so.
func (c *Client) whose(ctx context.Context, node string, ctid int, mac string, w Watch) (Owner, error) {
	op := fmt.Sprintf("tell whose container %d is", ctid)
	waited := "" // for what, as far as that was said
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
			if missing++; missing == 3 { // the request may still be on its way to the worker
				return Nobody, nil
			}
		case err != nil && !bearable(err):
			return Nobody, err
		case err != nil:
			wait("Proxmox does not answer: " + err.Error())
		case err == nil && cfg.MAC == mac:
			return Ours, nil
		case err == nil && !cfg.Blank():
			return Theirs, nil
		case err == nil:
			upid := c.createEnded(ctx, node, ctid)
			if upid == "" {
				wait("it is still being created")
				break
			}
			// Seen twice: between the two looks it may just have ended well.
			if dead++; dead == 2 && TaskLogin(upid) != c.Login() {
				return Theirs, nil
			} else if dead == 2 {
				return Abandoned, nil
			}
		}
		if time.Since(began) > undecided {
			if err != nil {
				return Nobody, err
			}
			return Nobody, &Error{Kind: Timeout, Op: op, Reason: "it is still being created", Hints: []string{
				"try again once the task that creates it has ended, or stop that task; it is in: pvesh get /nodes/" + node + "/tasks --source active",
			}}
		}
		if err := sleep(ctx, max(pollPause(time.Since(began)), 200*time.Millisecond)); err != nil {
			return Nobody, err
		}
	}
}

// createEnded is the newest create task of a container, if it has ended. A task that
// cannot be looked at may well run.
func (c *Client) createEnded(ctx context.Context, node string, ctid int) string {
	upid, err := c.LastTask(ctx, node, ctid, "vzcreate")
	if err != nil || upid == "" {
		return ""
	}
	if running, _, err := c.TaskRunning(ctx, upid); err != nil || running {
		return ""
	}
	return upid
}

// LastTask finds the newest task of a type (vzstart, vzsnapshot, …) on a
// container, for one whose UPID was not recorded; "" if there is none or the
// login may not see it: a token sees its own alone. One that runs comes before
// all that have ended; among those the node's clock decides, should it have
// jumped wrongly.
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
		m := upidForm.FindStringSubmatch(t.UPID)
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
