package store

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Met is the result of MeetHost.
type Met struct {
	Host    Host
	Moved   int    // number of records moved from hosts that turned out to be the same
	Apart   []Host // other hosts that had the same name or address, with the names that they have from now on
	Doubt   []Host // other hosts that have shown that certificate
	Records int    // number of records of the hosts in Apart
	Twin    string // another name that the user's settings already have for this host; set only once
}

// MeetHost records the facts of a host and returns which host they belong to. If they
// match no host on record, it makes a new one. Hosts that turn out to be the same become
// one, and their records follow.
//
// settings returns what the user has configured under a host's name, if anything. A name
// that the user has configured for the host stays; any other name is replaced by the one
// in f. A host whose name now belongs to another host gets a new name.
func (s *Store) MeetHost(ctx context.Context, f Facts, settings func(name string) (Facts, bool)) (Met, error) {
	var met Met
	err := s.tx(ctx, func(tx *Tx) error {
		all, err := hosts(ctx, tx)
		if err != nil {
			return err
		}
		m := all.Match(f)
		met = Met{Apart: m.Apart, Doubt: m.Doubt}
		host, ok := all.ByID(m.ID)
		if !ok {
			host = Host{ID: NewRecordID(), Name: f.Name}
			if _, err := tx.ExecContext(ctx, `INSERT INTO hosts (id, name) VALUES (?, ?)`, host.ID, host.Name); err != nil {
				return err
			}
		}
		for _, other := range all {
			if other.ID == host.ID || !other.same(host, f) {
				continue
			}
			n, err := merge(ctx, tx, other, host)
			if err != nil {
				return err
			}
			met.Moved += n
		}
		set, kept := settings(host.Name)
		switch {
		case !kept || all.Match(set).ID != host.ID:
			host.Name = f.Name
		case ok && host.Name != f.Name && !slices.Contains(host.names, f.Name):
			met.Twin = host.Name
		}
		met.Host = host
		if err := putFacts(ctx, tx, host, f); err != nil {
			return err
		}
		return met.rename(ctx, tx, settings)
	})
	return met, err
}

// MoveRecord gives a record to another host. It serves records that were written before
// the host was reached and identified.
func (s *Store) MoveRecord(ctx context.Context, recordID, hostID string) error {
	return s.exec(ctx, `UPDATE containers SET host_id = ? WHERE id = ?`, hostID, recordID)
}

// same reports whether h turns out to be the host as, which has the facts f. If no
// certificate of h was ever known, the name or the address is enough. A certificate alone
// does not join hosts that may belong to two clusters.
func (h Host) same(as Host, f Facts) bool {
	proof := f.Certificate != "" || f.CA != ""
	alone := Hosts{h}.Match(f)
	switch {
	case !h.known():
		return proof && alone.ID != ""
	case f.CA == "" && len(h.cas)+len(as.cas) > 0:
		return false
	}
	return alone.Proven
}

// Joins reports whether MeetHost would join another host on record to the host with this
// id. An older version, for example, knew it only by its name.
func (all Hosts) Joins(id string, f Facts) bool {
	host, ok := all.ByID(id)
	return ok && all.find(func(h Host) bool { return h.ID != id && h.same(host, f) }) != nil
}

// merge turns two hosts into one: it gives the records and the facts of from to to.
func merge(ctx context.Context, tx *Tx, from, to Host) (int, error) {
	res, err := tx.ExecContext(ctx, `UPDATE containers SET host_id = ? WHERE host_id = ?`, to.ID, from.ID)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO host_facts (host_id, kind, value, seen_at)
		SELECT ?, kind, value, seen_at FROM host_facts WHERE host_id = ? ON CONFLICT DO NOTHING`, to.ID, from.ID); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM host_facts WHERE host_id = ?`, from.ID); err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM hosts WHERE id = ?`, from.ID)
	return int(n), err
}

func putFacts(ctx context.Context, tx *Tx, h Host, f Facts) error {
	if _, err := tx.ExecContext(ctx, `UPDATE hosts SET name = ? WHERE id = ?`, h.Name, h.ID); err != nil {
		return err
	}
	now := formatTime(time.Now())
	for kind, value := range map[string]string{factName: f.Name, factURL: f.URL, factCertificate: f.Certificate, factCA: f.CA} {
		if value == "" {
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO host_facts (host_id, kind, value, seen_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (host_id, kind, value) DO UPDATE SET seen_at = excluded.seen_at`, h.ID, kind, value, now)
		if err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM host_facts WHERE host_id <> ? AND (kind = ? AND value = ? OR kind = ? AND value = ?)`,
		h.ID, factName, f.Name, factURL, f.URL)
	return err
}

// rename gives a host whose name now belongs to another host a new name, so that its
// records can still be addressed. No config can contain that name.
func (m *Met) rename(ctx context.Context, tx *Tx, settings func(name string) (Facts, bool)) error {
	all, err := hosts(ctx, tx)
	if err != nil {
		return err
	}
	for i, other := range all {
		set, ok := settings(other.Name)
		if other.ID == m.Host.ID || other.Name != m.Host.Name && (!ok || all.Match(set).ID == other.ID) {
			continue
		}
		all[i].Name = other.Name + "@" + other.short()
		if _, err := tx.ExecContext(ctx, `UPDATE hosts SET name = ? WHERE id = ?`, all[i].Name, other.ID); err != nil {
			return err
		}
	}
	for i := range m.Apart {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM containers WHERE host_id = ? AND status <> 'destroyed'`, m.Apart[i].ID).Scan(&n); err != nil {
			return err
		}
		m.Records += n
		m.Apart[i], _ = all.ByID(m.Apart[i].ID)
	}
	return nil
}

// short is a short text that distinguishes a host from others: the beginning of its
// certificate's fingerprint, or the end of its id.
func (h Host) short() string {
	if c := strings.ReplaceAll(h.Certificate(), ":", ""); len(c) >= 8 {
		return c[:8]
	}
	return h.ID[max(0, len(h.ID)-8):]
}
