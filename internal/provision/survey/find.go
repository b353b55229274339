package survey

import (
	"context"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// FindRunning finds a running container by its id, on whatever node it is, and refuses one
// that is not the container on record. The node is filled in as soon as it is known, also
// with an error.
func (s Survey) FindRunning(ctx context.Context) (found plan.Situation, err error) {
	ctid := s.Record.CTID
	found.Node, _, err = s.PVE.Find(ctx, ctid)
	if pve.IsKind(err, pve.NotFound) {
		// A list leaves out what the login may not see. A question by id says why.
		found.Node, _, err = s.PVE.Locate(ctx, s.Record.Node, ctid)
	}
	if err != nil {
		found.Node = ""
		if pve.IsKind(err, pve.NotFound) {
			err = Lost("look inside", s.Record, s.Command)
		}
		return found, err
	}
	st, err := s.PVE.Status(ctx, found.Node, ctid)
	if err != nil {
		return found, err
	}
	if !st.Running {
		name := s.Record.Hostname // the commands here know this name, not the one that Proxmox may have
		return found, &Refusal{
			status:  exit.Unreachable,
			message: fmt.Sprintf("cannot look inside container %d (%s): it is not running", ctid, name),
			hints:   []string{s.Command("start", name)},
		}
	}
	if found.Config, err = s.PVE.Config(ctx, found.Node, ctid); err != nil {
		return found, err
	}
	if !ownership.Of(s.Record, &found.Config).Mine() {
		return found, NotOurs(s.Record, found.Node, s.Command)
	}
	found.State, found.Running = plan.There, true
	return found, nil
}
