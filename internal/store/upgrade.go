package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Upgrade is what is left to do after a database of version 3 or older was
// migrated. Those programs took what stood before a "=" in a credentials file for
// the name of a key, and names are not sealed: a part of a secret could stand in
// clear in the catalogue, its logs, its copies and in Redis.
type Upgrade struct {
	// Reread opens a sealed row and returns it as the present rules read it, the
	// very same where it was right, and what of it stood in clear though it is
	// secret. An error means that the vault cannot open it (yet).
	Reread func(Sealed) (now Sealed, leaked []string, err error)
	// Redis is the mirror's address, "" for none.
	Redis string
	// Note says what is being done, or waited for. It may be nil.
	Note func(string)
	// Tell is called once, by one of all processes, with what a person must hear.
	Tell func(Exposure)

	after func(step string) // for tests
}

// Exposure is what stood in clear until an upgrade.
type Exposure struct {
	Leaks   []Leak   `json:"leaks"`
	Unread  int      `json:"unread"`  // sealed values that the vault could not open
	KeyErr  string   `json:"keyErr"`  // why
	Copies  []Soiled `json:"copies"`  // of the database, that could not be scrubbed
	Redis   string   `json:"redis"`   // the mirror's address, without a password; "" where there is none
	Removed int      `json:"redisId"` // entries removed from the stream
	Trouble string   `json:"trouble"` // why Redis could not be scrubbed
}

// Leak is one service of one container whose secret stood in clear.
type Leak struct {
	RecordID string `json:"recordId"`
	Service  string `json:"service"`
}

// Soiled is a file that could not be scrubbed.
type Soiled struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// The chores of an upgrade, in the order in which they are done. A chore is on
// record until it is done; what it needs to know is in the rows that the first one
// cleans last of all. So a killed upgrade is done again from where it was.
const (
	choreScrub   = "scrub"   // clean logs, copies and Redis, and then the rows
	choreCompact = "compact" // take what was overwritten out of the file and its -wal
	choreTell    = "tell"    // detail: an Exposure
)

// upgradeWait is how long a process waits for another one's upgrade before it goes
// on without; noteAfter is when it says so.
const (
	upgradeWait = time.Minute
	noteAfter   = 2 * time.Second
)

// Upgrade does what is left to do, if anything is. One of many processes does it,
// and the others wait. While a run goes on it is put off, since the run writes its
// log; so it is after an error, which leaves everything to the next process.
func (s *Store) Upgrade(ctx context.Context, u Upgrade) error {
	if due, err := s.upgradeDue(ctx); err != nil || !due {
		return err
	}
	lock := flock.New(filepath.Join(s.dir, "upgrade.lock"), flock.SetPermissions(0o600))
	if err := lockUpgrade(ctx, lock, u.note); err != nil {
		return err
	}
	defer lock.Close()
	if due, err := s.upgradeDue(ctx); err != nil || !due {
		return err
	}
	if alive, err := s.anyAlive(ctx); err != nil || alive {
		return err
	}
	if err := s.scrub(ctx, u); err != nil {
		return fmt.Errorf("cannot scrub what stood in clear: %w", err)
	}
	u.did("rows")
	if err := s.compact(ctx); err != nil {
		return fmt.Errorf("cannot take what stood in clear out of the database's free pages: %w", err)
	}
	u.did("compact")
	return s.tell(ctx, u)
}

func (u Upgrade) note(text string) {
	if u.Note != nil {
		u.Note(text)
	}
}

func (u Upgrade) did(step string) {
	if u.after != nil {
		u.after(step)
	}
}

func (s *Store) upgradeDue(ctx context.Context) (due bool, err error) {
	err = s.records.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM unread) OR EXISTS (SELECT 1 FROM chores)`).Scan(&due)
	return due, s.wrap(err)
}

func lockUpgrade(ctx context.Context, lock *flock.Flock, note func(string)) error {
	for begun, said := time.Now(), false; ; {
		ok, err := lock.TryLock()
		switch {
		case err != nil:
			return fmt.Errorf("cannot upgrade the catalogue: %w", plain(err))
		case ok:
			return nil
		case time.Since(begun) > upgradeWait:
			return errors.New("cannot upgrade the catalogue: another infrahaus has been at it for " + upgradeWait.String())
		case !said && time.Since(begun) > noteAfter:
			said = true
			note("waiting for another infrahaus that upgrades the catalogue")
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// anyAlive says that a run of any container goes on.
func (s *Store) anyAlive(ctx context.Context) (bool, error) {
	open, err := scanRuns(ctx, s.records, `ended_at IS NULL AND id <> ?`, "")
	for _, r := range open {
		if s.locked(r) {
			return true, nil
		}
	}
	return false, s.wrap(err)
}

func chore(ctx context.Context, q querier, name string) (detail string, due bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT detail FROM chores WHERE name = ?`, name).Scan(&detail)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return detail, err == nil, err
}

const (
	setChore  = `INSERT INTO chores (name, detail) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET detail = excluded.detail`
	doneChore = `DELETE FROM chores WHERE name = ?`
)

// compact rewrites the database without its free pages, and empties its -wal.
func (s *Store) compact(ctx context.Context) error {
	_, due, err := chore(ctx, s.records, choreCompact)
	if err != nil || !due {
		return s.wrap(err)
	}
	// Gone with the old file's pages, and with the -wal that the new ones came by.
	if err := s.exec(ctx, `VACUUM`); err != nil {
		return err
	}
	if err := s.truncateWAL(ctx); err != nil {
		return err
	}
	return s.exec(ctx, doneChore, choreCompact)
}

// truncateWAL empties the -wal file. Somebody who still reads an older state is in
// the way of that.
func (s *Store) truncateWAL(ctx context.Context) error {
	var busy, pages, moved int
	if err := s.records.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return s.wrap(err)
	}
	if busy != 0 {
		return &Error{Kind: Locked, Path: s.path, Hint: "see who has it: fuser " + s.path}
	}
	return nil
}

func (s *Store) tell(ctx context.Context, u Upgrade) error {
	detail, due, err := chore(ctx, s.records, choreTell)
	if err != nil || !due {
		return s.wrap(err)
	}
	var e Exposure
	if err := json.Unmarshal([]byte(detail), &e); err != nil {
		return fmt.Errorf("cannot read what the upgrade found: %w", err)
	}
	u.Tell(e)
	u.did("tell")
	return s.exec(ctx, doneChore, choreTell)
}
