package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// Inside are the privileges on a container without which a transport has no way
// into it. With auto there may be another.
func Inside(transport string) []string {
	if transport == "api" {
		return []string{pve.ConsolePrivilege}
	}
	return nil
}

// may refuses what the login may not do to the container, before anything is done to
// it: half of a command is worse than none.
func (r *Run) may(ctx context.Context, do string, privileges []string, optional ...string) error {
	return r.PVE.May(ctx, fmt.Sprintf("%s container %d", do, r.CTID), r.CTID, privileges, optional)
}

// mayGoOn is about what a resume, a sync or a look at what either would do needs.
func (r *Run) mayGoOn(ctx context.Context) error {
	if r.CTID == 0 {
		return nil
	}
	needs := slices.Concat([]string{"VM.Audit"}, Inside(r.SSH.Transport))
	switch {
	case !r.renewing:
		return r.may(ctx, "go on with", append(needs, "VM.PowerMgmt"))
	case r.Renewal.Snapshot == SnapshotNever:
		return r.may(ctx, "sync", needs)
	}
	return r.may(ctx, "sync", needs, "VM.Snapshot") // whether it is wanted is known later
}
