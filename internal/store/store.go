// Package store is the catalogue's database: one SQLite file with containers, runs,
// events, services, sealed credentials and the progress of runs, and beside it one log
// file for each run. Many processes share it. Events write it, and commands query it. It
// must not know what a phase does, what a sealed value contains, or how anything is
// shown. The mirror to Redis is here too, because it takes the same events.
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
	// busyTimeout is how long a write waits if no other process's write succeeds either.
	busyTimeout = 10 * time.Second
	// busyLimit is how long it waits while other writes succeed.
	busyLimit = time.Minute
)

// Store is an open catalogue. It is safe for concurrent use.
type Store struct {
	dir  string
	path string
	busy time.Duration
	// records commits to disk before it returns (synchronous=FULL), because a side effect
	// follows what it writes.
	records *sql.DB
	// events commits to the operating system (synchronous=NORMAL). A killed process loses
	// nothing; a power cut loses at most the last events.
	events *sql.DB

	migration Migration
	logLimit  int64 // limit of one run's log file, in bytes

	mu   sync.Mutex
	live map[string]*flock.Flock // locks of the runs that this process has begun, by run id
}

// NewRecordID makes an id for a record or a run: a ULID, sortable by time.
func NewRecordID() string { return ulid.Make().String() }

// Open opens the catalogue in dir. It makes the directory (0700), the database (0600) and
// its tables if they are missing. It migrates a database of an older version in place and
// keeps a copy beside it (see Migrated). It refuses a database of a newer version without
// touching it. Errors are *Error.
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
	if s.records, err = connect(path, "FULL", busy/2); err != nil { // see retryBusy
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

// Close closes the database. Close the sinks before it. A run that has not ended counts
// as killed.
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

// tx runs do in one transaction that holds the write lock from its start, so that what do
// has read is still true when it writes.
func (s *Store) tx(ctx context.Context, do func(*sql.Tx) error) error {
	var tx *sql.Tx
	err := retryBusy(ctx, s.records, func() (err error) {
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
	return retryBusy(ctx, db, func() error {
		_, err := db.ExecContext(ctx, query, args...)
		return err
	})
}

// retryBusy retries a write that SQLite refuses as busy. SQLite has no queue: where many
// processes write, one of them may wait for longer than its busy timeout although no
// process holds the database for long. retryBusy keeps trying as long as other writes succeed
// during each wait of half a busyTimeout, up to busyLimit.
func retryBusy(ctx context.Context, db *sql.DB, write func() error) error {
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

// stamp is the format of times: RFC 3339 in UTC with milliseconds, so that their texts
// sort by time.
const stamp = "2006-01-02T15:04:05.000Z"

func formatTime(t time.Time) string { return t.UTC().Format(stamp) }

func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
