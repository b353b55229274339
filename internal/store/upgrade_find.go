package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// found is what an upgrade has found in the database and its copies: what must
// not stand in clear, and the key that stands in its place.
type found struct {
	reread  func(Sealed) (Sealed, []string, error)
	bad     map[string]bool   // names that are, or may be, a part of a secret
	secrets map[string]bool   // the same, and whatever else of the secret is known
	names   map[nameOf]string // names on record by what they became
	leaks   map[Leak]bool
	checked map[Leak]bool  // rows that the vault has opened
	locked  map[Leak]error // and that it could not
}

type nameOf struct{ recordID, key string }

func newFound(reread func(Sealed) (Sealed, []string, error)) *found {
	return &found{reread: reread, bad: map[string]bool{}, secrets: map[string]bool{}, names: map[nameOf]string{},
		leaks: map[Leak]bool{}, checked: map[Leak]bool{}, locked: map[Leak]error{}}
}

// look adds what one database holds.
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

// credentialRows are the sealed rows that came from a guest's files.
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

// row looks at a sealed row. Where the vault does not open it, its names tell what
// they can: the values stay in the envelope, names and all, and nothing is lost.
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
		for _, part := range event.URLSecrets(text) { // its password may stand alone
			f.secrets[part] = true
		}
	}
}

// doc looks at services as they are kept in JSON.
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

// suspects are the names that the present rules would not give, as far as a name
// tells.
func suspects(keys []string) (bad []string) {
	for _, k := range keys {
		if !lxc.IsCredentialKey(k) || lxc.IsPadded(k) {
			bad = append(bad, k)
		}
	}
	return bad
}

// whole is the key of a file that is one value, by the names that it had.
func whole(keys []string) string {
	if len(keys) > 1 {
		return lxc.ContentKey
	}
	return lxc.PasswordKey
}

// services calls change with each service's name and credential keys in a decoded
// document, and puts what it returns in their place.
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

// rename returns a service's credential keys without what must not stand in clear.
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
