package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// found collects the findings of an upgrade in the database and its copies: the texts
// that must not be in clear text, and the keys that replace them.
type found struct {
	reread  func(Sealed) (Sealed, []string, error)
	bad     map[string]bool   // names that are, or may be, a part of a secret
	secrets map[string]bool   // these names, and every other known text of the secrets
	names   map[nameOf]string // a name on record → the name that replaces it
	leaks   map[Leak]bool
	checked map[Leak]bool  // rows that the vault has opened
	locked  map[Leak]error // rows that the vault could not open
}

type nameOf struct{ recordID, key string }

func newFound(reread func(Sealed) (Sealed, []string, error)) *found {
	return &found{reread: reread, bad: map[string]bool{}, secrets: map[string]bool{}, names: map[nameOf]string{},
		leaks: map[Leak]bool{}, checked: map[Leak]bool{}, locked: map[Leak]error{}}
}

// look adds the findings of one database.
func (f *found) look(ctx context.Context, q rowsQuerier) error {
	rows, err := credentialRows(ctx, q)
	if err != nil {
		return err
	}
	for _, r := range rows {
		f.row(r)
	}
	for _, query := range []string{
		`SELECT record_id, doc FROM services WHERE doc LIKE '%"credentialKeys"%'`,
		`SELECT r.record_id, e.doc FROM events e JOIN runs r ON r.id = e.run_id WHERE e.doc LIKE '%"credentialKeys"%'`,
	} {
		err := each(ctx, q, query, func(rows *sql.Rows) error {
			var id, doc string
			err := rows.Scan(&id, &doc)
			f.doc(id, doc)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// credentialRows returns the sealed rows that came from a guest's files.
func credentialRows(ctx context.Context, q rowsQuerier) (list []Sealed, err error) {
	err = each(ctx, q, `SELECT record_id, service, keys, envelope FROM sealed WHERE substr(service, 1, 1) <> '_'`, func(rows *sql.Rows) error {
		var r Sealed
		var keys string
		if err := rows.Scan(&r.RecordID, &r.Service, &keys, &r.Envelope); err != nil {
			return err
		}
		list = append(list, r)
		return json.Unmarshal([]byte(keys), &list[len(list)-1].Keys)
	})
	return list, err
}

// row examines a sealed row. If the vault does not open it, the names alone show whether
// it may leak. The envelope stays as it is, with the values and their names, so nothing
// is lost.
func (f *found) row(r Sealed) Sealed {
	at := Leak{r.RecordID, r.Service}
	now, leaked, err := f.reread(r)
	if err != nil {
		f.locked[at] = err
		now, leaked = r, suspects(r.Keys)
		if len(leaked) > 0 {
			now.Keys = []string{whole(r.Keys)}
		}
	} else {
		f.checked[at] = true
	}
	f.leak(at, leaked)
	for _, k := range r.Keys {
		at := nameOf{r.RecordID, k}
		if !slices.Contains(now.Keys, k) {
			f.names[at] = whole(r.Keys)
		} else if f.names[at] == "" {
			f.names[at] = k
		}
	}
	return now
}

func (f *found) leak(at Leak, leaked []string) {
	for _, text := range leaked {
		f.leaks[at] = true
		f.secrets[text] = true
		if !lxc.IsCredentialKey(text) || lxc.IsPadded(text) {
			f.bad[text] = true
		}
		for _, part := range event.URLSecrets(text) { // its password may occur alone elsewhere
			f.secrets[part] = true
		}
	}
}

// doc examines services in a JSON document.
func (f *found) doc(recordID, doc string) {
	var held any
	if json.Unmarshal([]byte(doc), &held) != nil {
		return
	}
	services(held, func(name string, keys []string) []string {
		var unknown []string
		for _, k := range suspects(keys) {
			if f.names[nameOf{recordID, k}] == "" {
				unknown = append(unknown, k)
			}
		}
		f.leak(Leak{recordID, name}, unknown)
		return keys
	})
}

// suspects returns the names that the present rules would not give a key, as far as the
// name alone shows that.
func suspects(keys []string) (bad []string) {
	for _, k := range keys {
		if !lxc.IsCredentialKey(k) || lxc.IsPadded(k) {
			bad = append(bad, k)
		}
	}
	return bad
}

// whole is the key of a file whose whole text is one value. keys are the names that an
// older version found in it.
func whole(keys []string) string {
	if len(keys) > 1 {
		return lxc.ContentKey
	}
	return lxc.PasswordKey
}

// services calls change with the name and the credential keys of each service in a
// decoded document, and replaces the keys by the result.
func services(held any, change func(name string, keys []string) []string) {
	switch v := held.(type) {
	case []any:
		for _, one := range v {
			services(one, change)
		}
	case map[string]any:
		if list, ok := v["credentialKeys"].([]any); ok {
			name, _ := v["name"].(string)
			var keys []string
			for _, k := range list {
				if k, ok := k.(string); ok {
					keys = append(keys, k)
				}
			}
			v["credentialKeys"] = change(name, keys)
		}
		for _, one := range v {
			services(one, change)
		}
	}
}

// rename replaces those of a service's credential keys that must not be in clear text.
func (f *found) rename(recordID string, keys []string) []string {
	if !slices.ContainsFunc(keys, func(k string) bool { return f.bad[k] || !lxc.IsCredentialKey(k) }) {
		return keys
	}
	var out []string
	for _, k := range keys {
		now := f.names[nameOf{recordID, k}]
		switch {
		case now == "" && (f.bad[k] || !lxc.IsCredentialKey(k)):
			now = whole(keys)
		case now == "":
			now = k
		}
		if !slices.Contains(out, now) {
			out = append(out, now)
		}
	}
	return out
}
