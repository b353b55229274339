package store

import (
	"database/sql"

	"github.com/jackc/pgx/v5"
)

// EngineSQLite opens a connection to the catalogue for the engine of the queue, which has
// tables of its own in it. Every transaction on it begins IMMEDIATE, and waits for others as
// the store's do. The caller closes it. It is nil for a catalogue in PostgreSQL.
func (s *Store) EngineSQLite() (*sql.DB, error) {
	d, ok := s.d.(lite)
	if !ok {
		return nil, nil
	}
	p, err := d.connect("NORMAL", s.busy)
	if err != nil {
		return nil, err
	}
	return p.DB, nil
}

// EnginePostgres is how the engine of the queue connects to the catalogue in PostgreSQL; nil
// for one in a file.
func (s *Store) EnginePostgres() *pgx.ConnConfig {
	d, ok := s.d.(*postgres)
	if !ok {
		return nil
	}
	return d.config.Copy()
}
