package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// SharedRecord takes the place of a record id when a secret of the whole catalogue is sealed.
// No record can have this id.
const SharedRecord = "/shared"

// Shared is a secret of the whole catalogue. The store sees no value.
type Shared struct {
	Name     string
	Envelope string // sealed for SharedRecord and the name
	Public   string // what may be seen of it
}

// SharedSecret returns the secret of that name, nil if there is none.
func (s *Store) SharedSecret(ctx context.Context, name string) (*Shared, error) {
	one := &Shared{Name: name}
	err := s.records.QueryRowContext(ctx, `SELECT envelope, public FROM shared WHERE name = ?`, name).Scan(&one.Envelope, &one.Public)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return one, s.wrap(err)
}

// KeepShared keeps a secret unless there is one of its name, and returns the one that is kept.
func (s *Store) KeepShared(ctx context.Context, one Shared) (*Shared, error) {
	err := s.exec(ctx, `INSERT INTO shared (name, envelope, public, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
		one.Name, one.Envelope, one.Public, formatTime(time.Now()))
	if err != nil {
		return nil, err
	}
	return s.SharedSecret(ctx, one.Name)
}

// IsShared reports whether other machines use this catalogue too.
func (s *Store) IsShared() bool { return s.shared() }
