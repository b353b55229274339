package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
)

// docs are the columns that hold JSON: the table, the column, the columns that identify a
// row, and the expression for its record id.
var docs = []struct{ table, column, key, record string }{
	{"containers", "doc", "id", "id"},
	{"services", "doc", "record_id", "record_id"},
	{"jobs", "doc", "record_id", "record_id"},
	{"steps", "detail", "record_id, phase, item", "record_id"},
	{"events", "doc", "run_id, seq", "(SELECT record_id FROM runs WHERE id = run_id)"},
}

// cleanRows seals again the rows that were read wrongly, and removes the leaked texts
// from every row. The transaction is one of the database, or of a copy of an older
// version.
func (f *found) cleanRows(ctx context.Context, tx *Tx, redact func(string) string) error {
	rows, err := credentialRows(ctx, tx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		now := f.row(r)
		if now.Envelope == r.Envelope && slices.Equal(now.Keys, r.Keys) {
			continue
		}
		keys, err := json.Marshal(now.Keys)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE sealed SET keys = ?, envelope = ? WHERE record_id = ? AND service = ?`,
			string(keys), now.Envelope, r.RecordID, r.Service); err != nil {
			return err
		}
	}
	if len(f.leaks) == 0 { // most catalogues have no leak, and there may be many events to read
		return nil
	}
	for _, d := range docs {
		var there bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)`, d.table).Scan(&there); err != nil {
			return err
		}
		if !there {
			continue
		}
		if err := f.cleanDocs(ctx, tx, redact, d.table, d.column, d.key, d.record); err != nil {
			return err
		}
	}
	return nil
}

func (f *found) cleanDocs(ctx context.Context, tx *Tx, redact func(string) string, table, column, key, record string) error {
	n := strings.Count(key, ",") + 1
	var changed [][]any // each document, followed by the key of its row
	err := each(ctx, tx, `SELECT `+column+`, `+record+`, `+key+` FROM `+table, func(rows *sql.Rows) error {
		var doc, id string
		row := make([]any, 1+n)
		into := []any{&doc, &id}
		for i := range n {
			into = append(into, &row[1+i])
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if row[0] = f.cleanDoc(id, doc, redact); row[0] != doc {
			changed = append(changed, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range changed {
		if _, err := tx.ExecContext(ctx, `UPDATE `+table+` SET `+column+` = ? WHERE (`+key+`) = (?`+strings.Repeat(", ?", n-1)+`)`, row...); err != nil {
			return err
		}
	}
	return nil
}

// cleanDoc returns a JSON document without the leaked texts, and the same text if it
// contains none.
func (f *found) cleanDoc(recordID, doc string, redact func(string) string) string {
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.UseNumber()
	var held any
	if dec.Decode(&held) != nil {
		return redact(doc)
	}
	changed := false
	services(held, func(_ string, keys []string) []string {
		now := f.rename(recordID, keys)
		changed = changed || !slices.Equal(now, keys)
		return now
	})
	held = texts(held, func(text string) string {
		now := redact(text)
		changed = changed || now != text
		return now
	})
	if !changed {
		return doc
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(held) != nil { // cannot happen: it was decoded from JSON
		return redact(doc)
	}
	return strings.TrimSuffix(buf.String(), "\n")
}

// texts applies change to every string of a decoded document, except the names of fields.
func texts(held any, change func(string) string) any {
	switch v := held.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = texts(v[i], change)
		}
	case map[string]any:
		for k := range v {
			v[k] = texts(v[k], change)
		}
	}
	return held
}
