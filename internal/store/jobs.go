package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// SaveJob records the job of a container for resume, and replaces an earlier one. It is
// on disk when SaveJob returns. doc must not contain a secret: secrets are sealed under
// VariablesService.
func (s *Store) SaveJob(ctx context.Context, recordID string, doc json.RawMessage) error {
	return s.exec(ctx, saveJob, recordID, string(doc), formatTime(time.Now()))
}

const saveJob = `INSERT INTO jobs (record_id, doc, updated_at) VALUES (?, ?, ?)
	ON CONFLICT (record_id) DO UPDATE SET doc = excluded.doc, updated_at = excluded.updated_at`

// Job returns the document that SaveJob wrote. It is nil if the container was adopted, or
// made by a version that kept no jobs.
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
