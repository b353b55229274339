package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"modernc.org/sqlite" // the driver named sqlite
	sqlite3 "modernc.org/sqlite/lib"
)

// lite is SQLite, in one file.
type lite struct{ dir, path string }

func (lite) rebind(query string) string { return query }

func (lite) limit(ctx context.Context) (context.Context, func()) { return ctx, func() {} }

func (lite) read(_ context.Context, do func() error) error { return do() }

func (lite) write(ctx context.Context, db *pool, do func() error) error {
	return retryBusy(ctx, db, do)
}

func (lite) whole(_ context.Context, do func() error) error { return do() }

func (d lite) begin(ctx context.Context, db *sql.DB) (*Tx, error) {
	tx, err := db.BeginTx(ctx, nil) // IMMEDIATE, see connect
	if err != nil {
		return nil, err
	}
	return &Tx{SQL: tx, on: tx, d: d, commit: tx.Commit, rollback: func() { tx.Rollback() }}, nil
}

func (lite) ctid() string { return "ctid" }

func (lite) clock() string { return `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)` }

// connect opens one connection lazily. Every transaction begins IMMEDIATE, because a
// deferred one that later writes fails at once instead of waiting.
func (d lite) connect(synchronous string, busy time.Duration) (*pool, error) {
	return d.open(url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
		"foreign_keys(1)",
		"secure_delete(1)", // overwrite values that were sealed with a replaced key, and pruned rows
		"synchronous(" + synchronous + ")",
	}})
}

func (d lite) open(settings url.Values) (*pool, error) {
	abs, err := filepath.Abs(d.path)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &pool{db, d}, nil
}

// retryBusy retries a write that SQLite refuses as busy. SQLite has no queue: where many
// processes write, one of them may wait for longer than its busy timeout although no
// process holds the database for long. retryBusy keeps trying as long as other writes succeed
// during each wait of half a busyTimeout, up to busyLimit.
func retryBusy(ctx context.Context, db *pool, write func() error) error {
	var before int64
	for first, end := true, time.Now().Add(busyLimit); ; first = false {
		err := write()
		if !isBusy(err) || time.Now().After(end) {
			return err
		}
		var others int64 // changes with each commit of another connection
		if db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&others) != nil || !first && others == before {
			return err
		}
		before = others
	}
}

// isBusy reports whether another connection held a lock.
func isBusy(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && (se.Code()&0xff == sqlite3.SQLITE_BUSY || se.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

func (d lite) wrap(err error) error {
	var se *sqlite.Error
	if err == nil || !errors.As(err, &se) {
		return err
	}
	if isBusy(err) {
		return &Error{Kind: Locked, Path: d.path, Hint: "see which process uses it: fuser " + word(d.path)}
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return &Error{Kind: ReadOnly, Path: d.path, // its mode is right, else open would have refused it
			Hint: "see whether its folder and file system can be written: touch " + word(d.path)}
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return garbage(d.path, nil)
	case sqlite3.SQLITE_FULL:
		return &Error{Kind: Full, Path: d.path, Hint: "free some space, then run the command again"}
	}
	return &Error{Kind: Broken, Path: d.path, Err: se, Hint: "see whether the disk has room and is in order: df " + word(d.dir)}
}

// migrate brings the schema up to date, and keeps a copy of a database of an older
// program. The transaction's write lock makes one of many processes copy and migrate
// while the others wait.
func (d lite) migrate(ctx context.Context, s *Store) error {
	version, err := d.check(ctx, s.records)
	if err != nil || version == len(migrations) {
		return err
	}
	if err := d.walMode(ctx, s); err != nil {
		return err
	}
	return s.tx(ctx, func(tx *Tx) error {
		version, err := d.check(ctx, tx) // another process may have been first
		if err != nil {
			return err
		}
		if version > 0 && version < len(migrations) {
			if err := s.keepCopy(ctx, version); err != nil {
				return err
			}
		}
		for ; version < len(migrations); version++ {
			// Each of several statements in one Exec would take its arguments from the
			// first on; these statements have no arguments.
			if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
			applicationID, len(migrations)))
		return err
	})
}

// check returns the schema's version, 0 for an empty file. It refuses a file of another
// program or of a newer version.
func (d lite) check(ctx context.Context, q querier) (int, error) {
	var version, app, tables int
	err := q.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).
		Scan(&version, &app, &tables)
	switch {
	case err != nil:
		return 0, err
	case app != applicationID && (app != 0 || version != 0 || tables != 0):
		return 0, garbage(d.path, errors.New("another program made it"))
	case version > len(migrations):
		return 0, newer(d.path, version, "use that newer infrahaus, or another --state-dir")
	}
	return version, nil
}

// walMode switches the file to write-ahead logging, permanently. It retries, because
// SQLite does not call its busy handler while two connections race for the switch.
func (lite) walMode(ctx context.Context, s *Store) error {
	deadline := time.Now().Add(s.busy)
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		_, err := s.records.ExecContext(ctx, "PRAGMA journal_mode = WAL")
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
