package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/placement"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// begin creates a container of a fleet. If its node is gone, the container gets another one
// and is to be begun again: nothing of it was recorded.
func (r *fleetRun) begin(ctx context.Context, b *app, i int, u *unit) error {
	// The last answer about the node may be seconds old. The node may have failed since.
	err := r.app.shared.pve.Answers(ctx, r.nodeOf(u))
	var ready prepared
	if err == nil {
		ready, err = u.preflight(ctx, u.want.job)
	}
	if err == nil {
		defer r.settled(u)
		return u.make(ctx, ready)
	}
	if why := goneNode(err); why != "" {
		if moved, merr := r.move(ctx, b, i, u, why); merr != nil || moved {
			return merr
		}
	}
	r.settled(u)
	return err
}

// nodeOf is the node on which a container is to be made.
func (r *fleetRun) nodeOf(u *unit) string {
	r.moves.Lock()
	defer r.moves.Unlock()
	return orElse(u.placed, u.ready.placement.Node)
}

// settled notes that a container shows in what its node reports from now on.
func (r *fleetRun) settled(u *unit) {
	r.moves.Lock()
	defer r.moves.Unlock()
	if r.moves.created == nil {
		r.moves.created = map[string]bool{}
	}
	r.moves.created[u.name] = true
}

// goneNode is the reason if a check failed because its node is down or out of service; "" for
// any other error.
func goneNode(err error) string {
	var e *pve.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch {
	case e.Kind == pve.Refused && e.Field == "node":
		return "it is offline"
	case e.Status == 595 || e.Status == 596: // the node that answers cannot reach it
		return "it does not answer"
	}
	return ""
}

// move chooses another node for a container that was not begun. It returns errAgain, or false
// if there is no other one.
func (r *fleetRun) move(ctx context.Context, b *app, i int, u *unit, why string) (bool, error) {
	k, err := r.app.shared.pve.Cluster(ctx)
	if err != nil {
		return false, err
	}
	r.moves.Lock()
	defer r.moves.Unlock()
	from := orElse(u.placed, u.ready.placement.Node)
	want := r.world.Wants[u.name]
	for j := range k.Nodes {
		if k.Nodes[j].Name == from {
			k.Nodes[j].Online = false // what the cluster says of it may be older than what was met
		}
	}
	for _, s := range r.plan.Steps {
		if other := r.units[s.Name]; other != nil && other != u && !r.moves.created[s.Name] {
			placement.Take(k.Nodes, other.placed, r.world.Wants[s.Name])
		}
	}
	choice, err := placement.Choose(k.Nodes, want)
	if err != nil {
		return false, nil //nolint:nilerr // the error of the check says it
	}
	u.placed, u.why = choice.Node, fmt.Sprintf("%s; not %s: %s", choice.Why, from, why)
	b.note(fmt.Sprintf("moved from %s to %s: %s", from, choice.Node, why))
	return true, errAgain
}
