package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Filter selects containers. An empty HostID selects every host.
type Filter struct {
	HostID           string
	IncludeDestroyed bool
}

// CreateContainer writes a new record. c.RecordID comes from NewRecordID, and c.HostID
// from MeetHost; "" means the host of that name. Zero times are set to now.
//
// A hostname that another living record of the same host has is refused with *NameTaken.
// An adopted container may have such a name, because Proxmox allows two containers of one
// name. It is refused with *OnRecord if a living record of the host has its ctid: two
// commands may adopt it at the same time.
func (s *Store) CreateContainer(ctx context.Context, c lxc.Container) error {
	return s.createContainer(ctx, c, func(*Tx) error { return nil })
}

// CreateWithJob is CreateContainer, SaveSealed and SaveJob in one transaction. So every
// record has its job, whenever its process dies.
func (s *Store) CreateWithJob(ctx context.Context, c lxc.Container, variables Sealed, job json.RawMessage) error {
	return s.createContainer(ctx, c, func(tx *Tx) error {
		return putJob(ctx, tx, c.RecordID, variables, job)
	})
}

func putJob(ctx context.Context, tx *Tx, recordID string, variables Sealed, job json.RawMessage) error {
	args, err := sealedArgs(recordID, variables.Service, variables.Keys, variables.Envelope)
	if err == nil {
		_, err = tx.ExecContext(ctx, saveSealed, args...)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, saveJob, recordID, string(job), formatTime(time.Now()))
	}
	return err
}

func (s *Store) createContainer(ctx context.Context, c lxc.Container, also func(*Tx) error) error {
	if err := checkID(c.RecordID); err != nil {
		return err
	}
	now := lxc.At(time.Now())
	if c.CreatedAt.IsZero() {
		c.CreatedAt = now
	}
	c.UpdatedAt = now
	return s.tx(ctx, func(tx *Tx) error {
		column, value := "hostname", any(strings.ToLower(c.Hostname))
		if c.Adopted {
			column, value = s.d.ctid(), c.CTID
		}
		taken, err := query(ctx, tx, `WHERE host_id = ? AND `+column+` = ? AND status <> ? LIMIT 1`, c.HostID, value, string(lxc.Destroyed))
		switch {
		case err != nil:
			return err
		case len(taken) > 0 && taken[0].RecordID == c.RecordID:
			return nil // the answer to the first attempt was lost with its connection
		case len(taken) > 0 && c.Adopted:
			return &OnRecord{Existing: taken[0]}
		case len(taken) > 0:
			return &NameTaken{Existing: taken[0]}
		}
		doc, err := document(c)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO containers (id, doc, host_id) VALUES (?, ?, nullif(?, ''))`, c.RecordID, doc, c.HostID); err != nil {
			return err
		}
		return also(tx)
	})
}

// document is the JSON of a record's row, without the record's host.
func document(c lxc.Container) (string, error) {
	c.HostID = ""
	doc, err := json.Marshal(c)
	return withoutNUL(string(doc)), err
}

// withoutNUL removes from a JSON document the character that PostgreSQL cannot keep. Only
// texts from a guest or from Proxmox could have it.
func withoutNUL(doc string) string {
	if !strings.Contains(doc, `\u0000`) {
		return doc
	}
	var held any
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.UseNumber()
	if dec.Decode(&held) != nil {
		return doc
	}
	clean, err := json.Marshal(texts(held, func(text string) string { return strings.ReplaceAll(text, "\x00", "") }))
	if err != nil {
		return doc
	}
	return string(clean)
}

// UpdateContainerIn is UpdateContainer for a run. It returns *Taken if another run has taken
// that one over.
func (s *Store) UpdateContainerIn(ctx context.Context, runID, recordID string, change func(*lxc.Container) error) (lxc.Container, error) {
	return s.updateContainer(ctx, runID, recordID, change)
}

// UpdateContainer reads a record, lets change alter it and writes it back, in one
// transaction, and returns the record as written. change must not use the store. Only
// MeetHost changes the host. If change returns an error, the record stays as it was and
// the error is returned unchanged.
func (s *Store) UpdateContainer(ctx context.Context, recordID string, change func(*lxc.Container) error) (lxc.Container, error) {
	return s.updateContainer(ctx, "", recordID, change)
}

func (s *Store) updateContainer(ctx context.Context, runID, recordID string, change func(*lxc.Container) error) (lxc.Container, error) {
	var c lxc.Container
	err := s.tx(ctx, func(tx *Tx) error {
		if runID != "" {
			if err := takenIn(ctx, tx, runID, s.beating()); err != nil {
				return err
			}
		}
		found, err := query(ctx, tx, `WHERE id = ?`, recordID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("cannot update record %s: the catalogue has no such record", recordID)
		}
		c = found[0]
		if err := change(&c); err != nil {
			return err
		}
		c.RecordID = recordID
		c.UpdatedAt = lxc.At(time.Now())
		doc, err := document(c)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE containers SET doc = ? WHERE id = ?`, doc, recordID)
		return err
	})
	return c, err
}

// Containers lists records, oldest first.
func (s *Store) Containers(ctx context.Context, f Filter) ([]lxc.Container, error) {
	found, err := query(ctx, s.records, `WHERE (? = '' OR host_id = ?) AND (? OR status <> ?) ORDER BY id`,
		f.HostID, f.HostID, f.IncludeDestroyed, string(lxc.Destroyed))
	return found, s.wrap(err)
}

// Named returns the living record of a hostname on the host with the id hostID; nil if there is
// none. Of several it is the oldest: adopted containers may have the name of another.
func (s *Store) Named(ctx context.Context, hostID, hostname string) (*lxc.Container, error) {
	found, err := query(ctx, s.records, named, hostID, strings.ToLower(hostname), string(lxc.Destroyed))
	if err != nil || len(found) == 0 {
		return nil, s.wrap(err)
	}
	return &found[0], nil
}

const named = `WHERE host_id = ? AND hostname = ? AND status <> ? ORDER BY id`

// Addressed returns the living records with an address on the host with the id hostID, oldest
// first. The address is in the form that records have, which netip.Addr writes.
func (s *Store) Addressed(ctx context.Context, hostID, address string) ([]lxc.Container, error) {
	found, err := query(ctx, s.records, `WHERE host_id = ? AND address = ? AND status <> ? ORDER BY id`, hostID, address, string(lxc.Destroyed))
	return found, s.wrap(err)
}

// Find resolves a ctid, a hostname or a record id on the host with the id hostID. It
// prefers a living record to destroyed ones. Errors: *NotFound, *Ambiguous.
func (s *Store) Find(ctx context.Context, hostID, ref string) (lxc.Container, error) {
	ctid, err := strconv.Atoi(ref)
	if err != nil || ctid <= 0 {
		ctid = -1 // records without a ctid have 0
	}
	// Each alternative names the host, so that each uses an index: one condition for all would
	// read every record of the host.
	found, err := query(ctx, s.records, `WHERE host_id = ? AND id = ? OR host_id = ? AND hostname = ? OR host_id = ? AND `+s.d.ctid()+` = ? ORDER BY id`,
		hostID, strings.ToUpper(ref), hostID, strings.ToLower(ref), hostID, ctid)
	if err != nil {
		return lxc.Container{}, s.wrap(err)
	}
	return choose(ref, found)
}

// Record reads one record by its id.
func (s *Store) Record(ctx context.Context, recordID string) (lxc.Container, error) {
	found, err := query(ctx, s.records, `WHERE id = ?`, recordID)
	if err == nil && len(found) == 0 {
		return lxc.Container{}, &NotFound{Ref: recordID}
	}
	if err != nil {
		return lxc.Container{}, s.wrap(err)
	}
	return found[0], nil
}

func choose(ref string, found []lxc.Container) (lxc.Container, error) {
	var alive []lxc.Container
	for _, c := range found {
		if strings.EqualFold(c.RecordID, ref) {
			return c, nil
		}
		if c.Lifecycle != lxc.Destroyed {
			alive = append(alive, c)
		}
	}
	if len(alive) > 0 {
		found = alive
	}
	switch len(found) {
	case 0:
		return lxc.Container{}, &NotFound{Ref: ref}
	case 1:
		return found[0], nil
	}
	return lxc.Container{}, &Ambiguous{Ref: ref, Candidates: found}
}

func query(ctx context.Context, q rowsQuerier, where string, args ...any) ([]lxc.Container, error) {
	names, err := hostNames(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, `SELECT doc, coalesce(host_id, '') FROM containers `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []lxc.Container
	for rows.Next() {
		var doc, hostID string
		if err := rows.Scan(&doc, &hostID); err != nil {
			return nil, err
		}
		var c lxc.Container
		if err := decodeContainer(doc, &c); err != nil {
			return nil, err
		}
		if c.HostID = hostID; names[hostID] != "" {
			c.Host = names[hostID]
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

// hostNames returns the present name of every host by its id.
func hostNames(ctx context.Context, q rowsQuerier) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, name FROM hosts`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[string]string{}
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		names[id] = name
	}
	return names, rows.Err()
}

// checkID refuses an id that cannot be a file name, because ids name log files.
func checkID(id string) error {
	if id == "" {
		return errors.New("cannot use an empty id")
	}
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' {
			return fmt.Errorf("cannot use id %q: only letters, digits, - and _", id)
		}
	}
	return nil
}
