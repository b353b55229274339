package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// The names under which this tool's own secrets are sealed. No credentials file
// can have them.
const (
	RootService      = "_root"      // the container's root password
	PastService      = "_past"      // the state of the record when a sync's snapshot was taken
	VariablesService = "_variables" // the template's secret variables, for resume; not credentials
)

// SaveServices replaces the recorded services of a container.
func (s *Store) SaveServices(ctx context.Context, recordID string, services []lxc.Service, discoveredAt time.Time) error {
	services = append([]lxc.Service{}, services...) // an empty list must not become null
	for i := range services {                       // after a downgrade an older program may have saved these
		services[i].CredentialKeys = lxc.CredentialKeys(services[i].CredentialKeys)
	}
	doc, err := json.Marshal(services)
	if err != nil {
		return err
	}
	return s.exec(ctx, `INSERT INTO services (record_id, discovered_at, doc) VALUES (?, ?, ?)
		ON CONFLICT (record_id) DO UPDATE SET discovered_at = excluded.discovered_at, doc = excluded.doc`,
		recordID, formatTime(discoveredAt), string(doc))
}

// Services returns the result of the last discovery and its time; nothing and the zero
// time if there was none.
func (s *Store) Services(ctx context.Context, recordID string) ([]lxc.Service, time.Time, error) {
	var doc, at string
	err := s.records.QueryRowContext(ctx, `SELECT doc, discovered_at FROM services WHERE record_id = ?`, recordID).Scan(&doc, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, s.wrap(err)
	}
	var found []lxc.Service
	if err := json.Unmarshal([]byte(doc), &found); err != nil {
		return nil, time.Time{}, fmt.Errorf("cannot read the services of record %s: %w", recordID, err)
	}
	for i := range found {
		found[i].CredentialKeys = lxc.CredentialKeys(found[i].CredentialKeys)
	}
	return found, parseTime(at), nil
}

// host, or of all if hostID is "". It needs one query for any number of containers.
func (s *Store) ServicesOf(ctx context.Context, hostID string) (map[string][]lxc.Service, error) {
	rows, err := s.records.QueryContext(ctx, `SELECT record_id, doc FROM services
		WHERE ? = '' OR record_id IN (SELECT id FROM containers WHERE host_id = ?)`, hostID, hostID)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	all := map[string][]lxc.Service{}
	for rows.Next() {
		var id, doc string
		if err := rows.Scan(&id, &doc); err != nil {
			return nil, s.wrap(err)
		}
		var found []lxc.Service
		if err := json.Unmarshal([]byte(doc), &found); err != nil {
			return nil, fmt.Errorf("cannot read the services of record %s: %w", id, err)
		}
		all[id] = found
	}
	return all, s.wrap(rows.Err())
}

// Sealed is one service's credentials: the names in clear text, the values in an envelope
// that only the vault can open.
type Sealed struct {
	RecordID string
	Service  string
	Keys     []string
	Envelope string
}

// SaveSealed replaces a service's credentials. sealed is the vault's envelope; the store
// never sees a value.
func (s *Store) SaveSealed(ctx context.Context, recordID, service string, keys []string, sealed string) error {
	args, err := sealedArgs(recordID, service, keys, sealed)
	if err != nil {
		return err
	}
	return s.tx(ctx, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, saveSealed, args...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, isRead, recordID, service)
		return err
	})
}

// isRead removes a sealed row from the list of rows that an older program may have read
// wrongly.
const isRead = `DELETE FROM unread WHERE record_id = ? AND service = ?`

const saveSealed = `INSERT INTO sealed (record_id, service, keys, envelope, updated_at) VALUES (?, ?, ?, ?, ?)
	ON CONFLICT (record_id, service) DO UPDATE SET keys = excluded.keys, envelope = excluded.envelope,
	updated_at = excluded.updated_at`

// sealedArgs are the arguments of saveSealed.
func sealedArgs(recordID, service string, keys []string, sealed string) ([]any, error) {
	if keys == nil {
		keys = []string{}
	}
	names, err := json.Marshal(keys)
	return []any{recordID, service, string(names), sealed, formatTime(time.Now())}, err
}

// Credentials lists a container's sealed rows by service name. They include the root
// password as RootService and the variables as VariablesService.
func (s *Store) Credentials(ctx context.Context, recordID string) ([]Sealed, error) {
	rows, err := s.records.QueryContext(ctx,
		`SELECT service, keys, envelope FROM sealed WHERE record_id = ? ORDER BY service`, recordID)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	var found []Sealed
	for rows.Next() {
		one := Sealed{RecordID: recordID}
		var names string
		if err := rows.Scan(&one.Service, &names, &one.Envelope); err != nil {
			return nil, s.wrap(err)
		}
		if err := json.Unmarshal([]byte(names), &one.Keys); err != nil {
			return nil, fmt.Errorf("cannot read the credentials of record %s: %w", recordID, err)
		}
		one.Keys = lxc.CredentialKeys(one.Keys) // an older program's names may still be here: see Upgrade
		found = append(found, one)
	}
	return found, s.wrap(rows.Err())
}

// HasSealed reports whether any sealed row exists. If so, a missing key must not be
// replaced by a new one.
func (s *Store) HasSealed(ctx context.Context) (bool, error) {
	var has bool
	err := s.records.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sealed) OR EXISTS (SELECT 1 FROM shared)`).Scan(&has)
	return has, s.wrap(err)
}
