package survey

import (
	"context"
	"fmt"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// DestroySurvey is what there is to destroy.
type DestroySurvey struct {
	Gone      string   // why there is nothing on Proxmox to destroy; "": there is
	Snapshots []string // that would be lost, without the one of a failed sync
	Situation plan.Situation
}

// Destroy asks what there is to destroy and refuses a container that is protected, managed
// by Proxmox's high availability, locked by another task, or not made by this catalogue
// (unless foreign).
func (s Survey) Destroy(ctx context.Context, foreign bool) (DestroySurvey, error) {
	if s.Record.CTID == 0 {
		return DestroySurvey{Gone: "never created"}, nil
	}
	if err := s.may(ctx, "destroy", []string{"VM.Audit", "VM.Allocate"}, "VM.PowerMgmt"); err != nil {
		return DestroySurvey{}, err
	}
	found, err := s.Situation(ctx)
	if err != nil {
		return DestroySurvey{}, err
	}
	d := DestroySurvey{Situation: found}
	switch found.State {
	case plan.NotMade:
		d.Gone = "already gone: " + found.Why
		return d, nil
	case plan.Replaced:
		d.Gone = fmt.Sprintf("already gone: the id %d belongs to somebody else's container now", s.Record.CTID)
		return d, nil
	case plan.Vanished:
		d.Gone = "already gone"
		return d, nil
	case plan.InCreation, plan.HalfMade:
		return d, nil
	}
	if err := s.mayDestroy(ctx, found, foreign); err != nil {
		return DestroySurvey{}, err
	}
	d.Snapshots, err = s.losses(ctx, found.Node)
	return d, err
}

// mayDestroy names what forbids to destroy a complete container.
func (s Survey) mayDestroy(ctx context.Context, found plan.Situation, foreign bool) error {
	rec, cfg := s.Record, found.Config
	st, err := s.PVE.Status(ctx, found.Node, rec.CTID)
	if err != nil {
		return err
	}
	refuse := func(status int, why, hint string) error {
		return &Refusal{status: status, message: fmt.Sprintf("cannot destroy %s: %s", rec.Hostname, why), hints: []string{hint}}
	}
	switch made := ownership.MayDestroy(rec, cfg); {
	case cfg.Protection:
		return refuse(exit.Proxmox, "protection is on", fmt.Sprintf("on the node: pct set %d --protection 0", rec.CTID))
	case st.HA:
		return refuse(exit.Proxmox, "Proxmox's high availability looks after it", fmt.Sprintf("on the node: ha-manager remove ct:%d", rec.CTID))
	case cfg.Lock != "":
		return Locked("destroy", rec, cfg.Lock)
	case foreign:
	case made == ownership.MarkGone:
		return refuse(exit.Usage, "it does not carry this catalogue's mark any more: its description was changed", "say --foreign if you mean it")
	case made == ownership.NotMade:
		return refuse(exit.Usage, "this catalogue did not make it", "say --foreign if you mean it")
	}
	if st.Running {
		return s.may(ctx, "destroy", []string{"VM.Audit", "VM.Allocate", "VM.PowerMgmt"})
	}
	return nil
}

// losses are the snapshots that would be lost with a container. The one of a sync does not
// count.
func (s Survey) losses(ctx context.Context, node string) (names []string, err error) {
	own := s.Marks.Of(event.Deploying, plan.ItemSnapshot).Name
	list, err := s.PVE.Snapshots(ctx, node, s.Record.CTID)
	for _, snapshot := range list {
		if snapshot.Name != own {
			names = append(names, snapshot.Name)
		}
	}
	slices.Sort(names)
	return names, err
}

// may returns an error if the login lacks a privilege on the container.
func (s Survey) may(ctx context.Context, do string, privileges []string, optional ...string) error {
	return s.PVE.May(ctx, fmt.Sprintf("%s container %d", do, s.Record.CTID), s.Record.CTID, privileges, optional)
}
