package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// archivesKept is how long a job that failed or was cancelled keeps its template for a retry.
const archivesKept = 30 * 24 * time.Hour

// NoArchive is the error for a template that the catalogue does not have, or not any more.
type NoArchive struct{ Digest string }

func (e *NoArchive) Error() string {
	return "the template that the job was queued with is not in the catalogue any more"
}

// keepArchive stores the archive of a template by its digest, unless it is there.
func keepArchive(ctx context.Context, tx *Tx, digest string, archive []byte) error {
	if digest == "" {
		return nil
	}
	var there int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM templates WHERE digest = ?`, digest).Scan(&there); err != nil || there > 0 {
		return err // it is not sent again for each container of a fleet
	}
	// As text, it is the same in both databases and on the way between them.
	_, err := tx.ExecContext(ctx, `INSERT INTO templates (digest, archive, created_at) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING`,
		digest, base64.StdEncoding.EncodeToString(archive), formatTime(time.Now()))
	return err
}

// Archive reads the archive of a template. The error is *NoArchive if it is not there. Anybody
// who can write to the catalogue may have replaced it.
func (s *Store) Archive(ctx context.Context, digest string) ([]byte, error) {
	var text string
	err := s.records.QueryRowContext(ctx, `SELECT archive FROM templates WHERE digest = ?`, digest).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &NoArchive{digest}
	}
	if err != nil {
		return nil, s.wrap(err)
	}
	archive, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the template %s of the catalogue: %w", digest, err)
	}
	return archive, nil
}

// dropArchives removes the templates that no job needs: none that waits or runs, and none that
// may be tried again.
func dropArchives(ctx context.Context, tx *Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM templates WHERE NOT EXISTS (
		SELECT 1 FROM queue q JOIN containers c ON c.id = q.record_id
		WHERE q.template = templates.digest AND q.template <> '' AND q.state <> 'done'
		AND (q.state IN ('queued', 'running') OR q.ended_at > ? AND c.status <> 'destroyed'))`, formatTime(time.Now().Add(-archivesKept)))
	return err
}
