// Package store is the catalogue's database: one SQLite file with containers, runs,
// events, services, sealed credentials and the progress of runs, and beside it one log
// file for each run. Many processes share it. Events write it, and commands query it. It
// must not know what a phase does, what a sealed value contains, or how anything is
// shown. The mirror to Redis is here too, because it takes the same events.
package store

import (
	"context"
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
	d    dialect
	busy time.Duration
	// records commits to disk before it returns (synchronous=FULL), because a side effect
	// follows what it writes.
	records *pool
	// events commits to the operating system (synchronous=NORMAL). A killed process loses
	// nothing; a power cut loses at most the last events.
	events *pool

	logs      logBook
	migration Migration
	logLimit  int64 // limit of one run's log file, in bytes

	mu   sync.Mutex
	live map[string]*flock.Flock // locks of the runs that this process has begun, by run id
	kept map[string]time.Time    // when the lease of each of them was last known to be its own

	homeOnce sync.Once
	homeID   string
	beats    sync.Once
	closed   chan struct{}
	closing  sync.Once
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

// Place says where a catalogue is.
type Place struct {
	Dir string // the state folder, which has the locks of this machine's runs in any case
	URL string // postgres://…; "" for the file in Dir
	// Waiting reports a wait for the database, for at most that long, until done. It may be nil.
	Waiting func(what string, most time.Duration) (done func())
	// Until ends the patience with a database that does not answer, and not its use: what is
	// left to record is tried for a moment. nil: only the database's own limits do.
	Until context.Context
	// ForCopy opens a catalogue even if a copy into it has not finished.
	ForCopy bool
}

// OpenAt is Open for either kind of database. In PostgreSQL it makes the tables if the schema
// is empty, and migrates those of an older version; it refuses a schema that has tables of
// another program.
func OpenAt(ctx context.Context, p Place) (*Store, error) {
	if p.URL == "" {
		s, err := Open(ctx, p.Dir)
		return ready(ctx, p, s, err)
	}
	s, d, err := openPostgres(p)
	if err != nil {
		return nil, err
	}
	if err = d.migrate(ctx, s); err == nil {
		err = prepareDir(p.Dir)
	}
	return ready(ctx, p, s, err)
}

// ready closes a catalogue that cannot be used.
func ready(ctx context.Context, p Place, s *Store, err error) (*Store, error) {
	if err == nil && !p.ForCopy {
		err = s.complete(ctx)
	}
	if err != nil && s != nil {
		s.Close()
		return nil, s.wrap(err)
	}
	return s, err
}

// OpenExisting is OpenAt, but makes nothing: it returns nil if there is no catalogue.
func OpenExisting(ctx context.Context, p Place) (*Store, error) {
	if p.URL == "" {
		if !Exists(p.Dir) {
			return nil, nil
		}
		return OpenAt(ctx, p)
	}
	s, d, err := openPostgres(p)
	if err != nil {
		return nil, err
	}
	version, err := d.check(ctx, s.records)
	if err == nil && version > 0 {
		err = prepareDir(p.Dir)
	}
	if err == nil && version > 0 {
		err = d.migrate(ctx, s)
	}
	if err == nil && version == 0 {
		return nil, s.Close()
	}
	return ready(ctx, p, s, err)
}

func openPostgres(p Place) (*Store, *postgres, error) {
	d, err := newPostgres(p)
	if err != nil {
		return nil, nil, err
	}
	s := &Store{dir: p.Dir, path: d.shown, d: d, busy: busyTimeout, logLimit: logLimit, live: map[string]*flock.Flock{}, kept: map[string]time.Time{}, closed: make(chan struct{})}
	s.logs = logChunks{s}
	d.working = func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.live) > 0
	}
	s.records, s.events = d.connect(1), d.connect(2)
	return s, d, nil
}

func openWith(ctx context.Context, dir string, busy time.Duration) (*Store, error) {
	path := filepath.Join(dir, FileName)
	if err := prepare(dir, path); err != nil {
		return nil, err
	}
	d := lite{dir, path}
	s := &Store{dir: dir, path: path, d: d, busy: busy, logLimit: logLimit, live: map[string]*flock.Flock{}, kept: map[string]time.Time{}, logs: logFiles{dir}, closed: make(chan struct{})}
	var err error
	if s.records, err = d.connect("FULL", busy/2); err != nil { // see retryBusy
		return nil, s.wrap(err)
	}
	if s.events, err = d.connect("NORMAL", busy/2); err != nil {
		s.records.Close()
		return nil, s.wrap(err)
	}
	if err := d.migrate(ctx, s); err != nil {
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
	s.closing.Do(func() { close(s.closed) })
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
// has read is still true when it writes. do may run again after a lost connection, also if
// its first run is on record.
func (s *Store) tx(ctx context.Context, do func(*Tx) error) error {
	err := s.d.whole(ctx, func() error {
		var tx *Tx
		err := s.d.write(ctx, s.records, func() (err error) {
			tx, err = s.d.begin(ctx, s.records.DB)
			return err
		})
		if err != nil {
			return err
		}
		defer tx.rollback()
		if err := do(tx); err != nil {
			return err
		}
		approach("record")
		return tx.commit()
	})
	if err != nil {
		return s.wrap(err)
	}
	boundary("record")
	return nil
}

// exec runs one statement that is a transaction of its own.
func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	approach(query)
	if err := s.execTurn(ctx, s.records, query, args...); err != nil {
		return s.wrap(err)
	}
	boundary(query)
	return nil
}

func (s *Store) execTurn(ctx context.Context, db *pool, query string, args ...any) error {
	return s.d.write(ctx, db, func() error {
		_, err := db.ExecContext(ctx, query, args...)
		return err
	})
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
