package provision

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// disksTimeout limits the look at the storages, because one of them may be slow.
const disksTimeout = 10 * time.Second

// disksAreOurs reports whether all disks with a half-made container's id may be removed
// with it. If a disk is older than the create task, it is not ours: it belongs to an
// earlier container of that id, or to another cluster that shares the storage.
func (r *Run) disksAreOurs(ctx context.Context, node string, ctid int, upid string) bool {
	began := pve.TaskStart(upid)
	if began.IsZero() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, disksTimeout)
	defer cancel()
	disks, err := r.host.PVE.Disks(ctx, node, ctid)
	if err != nil {
		return false
	}
	for _, d := range disks {
		if !d.Made.IsZero() && d.Made.Before(began) {
			return false
		}
	}
	return true
}

// nameDisksLeft warns about disks that remain after a container is gone, because the next
// container of that id would find them. The hint is the command that removes them. It
// does not warn if the id is in use again.
func (r *Run) nameDisksLeft(ctx context.Context, node string, ctid int) {
	ctx, cancel := context.WithTimeout(ctx, disksTimeout)
	defer cancel()
	disks, err := r.host.PVE.Disks(ctx, node, ctid)
	if err != nil || len(disks) == 0 {
		return
	}
	if _, err := r.host.PVE.Config(ctx, node, ctid); !pve.IsKind(err, pve.NotFound) {
		return
	}
	var names, frees []string
	for _, d := range disks {
		names = append(names, d.VolID)
		frees = append(frees, "pvesm free "+guest.Quote(d.VolID))
	}
	r.warn(fmt.Sprintf("container %d is gone, but its storage still has %s", ctid, strings.Join(names, ", ")),
		"if nothing else uses it, on the node: "+strings.Join(frees, "; "))
}
