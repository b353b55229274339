package store

import (
	"context"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// beginGrace is how long a process that has made a record may take to begin its run. After
// that, a record without any run belongs to a process that was killed.
const beginGrace = 5 * time.Second

// Working returns the run that is in progress on a container, nil if none is. A discovery
// does not count, because others may work on the container meanwhile. A new record without
// a run counts for a few seconds, because its process is about to begin the run; the run
// that is returned for it has no id.
func (s *Store) Working(ctx context.Context, c lxc.Container) (*Run, error) {
	runs, err := s.Runs(ctx, c.RecordID)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 && c.Lifecycle == lxc.Creating && time.Since(c.CreatedAt.Time) < beginGrace {
		return &Run{RecordID: c.RecordID, Kind: "create", StartedAt: c.CreatedAt}, nil
	}
	for _, r := range slices.Backward(runs) {
		if r.EndedAt == nil && r.Kind != Discover && s.alive(r) {
			return &r, nil
		}
	}
	return nil, nil
}
