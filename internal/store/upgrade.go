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

// Upgrade finishes the migration of a database of version 3 or older. Those programs took
// the text before a "=" in a credentials file for the name of a key. Names are not
// encrypted, so a part of a secret could be in clear text in the catalogue, its logs, its
// copies and Redis.
type Upgrade struct {
	// Reread opens a sealed row and returns it as the present rules read it, unchanged if
	// it was right. leaked are the secret texts that were its names. An error means that
	// the vault cannot open the row (yet).
	Reread func(Sealed) (now Sealed, leaked []string, err error)
	// Redis is the mirror's address, "" for none.
	Redis string
	// Note reports what the upgrade does or waits for. It may be nil.
	Note func(string)
	// Tell is called once, in only one of all processes, with the findings that the user
	// must know.
	Tell func(Exposure)

	after func(step string) // for tests
}

// Exposure lists what was in clear text before an upgrade.
type Exposure struct {
	Leaks   []Leak   `json:"leaks"`
	Unread  int      `json:"unread"`  // sealed values that the vault could not open
	KeyErr  string   `json:"keyErr"`  // why the vault could not
	Copies  []Soiled `json:"copies"`  // copies of the database that could not be scrubbed
	Redis   string   `json:"redis"`   // the mirror's address, without a password; "" if there is none
	Removed int      `json:"redisId"` // entries removed from the stream
	Trouble string   `json:"trouble"` // why Redis could not be scrubbed
}

// Leak is a service of a container whose secret was in clear text.
type Leak struct {
	RecordID string `json:"recordId"`
	Service  string `json:"service"`
}

// Soiled is a file that could not be scrubbed.
type Soiled struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// The chores of an upgrade, in their order. A chore stays on record until it is done. The
// first one needs to know which texts leaked; it cleans the rows that tell it that last
// of all. So an upgrade that was killed continues from where it was.
const (
	choreScrub   = "scrub"   // clean logs, copies and Redis, and then the rows
	choreCompact = "compact" // remove overwritten text from the database file and its -wal
	choreTell    = "tell"    // detail: an Exposure
)

// A process waits upgradeWait for another one's upgrade, and then goes on without it;
// after noteAfter it says that it waits.
const (
	upgradeWait = time.Minute
	noteAfter   = 2 * time.Second
)

// Upgrade does the chores that are left, if any. One of many processes does them while
// the others wait. It does nothing while a run is in progress, because the run writes its
// log. After an error the chores are left to the next process.
func (s *Store) Upgrade(ctx context.Context, u Upgrade) error {
	if s.shared() { // no older version had one
		return nil
	}
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
		return fmt.Errorf("cannot remove the secrets in clear text: %w", err)
	}
	u.did("rows")
	if err := s.compact(ctx); err != nil {
		return fmt.Errorf("cannot remove the secrets in clear text from the database's free pages: %w", err)
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

// anyAlive reports whether a run of any container is in progress.
func (s *Store) anyAlive(ctx context.Context) (bool, error) {
	open, err := scanRuns(ctx, s.records, s.beating(), `ended_at IS NULL AND id <> ?`, "")
	for _, r := range open {
		if s.alive(r) {
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

// compact rewrites the database without its free pages and empties its -wal.
func (s *Store) compact(ctx context.Context) error {
	_, due, err := chore(ctx, s.records, choreCompact)
	if err != nil || !due {
		return s.wrap(err)
	}
	// VACUUM removes deleted text with the old pages. The new pages are still in the
	// -wal, beside older ones: truncateWAL removes those.
	if err := s.exec(ctx, `VACUUM`); err != nil {
		return err
	}
	if err := s.truncateWAL(ctx); err != nil {
		return err
	}
	return s.exec(ctx, doneChore, choreCompact)
}

// truncateWAL empties the -wal file. It fails while another process still reads an older
// state of the database.
func (s *Store) truncateWAL(ctx context.Context) error {
	var busy, pages, moved int
	if err := s.records.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return s.wrap(err)
	}
	if busy != 0 {
		return &Error{Kind: Locked, Path: s.path, Hint: "see which process uses it: fuser " + s.path}
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
		return fmt.Errorf("cannot read the findings of the upgrade: %w", err)
	}
	u.Tell(e)
	u.did("tell")
	return s.exec(ctx, doneChore, choreTell)
}
