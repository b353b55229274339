package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// copied are the tables that a copy takes, in the order of their references, with all columns;
// the first ones are the key.
var copied = []struct {
	name    string
	keys    int
	columns []string
}{
	{"hosts", 1, []string{"id", "name"}},
	{"host_facts", 3, []string{"host_id", "kind", "value", "seen_at"}},
	{"containers", 1, []string{"id", "doc", "host_id"}},
	{"runs", 1, []string{"id", "record_id", "kind", "started_at", "ended_at", "exit_status", "pid", "machine", "command", "user_name", "version", "taken_by", "job"}},
	{"events", 2, []string{"run_id", "seq", "type", "doc"}},
	{"services", 1, []string{"record_id", "discovered_at", "doc"}},
	{"sealed", 2, []string{"record_id", "service", "keys", "envelope", "updated_at"}},
	{"steps", 3, []string{"record_id", "phase", "item", "run_id", "state", "detail", "updated_at"}},
	{"pins", 2, []string{"record_id", "kind", "fingerprint"}},
	{"jobs", 1, []string{"record_id", "doc", "updated_at"}},
	{"retired_keys", 1, []string{"id", "envelope", "retired_at"}},
	{"shared", 1, []string{"name", "envelope", "public", "updated_at"}},
	{"queue", 1, []string{"id", "record_id", "verb", "format", "priority", "host", "node", "making", "attempt", "state", "worker", "run_id", "template", "doc",
		"offer", "beat", "stop", "created_at", "started_at", "ended_at", "exit_status", "error"}},
	{"queue_after", 2, []string{"job_id", "after_id"}},
	{"templates", 1, []string{"digest", "archive", "created_at"}},
}

const copyPage = 500 // rows that are read and written together

// pageOf is copyPage for all tables but that whose rows have megabytes.
func pageOf(table string) int {
	if table == "templates" {
		return 1
	}
	return copyPage
}

// Copied counts what a copy has written and compared.
type Copied struct {
	Tables  map[string]int `json:"tables"` // rows of each that are the same on both sides now
	Rows    int            `json:"rows"`
	Logs    int            `json:"logs"`
	Written int            `json:"written"` // rows and logs that were not there yet
	Resumed bool           `json:"resumed"` // a copy that was interrupted is finished
}

// NotEmpty is the error for a catalogue that has records of its own.
type NotEmpty struct{ Where string }

func (e *NotEmpty) Error() string {
	return "the database " + e.Where + " has a catalogue already, and not from an interrupted copy of this one"
}

// AtWork is the error for a catalogue in which a run is in progress.
type AtWork struct{ Run Run }

func (e *AtWork) Error() string {
	return fmt.Sprintf("a run is in progress (%s of record %s, %s)", e.Run.Kind, e.Run.RecordID, e.Run.who())
}

// Copy makes to the same catalogue as from: all rows, and the logs of runs. It may be repeated
// after an interruption, and writes only what is missing or differs. Until it has compared both
// row by row, to cannot be opened for anything else. said reports each part; it may be nil.
func Copy(ctx context.Context, from, to *Store, said func(part string, rows int)) (Copied, error) {
	sum := Copied{Tables: map[string]int{}}
	if said == nil {
		said = func(string, int) {}
	}
	for _, s := range []*Store{from, to} {
		if err := s.idle(ctx); err != nil {
			return sum, err
		}
	}
	resumed, err := to.beginCopy(ctx, from)
	if err != nil {
		return sum, err
	}
	sum.Resumed = resumed
	var extra []func() error
	for _, t := range copied {
		c := tableCopy{from: from, to: to, name: t.name, keys: t.keys, columns: t.columns}
		if err := c.run(ctx, true); err != nil {
			return sum, fmt.Errorf("cannot copy the table %s: %w", t.name, from.wrap(to.wrap(err)))
		}
		sum.Written += c.wrote
		extra = append(extra, func() error { return c.removeExtra(ctx) })
		said(t.name, c.rows)
	}
	for i := len(extra) - 1; i >= 0; i-- {
		if err := extra[i](); err != nil {
			return sum, to.wrap(err)
		}
	}
	if err := copyLogs(ctx, from, to, &sum); err != nil {
		return sum, err
	}
	said("logs", sum.Logs)
	for _, t := range copied {
		c := tableCopy{from: from, to: to, name: t.name, keys: t.keys, columns: t.columns}
		if err := c.run(ctx, false); err != nil {
			return sum, fmt.Errorf("cannot compare the table %s: %w", t.name, from.wrap(to.wrap(err)))
		}
		sum.Tables[t.name], sum.Rows = c.rows, sum.Rows+c.rows
	}
	return sum, to.endCopy(ctx)
}

// idle refuses a catalogue in which a run is in progress: its rows would change meanwhile.
func (s *Store) idle(ctx context.Context) error {
	open, err := scanRuns(ctx, s.records, s.beating(), `ended_at IS NULL AND id <> ?`, "")
	if err != nil {
		return s.wrap(err)
	}
	for _, r := range open {
		if s.alive(r) {
			return &AtWork{Run: r}
		}
	}
	return nil
}

// The names of rows about the catalogue itself.
const (
	aboutID      = "id"
	aboutCopying = "copying" // the id of the catalogue that is being copied into this one
)

// id is a catalogue's own, made when it is first asked for.
func (s *Store) id(ctx context.Context) (id string, err error) {
	err = s.exec(ctx, `INSERT INTO infrahaus (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, aboutID, NewRecordID())
	if err == nil {
		id, err = about(ctx, s.records, aboutID)
	}
	return id, s.wrap(err)
}

// about is a row about the catalogue, "" if it is not there.
func about(ctx context.Context, q querier, name string) (value string, err error) {
	err = q.QueryRowContext(ctx, `SELECT value FROM infrahaus WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// beginCopy marks the catalogue, which must be empty or marked by an earlier try.
func (s *Store) beginCopy(ctx context.Context, from *Store) (resumed bool, err error) {
	id, err := from.id(ctx)
	if err != nil {
		return false, err
	}
	own, err := about(ctx, s.records, aboutID)
	if err != nil {
		return false, s.wrap(err)
	}
	if own == id {
		return false, errors.New("both names stand for the same catalogue")
	}
	err = s.tx(ctx, func(tx *Tx) error {
		before, err := about(ctx, tx, aboutCopying)
		if err != nil {
			return err
		}
		resumed = before == id
		var has bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM containers) OR EXISTS (SELECT 1 FROM sealed) OR EXISTS (SELECT 1 FROM hosts)`).Scan(&has); err != nil {
			return err
		}
		if before != "" && !resumed || has && !resumed {
			return &NotEmpty{Where: s.path}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO infrahaus (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, aboutCopying, id)
		return err
	})
	return resumed, err
}

func (s *Store) endCopy(ctx context.Context) error {
	return s.tx(ctx, func(tx *Tx) error {
		// SQLite's triggers took the rows for those of an older program.
		if _, err := tx.ExecContext(ctx, `DELETE FROM unread`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM infrahaus WHERE name = ?`, aboutCopying)
		return err
	})
}

// complete returns an error if a copy into the catalogue has not finished.
func (s *Store) complete(ctx context.Context) error {
	id, err := about(ctx, s.records, aboutCopying)
	if err != nil || id == "" {
		return s.wrap(err)
	}
	return &Error{Kind: Unfinished, Path: s.path, Hint: "finish it: infrahaus database copy FROM TO, with the same two names"}
}

// tableCopy compares a table of two catalogues in the order of its key.
type tableCopy struct {
	from, to *Store
	name     string
	keys     int
	columns  []string

	rows, wrote int
	extra       [][]any // keys of rows that only to has
}

// run compares page by page. It writes what differs, or with write false calls that an error.
func (c *tableCopy) run(ctx context.Context, write bool) error {
	var last []any
	for {
		page, err := c.page(ctx, c.from, last, nil)
		if err != nil {
			return err
		}
		var upTo []any
		if len(page) == pageOf(c.name) {
			upTo = page[len(page)-1][:c.keys]
		}
		there, err := c.page(ctx, c.to, last, upTo)
		if err != nil {
			return err
		}
		if err := c.settle(ctx, page, there, write); err != nil {
			return err
		}
		if c.rows += len(page); upTo == nil {
			return nil
		}
		last = upTo
	}
}

// page reads the rows after a key: up to another one, or the next page.
func (c *tableCopy) page(ctx context.Context, s *Store, after, upTo []any) ([][]any, error) {
	keys := strings.Join(c.columns[:c.keys], ", ")
	marks := strings.TrimSuffix(strings.Repeat("?, ", c.keys), ", ")
	query, args, word := `SELECT `+strings.Join(c.columns, ", ")+` FROM `+c.name, []any{}, " WHERE "
	if after != nil {
		query, args, word = query+word+`(`+keys+`) > (`+marks+`)`, append(args, after...), " AND "
	}
	if upTo != nil {
		query, args = query+word+`(`+keys+`) <= (`+marks+`)`, append(args, upTo...)
	}
	query += ` ORDER BY ` + keys
	if s == c.from {
		query += fmt.Sprintf(` LIMIT %d`, pageOf(c.name))
	}
	var out [][]any
	err := each(ctx, s.records, query, func(rows *sql.Rows) error {
		row, into := make([]any, len(c.columns)), make([]any, len(c.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i := range row {
			row[i] = alike(row[i])
		}
		out = append(out, row)
		return nil
	}, args...)
	return out, err
}

// alike makes of a value what both databases can keep and return.
func alike(v any) any {
	switch v := v.(type) {
	case []byte:
		return alike(string(v))
	case string:
		return withoutNUL(strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), "\uFFFD"))
	}
	return v
}

func (c *tableCopy) settle(ctx context.Context, page, there [][]any, write bool) error {
	have := map[string][]any{}
	for _, row := range there {
		have[fmt.Sprintf("%#v", row[:c.keys])] = row
	}
	var missing [][]any
	for _, row := range page {
		key := fmt.Sprintf("%#v", row[:c.keys])
		if other, ok := have[key]; !ok || fmt.Sprintf("%#v", other) != fmt.Sprintf("%#v", row) {
			missing = append(missing, row)
		}
		delete(have, key)
	}
	for _, row := range have {
		c.extra = append(c.extra, row[:c.keys])
	}
	if !write {
		if len(missing)+len(have) > 0 {
			return fmt.Errorf("%d rows differ: the catalogue has changed meanwhile", len(missing)+len(have))
		}
		return nil
	}
	if len(missing) == 0 {
		return nil
	}
	c.wrote += len(missing)
	return c.to.tx(ctx, func(tx *Tx) error {
		for _, row := range missing {
			if _, err := tx.ExecContext(ctx, c.upsert(), row...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *tableCopy) upsert() string {
	keys := strings.Join(c.columns[:c.keys], ", ")
	var set []string
	for _, name := range c.columns[c.keys:] {
		set = append(set, name+" = excluded."+name)
	}
	then := `NOTHING`
	if set != nil {
		then = `UPDATE SET ` + strings.Join(set, ", ")
	}
	return `INSERT INTO ` + c.name + ` (` + strings.Join(c.columns, ", ") + `) VALUES (` +
		strings.TrimSuffix(strings.Repeat("?, ", len(c.columns)), ", ") + `) ON CONFLICT (` + keys + `) DO ` + then
}

// removeExtra removes what from has lost since an interrupted copy.
func (c *tableCopy) removeExtra(ctx context.Context) error {
	keys := strings.Join(c.columns[:c.keys], ", ")
	for _, key := range c.extra {
		err := c.to.exec(ctx, `DELETE FROM `+c.name+` WHERE (`+keys+`) = (`+strings.TrimSuffix(strings.Repeat("?, ", c.keys), ", ")+`)`, key...)
		if err != nil {
			return err
		}
	}
	return nil
}
