package provision

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// disksTimeout bounds the look at the storages, one of which may be slow.
const disksTimeout = 10 * time.Second

// disksAreOurs reports whether the disks with a half-made container's id may all be
// removed with it. A disk that is older than its create task was made by somebody
// else: by an earlier container of that id, or by another cluster that shares the
// storage.
func (r *Run) disksAreOurs(ctx context.Context, node string, ctid int, upid string) bool {
	began := pve.TaskStart(upid)
	if began.IsZero() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, disksTimeout)
	defer cancel()
	disks, err := r.PVE.Disks(ctx, node, ctid)
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

// nameDisksLeft warns of the disks that are still there when a container is gone, with
// the command that removes them: the next container of that id would find them. It
// says nothing where the id is in use again.
func (r *Run) nameDisksLeft(ctx context.Context, node string, ctid int) {
	ctx, cancel := context.WithTimeout(ctx, disksTimeout)
	defer cancel()
	disks, err := r.PVE.Disks(ctx, node, ctid)
	if err != nil || len(disks) == 0 {
		return
	}
	if _, err := r.PVE.Config(ctx, node, ctid); !pve.IsKind(err, pve.NotFound) {
		return
	}
	var names, frees []string
	for _, d := range disks {
		names = append(names, d.VolID)
		frees = append(frees, "pvesm free "+guest.Quote(d.VolID))
	}
	r.warn(fmt.Sprintf("container %d is gone, and its storage still has %s", ctid, strings.Join(names, ", ")),
		"if nobody else uses that, on the node: "+strings.Join(frees, "; "))
}
