package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"time"
)

// Run is one execution of phases against one container.
type Run struct {
	ID        string    `json:"id"` // from NewRecordID
	RecordID  string    `json:"containerId"`
	Kind      string    `json:"kind"` // create, discover, resume, sync
	StartedAt time.Time `json:"startedAt"`
	// EndedAt and ExitStatus are nil while it goes on, and for ever where its
	// process was killed.
	EndedAt    *time.Time `json:"endedAt,omitempty"`
	ExitStatus *int       `json:"exitStatus,omitempty"`
	LogPath    string     `json:"-"` // filled by Runs; the file is there once something was logged
}

// BeginRun records that a run goes on. A zero StartedAt is now.
func (s *Store) BeginRun(ctx context.Context, r Run) error {
	if err := checkID(r.ID); err != nil {
		return err
	}
	if r.StartedAt.IsZero() {
		r.StartedAt = time.Now()
	}
	return s.exec(ctx, `INSERT INTO runs (id, record_id, kind, started_at) VALUES (?, ?, ?, ?)`,
		r.ID, r.RecordID, r.Kind, formatTime(r.StartedAt))
}

// EndRun records a run's end. Ending it twice keeps the first end.
func (s *Store) EndRun(ctx context.Context, id string, exitStatus int) error {
	return s.exec(ctx, `UPDATE runs SET ended_at = ?, exit_status = ? WHERE id = ? AND ended_at IS NULL`,
		formatTime(time.Now()), exitStatus, id)
}

// Runs lists a container's runs, oldest first.
func (s *Store) Runs(ctx context.Context, recordID string) ([]Run, error) {
	return s.runs(ctx, `record_id = ?`, recordID)
}

func (s *Store) runs(ctx context.Context, where, arg string) ([]Run, error) {
	rows, err := s.records.QueryContext(ctx, `SELECT id, record_id, kind, started_at, ended_at, exit_status
		FROM runs WHERE `+where+` ORDER BY started_at, id`, arg)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	var found []Run
	for rows.Next() {
		var r Run
		var started string
		var ended sql.NullString
		var status sql.NullInt64
		if err := rows.Scan(&r.ID, &r.RecordID, &r.Kind, &started, &ended, &status); err != nil {
			return nil, s.wrap(err)
		}
		r.StartedAt = parseTime(started)
		if ended.Valid {
			t, n := parseTime(ended.String), int(status.Int64)
			r.EndedAt, r.ExitStatus = &t, &n
		}
		r.LogPath = s.logPath(r.RecordID, r.ID)
		found = append(found, r)
	}
	return found, s.wrap(rows.Err())
}

// run finds one run.
func (s *Store) run(ctx context.Context, id string) (Run, error) {
	found, err := s.runs(ctx, `id = ?`, id)
	if err != nil {
		return Run{}, err
	}
	if len(found) == 0 {
		return Run{}, fmt.Errorf("cannot find run %s in the catalogue", id)
	}
	return found[0], nil
}

func (s *Store) logPath(recordID, runID string) string {
	return filepath.Join(s.dir, "logs", recordID, runID+".ndjson")
}
