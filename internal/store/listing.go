package store

import (
	"context"
	"encoding/json"
)

// Unended returns the records that have a run without an end, in progress or killed: of
// one host, or of all if hostID is "". It needs one query for any number of containers.
func (s *Store) Unended(ctx context.Context, hostID string) (map[string]bool, error) {
	all := map[string]bool{}
	err := s.pairs(ctx, `SELECT DISTINCT record_id, '' FROM runs WHERE ended_at IS NULL AND (? = '' OR record_id IN (SELECT id FROM containers WHERE host_id = ?))`,
		hostID, func(id, _ string) { all[id] = true })
	return all, err
}

// Jobs returns the documents that SaveJob wrote, by record id: of one host, or of all if
// hostID is "".
func (s *Store) Jobs(ctx context.Context, hostID string) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	err := s.pairs(ctx, `SELECT record_id, doc FROM jobs WHERE ? = '' OR record_id IN (SELECT id FROM containers WHERE host_id = ?)`,
		hostID, func(id, doc string) { all[id] = json.RawMessage(doc) })
	return all, err
}

// pairs reads the rows of a query for a host, which has two columns of text.
func (s *Store) pairs(ctx context.Context, query, hostID string, add func(a, b string)) error {
	rows, err := s.records.QueryContext(ctx, query, hostID, hostID)
	if err != nil {
		return s.wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return s.wrap(err)
		}
		add(a, b)
	}
	return s.wrap(rows.Err())
}
