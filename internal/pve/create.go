package pve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// CreateRequest is a container to create.
type CreateRequest struct {
	Spec        lxc.Spec
	Placement   *Placement
	Password    string   // for root, at least 5 characters; "" locks the account
	SSHKeys     []string // authorized_keys lines, beside Spec.SSHKeys
	Description string   // left out where Placement.MarkerAllowed is false
	MAC         string   // of eth0; "" makes one with NewMAC
	Watch       Watch    // reports the wait for the result of a request without an answer
	// Mine decides, after a request without an answer, whether it made the container that
	// has the id now. Without Mine it made a container with its MAC.
	Mine func(Seen) bool
}

// Created is a container whose create task is running.
type Created struct {
	CTID int
	UPID string // "" if the task was not found after a broken connection
	MAC  string
}

// ErrTaken is returned by claim to try the next id, for example because the catalogue has
// given this one to another run.
var ErrTaken = errors.New("the id is taken")

const (
	maxClaims = 200 // ids to try; one is lost each time another program creates a container meanwhile
	maxBreaks = 3   // connections that may break during one POST
)

// Create reserves an id by creating the container, because Proxmox has no other way. It
// calls claim with each id before its POST, so that the caller records the id first. If
// the id exists already, it tries the next one, unless the spec has the id. It repeats
// the POST if Proxmox could not get its lock; after a broken connection it repeats it
// only once it is known that the container does not exist. If it exists, r.Mine decides
// whether this request made it. The container is complete when the returned task has ended
// well (see Follow); it is not started.
func (c *Client) Create(ctx context.Context, r CreateRequest, claim func(ctid int) error) (Created, error) {
	if r.MAC == "" {
		r.MAC = NewMAC()
	}
	if r.Mine == nil {
		r.Mine = func(s Seen) bool { return s.Config.MAC == r.MAC }
	}
	ctid, last := r.Placement.CTID, 0
	if r.Spec.CTID != 0 {
		ctid = r.Spec.CTID
	}
	for range maxClaims {
		if ctid == 0 {
			next, err := c.nextID(ctx)
			if err != nil {
				return Created{}, err
			}
			ctid = max(next, last+1)
		}
		if r.Spec.CTID == 0 {
			ctid = c.claims.reserve(ctid)
		}
		made, err := c.createAs(ctx, r, ctid, claim)
		c.claims.release(ctid)
		if err == nil || r.Spec.CTID != 0 || !taken(err) {
			return made, err
		}
		last, ctid = ctid, 0
	}
	return Created{}, &Error{Kind: Refused, Op: "create container", Field: "ctid",
		Reason: fmt.Sprintf("every id tried, up to %d, was taken meanwhile", last)}
}

// createAs tries one id.
func (c *Client) createAs(ctx context.Context, r CreateRequest, ctid int, claim func(int) error) (Created, error) {
	op := fmt.Sprintf("create container %d", ctid)
	inUse := &Error{Kind: Refused, Op: op, Field: "ctid", Reason: fmt.Sprintf("the id %d is taken", ctid), Err: ErrTaken}
	if claim != nil {
		if err := claim(ctid); errors.Is(err, ErrTaken) {
			return Created{}, inUse
		} else if err != nil {
			return Created{}, err
		}
	}
	made := Created{CTID: ctid, MAC: r.MAC}
	node, body := r.Placement.Node, createParams(r, ctid)
	for breaks := 0; ; {
		err := unlocked(ctx, func() error {
			return c.begin(ctx, op, http.MethodPost, join("nodes", node, "lxc"), body, &made.UPID)
		})
		switch {
		case err == nil:
			return made, nil
		case ctx.Err() == nil && unclear(err):
			breaks++
		case breaks > 0 && taken(err): // perhaps made by the request whose answer was lost
		default:
			return made, err
		}
		seen, werr := c.AwaitShown(ctx, node, ctid, r.Watch)
		switch {
		case ctx.Err() != nil:
			return made, c.explain(ctx, op, ctx.Err())
		case werr != nil:
			return made, &Error{Kind: Unreachable, Op: op, Err: err, // no status: Proxmox's answer is not known
				Reason: "the connection broke, and whether the container was created could not be found out: " + werr.Error(),
				Hints:  []string{"look for it on the node: pct config " + strconv.Itoa(ctid)}}
		case seen.Config != nil && r.Mine(seen):
			made.UPID, _ = c.LastTask(ctx, node, ctid, "vzcreate") // without it the container exists, and its task cannot be followed
			return made, nil
		case seen.Config != nil:
			return made, inUse
		case breaks >= maxBreaks:
			return made, err
		}
	}
}

// taken reports whether an id is in use already ("CT 100 already exists on node 'pve1'"),
// even if its container is still being created.
func taken(err error) bool {
	var e *Error
	return errors.Is(err, ErrTaken) ||
		errors.As(err, &e) && e.Status == http.StatusInternalServerError && strings.Contains(e.Reason, "already exists on node")
}

// unclear reports whether a request without an answer may have been carried out: the
// connection broke after it was made, or a proxy gave up waiting (596: the operation
// continues).
func unclear(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return false
	}
	return e.Kind == Timeout || e.Kind == Unreachable && e.Status != 595
}

// nextID asks for the lowest free id. Asking does not reserve it.
func (c *Client) nextID(ctx context.Context) (int, error) {
	var id text
	err := c.get(ctx, "ask for a free container id", "/cluster/nextid", &id)
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Reason+e.Message, "unable to get any free VMID") {
		e.Field = "ctid"
		e.Hints = append(e.Hints, "say --ctid with an id outside of that range", "or widen the range: Next Free VMID Range in the options of the datacenter")
	}
	if err != nil {
		return 0, err
	}
	if n := id.int(); n >= lxc.MinCTID && n <= lxc.MaxCTID {
		return n, nil
	}
	return 0, &Error{Kind: Refused, Op: "ask for a free container id", Reason: "Proxmox answered " + strconv.Quote(clip(id.String()))}
}
