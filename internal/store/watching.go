package store

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// InProgress lists the runs that are in progress, on any machine, oldest first.
func (s *Store) InProgress(ctx context.Context) ([]Run, error) {
	open, err := s.runs(ctx, `ended_at IS NULL AND taken_by IS NULL AND id > ?`, "")
	if err != nil {
		return nil, err
	}
	var alive []Run
	for _, r := range open {
		if s.alive(r) {
			alive = append(alive, r)
		}
	}
	return alive, nil
}

// Begun lists the runs that began at a time or later, by the clocks of their machines.
func (s *Store) Begun(ctx context.Context, since time.Time) ([]Run, error) {
	return s.runs(ctx, `started_at >= ?`, formatTime(since))
}

// RunOf returns one run as it is now.
func (s *Store) RunOf(ctx context.Context, id string) (Run, error) { return s.run(ctx, id) }

// EventsAfter returns the events of a run that came after the one with number seq, without the
// output of scripts. It costs one statement, so that many runs can be watched.
func (s *Store) EventsAfter(ctx context.Context, runID string, seq int) ([]event.Event, error) {
	return s.rows(ctx, runID, seq+1)
}
