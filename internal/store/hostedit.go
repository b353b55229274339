package store

import (
	"context"
)

// RenameHost gives a host on record another name. Its records follow, because they name it
// by its id. The old name is forgotten, so that another host may have it.
func (s *Store) RenameHost(ctx context.Context, id, name string) error {
	return s.tx(ctx, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM host_facts WHERE host_id = ? AND kind = ?`, id, factName); err != nil {
			return err
		}
		return putFacts(ctx, tx, Host{ID: id, Name: name}, Facts{Name: name})
	})
}

// ForgetHost takes a host off the record and returns true, unless a container names it,
// even a destroyed one.
func (s *Store) ForgetHost(ctx context.Context, id string) (forgotten bool, err error) {
	err = s.tx(ctx, func(tx *Tx) error {
		var used bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM containers WHERE host_id = ?)`, id).Scan(&used); err != nil || used {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM host_facts WHERE host_id = ?`, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM hosts WHERE id = ?`, id)
		forgotten = err == nil
		return err
	})
	return forgotten, err
}
