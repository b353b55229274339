package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// SaveJob writes what a container was asked to be, for resume, replacing what was
// known. It is on the disk when SaveJob returns. doc must hold no secret: those
// are sealed, as VariablesService.
func (s *Store) SaveJob(ctx context.Context, recordID string, doc json.RawMessage) error {
	return s.exec(ctx, saveJob, recordID, string(doc), formatTime(time.Now()))
}

const saveJob = `INSERT INTO jobs (record_id, doc, updated_at) VALUES (?, ?, ?)
	ON CONFLICT (record_id) DO UPDATE SET doc = excluded.doc, updated_at = excluded.updated_at`

// Job returns what SaveJob wrote, nil where there is none: the container was
// adopted, or made by a version that kept no jobs.
func (s *Store) Job(ctx context.Context, recordID string) (json.RawMessage, error) {
	var doc string
	err := s.records.QueryRowContext(ctx, `SELECT doc FROM jobs WHERE record_id = ?`, recordID).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.wrap(err)
	}
	return json.RawMessage(doc), nil
}
