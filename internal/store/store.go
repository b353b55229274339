// Package store is the catalogue: one SQLite file that remembers containers,
// runs, events, services, sealed credentials and how far a run has got, and
// beside it one log file a run. Many processes share it. It is written by
// events and answers questions; it must not know what a phase does, what a
// sealed value holds, or how anything is shown. The mirror to Redis lives here
// too, because it takes the same events.
package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/oklog/ulid/v2"
)

// FileName is the database's name inside the state directory.
const FileName = "infrahaus.db"

const (
	// busyTimeout is how long a write waits while nobody else's goes through.
	busyTimeout = 10 * time.Second
	// turnTimeout is how long it waits while others' do.
	turnTimeout = time.Minute
)

// Store is an open catalogue. It is safe for concurrent use.
type Store struct {
	dir  string
	path string
	busy time.Duration
	// records commits to the disk before it returns (synchronous=FULL): what it
	// writes announces a side effect.
	records *sql.DB
	// events commits to the operating system (synchronous=NORMAL): a killed
	// process loses nothing, a power cut at most the last events.
	events *sql.DB

	migration Migration
	logLimit  int64 // bytes of one run's log file

	mu   sync.Mutex
	live map[string]*flock.Flock // by id of the runs that this process has begun
}

// NewRecordID makes an id for a record or a run: a ULID, sortable by time.
func NewRecordID() string { return ulid.Make().String() }

// Open opens the catalogue in dir, making the directory (0700), the database
// (0600) and its tables where they are missing. A database of an older version is
// migrated in place, with a copy beside it (see Migrated); one of a newer version
// is refused untouched. Errors are *Error.
func Open(ctx context.Context, dir string) (*Store, error) {
	return openWith(ctx, dir, busyTimeout)
}

func openWith(ctx context.Context, dir string, busy time.Duration) (*Store, error) {
	path := filepath.Join(dir, FileName)
	if err := prepare(dir, path); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, path: path, busy: busy, logLimit: logLimit, live: map[string]*flock.Flock{}}
	var err error
	if s.records, err = connect(path, "FULL", busy/2); err != nil { // see turn
		return nil, s.wrap(err)
	}
	if s.events, err = connect(path, "NORMAL", busy/2); err != nil {
		s.records.Close()
		return nil, s.wrap(err)
	}
	if err := s.migrate(ctx); err != nil {
		s.Close()
		return nil, s.wrap(err)
	}
	return s, nil
}

// Dir is the state directory.
func (s *Store) Dir() string { return s.dir }

// Close frees the database. Sinks are closed on their own, before it; a run that
// has not ended counts as killed.
func (s *Store) Close() error {
	s.mu.Lock()
	for id, lock := range s.live {
		release(lock)
		delete(s.live, id)
	}
	s.mu.Unlock()
	if err := s.events.Close(); err != nil {
		s.records.Close()
		return s.wrap(err)
	}
	return s.wrap(s.records.Close())
}

// tx runs do in one transaction that holds the write lock from its start, so
// that what do reads is still true when it writes.
func (s *Store) tx(ctx context.Context, do func(*sql.Tx) error) error {
	var tx *sql.Tx
	err := turn(ctx, s.records, func() (err error) {
		tx, err = s.records.BeginTx(ctx, nil)
		return err
	})
	if err != nil {
		return s.wrap(err)
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return s.wrap(err)
	}
	approach("record")
	if err := tx.Commit(); err != nil {
		return s.wrap(err)
	}
	boundary("record")
	return nil
}

// exec runs one statement that is a transaction of its own.
func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	approach(query)
	if err := execTurn(ctx, s.records, query, args...); err != nil {
		return s.wrap(err)
	}
	boundary(query)
	return nil
}

func execTurn(ctx context.Context, db *sql.DB, query string, args ...any) error {
	return turn(ctx, db, func() error {
		_, err := db.ExecContext(ctx, query, args...)
		return err
	})
}

// turn makes a write that waits its turn. Those who wait for SQLite stand in no
// queue: where many write, one may be passed over for longer than its busy timeout,
// though nobody holds the database. It waits on as long as others' writes go
// through from one wait of half a busyTimeout to the next, up to turnTimeout.
func turn(ctx context.Context, db *sql.DB, write func() error) error {
	var before int64
	for first, end := true, time.Now().Add(turnTimeout); ; first = false {
		err := write()
		if !isBusy(err) || time.Now().After(end) {
			return err
		}
		var others int64 // changes with each commit of another connection's
		if db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&others) != nil || !first && others == before {
			return err
		}
		before = others
	}
}

// stamp is how times are kept: RFC 3339 in UTC with milliseconds, so that their
// text sorts as they do.
const stamp = "2006-01-02T15:04:05.000Z"

func formatTime(t time.Time) string { return t.UTC().Format(stamp) }

func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
