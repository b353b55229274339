package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Pruned counts what was removed, or would be removed.
type Pruned struct {
	Runs   int   `json:"runs"`
	Events int   `json:"events"` // rows; log lines do not count
	Bytes  int64 `json:"bytes"`  // of log files
}

// Prunable lists the runs of a record whose events and logs may be removed: they have
// ended, or died with their process, before that time, and some of it still exists. For a
// run without an end its start counts. A zero time means now.
func (s *Store) Prunable(ctx context.Context, recordID string, before time.Time) ([]Run, Pruned, error) {
	runs, err := s.Runs(ctx, recordID)
	if err != nil {
		return nil, Pruned{}, err
	}
	var found []Run
	var sum Pruned
	for _, r := range runs {
		at := r.StartedAt
		if r.EndedAt != nil {
			at = *r.EndedAt
		}
		if !before.IsZero() && !at.Time.Before(before) || s.RunAlive(ctx, r) {
			continue
		}
		left, err := s.weigh(ctx, r)
		if err != nil {
			return nil, Pruned{}, err
		}
		if left.Runs > 0 {
			found = append(found, r)
			sum.Add(left)
		}
	}
	return found, sum, nil
}

// Add adds to the sum.
func (p *Pruned) Add(more Pruned) {
	p.Runs += more.Runs
	p.Events += more.Events
	p.Bytes += more.Bytes
}

// weigh counts what exists of a run.
func (s *Store) weigh(ctx context.Context, r Run) (Pruned, error) {
	var p Pruned
	err := s.records.QueryRowContext(ctx, `SELECT count(*) FROM events WHERE run_id = ?`, r.ID).Scan(&p.Events)
	if err != nil {
		return p, s.wrap(err)
	}
	size, there, err := s.logs.size(ctx, r)
	if err != nil {
		return p, err
	}
	if there {
		p.Runs, p.Bytes = 1, size
	}
	if p.Events > 0 {
		p.Runs = 1
	}
	return p, nil
}

// Prune removes the events and the log files of the runs that Prunable has listed, one
// run after the other. It returns what it has removed even with an error, and may be
// repeated. It keeps the run's own record and every other record.
func (s *Store) Prune(ctx context.Context, runs []Run) (Pruned, error) {
	var sum Pruned
	for _, r := range runs {
		if s.RunAlive(ctx, r) {
			return sum, fmt.Errorf("cannot remove the events of run %s: it goes on", r.ID)
		}
		left, err := s.weigh(ctx, r)
		if err != nil {
			return sum, err
		}
		// Remove the rows first: after a kill in between, the run is listed again.
		err = s.tx(ctx, func(tx *Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE FROM events WHERE run_id = ?`, r.ID)
			return err
		})
		if err != nil {
			return sum, err
		}
		if err := s.logs.remove(ctx, r); err != nil {
			return sum, fmt.Errorf("cannot remove the log of the run: %w", err)
		}
		lock := s.livePath(r.RecordID, r.ID)
		if err := os.Remove(lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return sum, fmt.Errorf("cannot remove the log of the run: %w", plain(err))
		}
		os.Remove(filepath.Dir(lock)) // may fail if the folder holds files of other runs
		sum.Add(left)
	}
	// The database keeps its size and uses the free pages again. To shrink it, VACUUM
	// would have to lock out all other processes.
	s.checkpoint(ctx)
	return sum, nil
}
