package store

import (
	"context"
	"database/sql"
)

// Unended returns the records that have a run without an end, in progress or killed: of
// one host, or of all if hostID is "". It needs one query for any number of containers.
func (s *Store) Unended(ctx context.Context, hostID string) (map[string]bool, error) {
	all := map[string]bool{}
	err := each(ctx, s.records, `SELECT DISTINCT record_id FROM runs WHERE ended_at IS NULL AND (? = '' OR record_id IN (SELECT id FROM containers WHERE host_id = ?))`,
		func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			all[id] = true
			return err
		}, hostID, hostID)
	return all, s.wrap(err)
}
