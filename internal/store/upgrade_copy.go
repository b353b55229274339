package store

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// openCopy opens a copy of the database. mode is ro or rw, as SQLite has it. SQLite
// writes no journal beside the copy, because a journal would hold the text that must be
// removed.
func openCopy(path, mode string) (*pool, error) {
	q := url.Values{"mode": {mode}, "_pragma": {"secure_delete(1)", "journal_mode(MEMORY)"}}
	if mode == "ro" {
		q.Set("_pragma", "query_only(1)")
	}
	return lite{filepath.Dir(path), path}.open(q)
}

func lookAtCopy(ctx context.Context, f *found, path string) error {
	db, err := openCopy(path, "ro")
	if err != nil {
		return err
	}
	defer db.Close()
	return f.look(ctx, db)
}

// cleanCopy replaces a copy, in one step, by one without secrets in clear text. The new
// copy is a database of the same version, so that the program of that version can use it.
func (f *found) cleanCopy(ctx context.Context, path string, redact func(string) string) error {
	aside := path + ".scrub"
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) { // a killed process may have left it
		return err
	}
	defer os.Remove(aside)
	if err := vacuumInto(ctx, path, aside); err != nil {
		return err
	}
	if err := f.rewrite(ctx, aside, redact); err != nil {
		return err
	}
	file, err := os.OpenFile(aside, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(aside, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func vacuumInto(ctx context.Context, from, to string) error {
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // VACUUM accepts an existing file if it is empty
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	db, err := openCopy(from, "rw") // with ro, SQLite would open the new file read-only as well
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, to)
	return err
}

func (f *found) rewrite(ctx context.Context, path string, redact func(string) string) error {
	db, err := openCopy(path, "rw")
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.d.begin(ctx, db.DB)
	if err != nil {
		return err
	}
	defer tx.rollback()
	if err := f.cleanRows(ctx, tx, redact); err != nil {
		return err
	}
	if err := tx.commit(); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM`); err != nil { // removes its free pages
		return err
	}
	return db.Close()
}
