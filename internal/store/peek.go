package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"time"
)

// Peek opens the catalogue in dir for a quick look, as the completion of a shell needs it.
// It makes and migrates nothing, and waits for nobody: it fails where there is no
// catalogue, and where its version is another one.
func Peek(ctx context.Context, dir string) (*Store, error) {
	path := filepath.Join(dir, FileName)
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)", "busy_timeout(20)"}}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	s := &Store{dir: dir, path: path, busy: 20 * time.Millisecond, records: db, events: db}
	var version int
	err = db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version)
	if err == nil && version != len(migrations) {
		err = errors.New("the database is of another version")
	}
	if err != nil {
		db.Close()
		return nil, s.wrap(err)
	}
	return s, nil
}
