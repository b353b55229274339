package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// Inside are the privileges on a container without which a transport cannot get into it.
// With auto another transport may work.
func Inside(transport string) []string {
	if transport == transports.API {
		return []string{pve.ConsolePrivilege}
	}
	return nil
}

// may returns an error if the login lacks a privilege on the container, before the first
// change, so that no command stops half-way.
func (r *Run) may(ctx context.Context, do string, privileges []string, optional ...string) error {
	return r.host.PVE.May(ctx, fmt.Sprintf("%s container %d", do, r.ctid), r.ctid, privileges, optional)
}

// mayGoOn checks the privileges for a resume or a sync, and for a look at what they would
// do.
func (r *Run) mayGoOn(ctx context.Context) error {
	if r.ctid == 0 {
		return nil
	}
	needs := slices.Concat([]string{"VM.Audit"}, Inside(r.host.SSH.Transport))
	switch {
	case r.verb != plan.Sync:
		return r.may(ctx, "go on with", append(needs, "VM.PowerMgmt"))
	case r.how.Snapshot == plan.SnapshotNever:
		return r.may(ctx, "sync", needs)
	}
	return r.may(ctx, "sync", needs, "VM.Snapshot") // whether a snapshot is needed is known later
}
