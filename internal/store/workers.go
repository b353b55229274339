package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Worker is one process that runs jobs.
type Worker struct {
	ID          string   `json:"id"` // from NewRecordID
	Name        string   `json:"name"`
	Machine     string   `json:"machine"`
	User        string   `json:"user,omitempty"`
	PID         int      `json:"pid"`
	Version     string   `json:"version"`
	Format      int      `json:"format"` // the newest format of a job that it knows
	Concurrency int      `json:"concurrency"`
	Hosts       []string `json:"hosts"` // their names in its config
	State       string   `json:"state"` // running, stopping or stopped

	StartedAt lxc.Time `json:"startedAt"`
	SeenAt    lxc.Time `json:"seenAt"`
	Alive     bool     `json:"alive"` // it has shown a sign of life within the lease, and has not stopped
	Jobs      []string `json:"jobs"`  // that it runs
}

// The states of a worker.
const (
	WorkerRunning  = "running"
	WorkerStopping = "stopping"
	WorkerStopped  = "stopped"
)

// workersKept is how long a worker that is gone stays on record.
const workersKept = 7 * 24 * time.Hour

// SaveWorker records a worker, and shows a sign of life of it.
func (s *Store) SaveWorker(ctx context.Context, w Worker) error { return s.saveWorker(ctx, w) }

func (s *Store) saveWorker(ctx context.Context, w Worker) error {
	w.Jobs, w.Alive, w.SeenAt = nil, false, lxc.Time{}
	doc, err := json.Marshal(w)
	if err != nil {
		return err
	}
	_, err = s.changed(ctx, `INSERT INTO workers (id, doc, format, state, started_at, seen_at, beat) VALUES (?, ?, ?, ?, ?, ?, `+s.d.clock()+`)
		ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, state = excluded.state, seen_at = excluded.seen_at, beat = excluded.beat`,
		w.ID, withoutNUL(string(doc)), w.Format, w.State, formatTime(w.StartedAt.Time), formatTime(time.Now()))
	return s.wrap(err)
}

// ForgetWorkers removes workers from the record that are gone for a week.
func (s *Store) ForgetWorkers(ctx context.Context) error {
	return s.exec(ctx, fmt.Sprintf(`DELETE FROM workers WHERE beat < %s - %d`, s.d.clock(), workersKept.Milliseconds()))
}

// Workers lists the workers on record, oldest first.
func (s *Store) Workers(ctx context.Context) ([]Worker, error) {
	var found []Worker
	err := each(ctx, s.records, fmt.Sprintf(`SELECT doc, seen_at, beat > %s - %d FROM workers ORDER BY id`, s.d.clock(), leaseLimit().Milliseconds()), func(r *sql.Rows) error {
		var w Worker
		var doc, seen string
		if err := r.Scan(&doc, &seen, &w.Alive); err != nil {
			return err
		}
		alive := w.Alive
		if err := json.Unmarshal([]byte(doc), &w); err != nil {
			return fmt.Errorf("cannot read a worker's record: %w", err)
		}
		w.Alive, w.SeenAt, w.Jobs = alive && w.State != WorkerStopped, lxc.At(parseTime(seen)), []string{}
		found = append(found, w)
		return nil
	})
	if err != nil {
		return nil, s.wrap(err)
	}
	running, err := s.QueuedJobs(ctx, JobQuery{States: []JobState{JobRunning}})
	for _, j := range running {
		for i := range found {
			if found[i].ID == j.Worker {
				found[i].Jobs = append(found[i].Jobs, j.ID)
			}
		}
	}
	return found, err
}

// workerAlive is a condition for a row w of the table workers.
func (s *Store) workerAlive() string {
	return fmt.Sprintf(`w.state <> 'stopped' AND w.beat > %s - %d`, s.d.clock(), leaseLimit().Milliseconds())
}

// NewestFormat is the newest format of a job in the queue, or of a worker that is alive; 0 if
// there are none.
func (s *Store) NewestFormat(ctx context.Context) (format int, err error) {
	err = s.records.QueryRowContext(ctx, `SELECT coalesce(max(format), 0) FROM (
		SELECT format FROM queue WHERE state IN ('queued', 'running')
		UNION ALL SELECT format FROM workers w WHERE `+s.workerAlive()+`) AS known`).Scan(&format)
	return format, s.wrap(err)
}
