package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Resealer is a rotation of the vault's key.
type Resealer interface {
	// Reseal opens a sealed value and seals it with the new key. It returns a value
	// unchanged if the new key has sealed it.
	Reseal(recordID, service, envelope string) (string, error)
	// ResealRetired does the same for a retired key, if it can open it.
	ResealRetired(id, envelope string) string
	// Retired is the old key, sealed with the new one.
	Retired() (id, envelope string)
}

// CheckSealed tries a rotation on every sealed row and changes nothing. It returns the
// first error of the vault.
func (s *Store) CheckSealed(ctx context.Context, k Resealer) error {
	rows, err := sealedRows(ctx, s.records)
	if err != nil {
		return s.wrap(err)
	}
	for _, r := range rows {
		if _, err := k.Reseal(r.RecordID, r.Service, r.Envelope); err != nil {
			return err
		}
	}
	return nil
}

// Reseal re-seals every sealed row and every retired key, and keeps the old key as a
// retired one, all in one transaction. It returns how many rows changed, and may be
// repeated. Meanwhile other processes can read, and wait to write.
func (s *Store) Reseal(ctx context.Context, k Resealer) (int, error) {
	changed := 0
	err := s.tx(ctx, func(tx *Tx) error {
		changed = 0
		rows, err := sealedRows(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			envelope, err := k.Reseal(r.RecordID, r.Service, r.Envelope)
			if err != nil {
				return err
			}
			if envelope == r.Envelope {
				continue
			}
			changed++
			statement, at := `UPDATE sealed SET envelope = ? WHERE record_id = ? AND service = ?`, []any{envelope, r.RecordID, r.Service}
			if r.RecordID == SharedRecord {
				statement, at = `UPDATE shared SET envelope = ? WHERE name = ?`, []any{envelope, r.Service}
			}
			if _, err := tx.ExecContext(ctx, statement, at...); err != nil {
				return err
			}
		}
		return retire(ctx, tx, k)
	})
	if err != nil {
		return 0, err
	}
	s.checkpoint(ctx)
	return changed, nil
}

func retire(ctx context.Context, tx *Tx, k Resealer) error {
	keys := map[string]string{}
	err := each(ctx, tx, `SELECT id, envelope FROM retired_keys`, func(rows *sql.Rows) error {
		var id, envelope string
		err := rows.Scan(&id, &envelope)
		keys[id] = k.ResealRetired(id, envelope)
		return err
	})
	if err != nil {
		return err
	}
	old, envelope := k.Retired()
	keys[old] = envelope
	for id, envelope := range keys {
		if _, err := tx.ExecContext(ctx, `INSERT INTO retired_keys (id, envelope, retired_at) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET envelope = excluded.envelope`, id, envelope, formatTime(time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// RetiredKey returns a key that a rotation has replaced, sealed with its successor, for
// the vault to open; "" if there is none with that id. The vault calls it during Reseal,
// which holds s.records.
func (s *Store) RetiredKey(ctx context.Context, id string) (string, error) {
	var envelope string
	err := s.events.QueryRowContext(ctx, `SELECT envelope FROM retired_keys WHERE id = ?`, id).Scan(&envelope)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return envelope, s.wrap(err)
}

func sealedRows(ctx context.Context, q rowsQuerier) ([]Sealed, error) {
	var found []Sealed
	err := each(ctx, q, `SELECT record_id, service, envelope FROM sealed UNION ALL SELECT '`+SharedRecord+`', name, envelope FROM shared`, func(rows *sql.Rows) error {
		var r Sealed
		err := rows.Scan(&r.RecordID, &r.Service, &r.Envelope)
		found = append(found, r)
		return err
	})
	return found, err
}

// checkpoint copies the -wal file into the database and empties it, so that overwritten
// values are gone. It does not wait long: if a reader holds it up, a later checkpoint
// does the work.
func (s *Store) checkpoint(ctx context.Context) {
	d, ok := s.d.(lite)
	if !ok {
		return
	}
	db, err := d.connect("FULL", min(s.busy, time.Second))
	if err != nil {
		return
	}
	defer db.Close()
	_, _ = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
}
