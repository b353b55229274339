package store

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"time"
)

// Peek opens the catalogue for a quick look, as the completion of a shell needs it.
// It makes and migrates nothing, and waits for nobody: it fails where there is no
// catalogue, and where its version is another one.
func Peek(ctx context.Context, p Place) (*Store, error) {
	dir := p.Dir
	if p.URL != "" {
		return peekPostgres(ctx, p)
	}
	path := filepath.Join(dir, FileName)
	d := lite{dir, path}
	db, err := d.open(url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)", "busy_timeout(20)"}})
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, path: path, d: d, busy: 20 * time.Millisecond, records: db, events: db, logs: logFiles{dir}, closed: make(chan struct{})}
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

// peekLimit is how long a completion waits for a server.
const peekLimit = 2 * time.Second

func peekPostgres(ctx context.Context, p Place) (*Store, error) {
	s, d, err := openPostgres(p)
	if err != nil {
		return nil, err
	}
	d.config.ConnectTimeout = peekLimit
	ctx, cancel := context.WithTimeout(ctx, peekLimit)
	defer cancel()
	version, err := d.check(ctx, s.records)
	if err == nil && version != len(migrations) {
		err = errors.New("the database is of another version")
	}
	if err != nil {
		s.Close()
		return nil, s.wrap(err)
	}
	return s, nil
}
