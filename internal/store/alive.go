package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Busy is the error for a container on which a run of another process is in progress.
type Busy struct{ Run Run }

func (e *Busy) Error() string {
	who := ""
	if e.Run.PID != 0 {
		who = ", " + e.Run.who()
	}
	return fmt.Sprintf("another infrahaus is at work on this container (%s since %s%s)",
		e.Run.Kind, e.Run.StartedAt.Format("15:04:05Z07:00"), who)
}

// who is the process of a run.
func (r Run) who() string {
	text := fmt.Sprintf("process %d on %s", r.PID, r.Machine)
	if r.User != "" {
		text += " by " + r.User
	}
	return text + ": " + r.Command
}

// Commands follows what the other process does.
func (e *Busy) Commands(command func(words ...string) string) []string {
	return []string{command("events", e.Run.RecordID, "--follow")}
}

// livePath is the lock file of a run, beside its log. A run in progress holds the lock,
// and the system releases it however the process dies. So a run without an end and
// without a lock was killed.
func (s *Store) livePath(recordID, runID string) string {
	return filepath.Join(s.dir, "logs", recordID, runID+".live")
}

func (s *Store) holdLive(recordID, runID string) (*flock.Flock, error) {
	path := s.livePath(recordID, runID)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot begin the run: %w", plain(err))
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	if _, err := lock.TryLock(); err != nil {
		return nil, fmt.Errorf("cannot begin the run: %w", plain(err))
	}
	return lock, nil
}

// RunAlive reports whether a run has not ended and its process is alive. It asks the
// database, because r may be old. If the database cannot be read, the lock alone decides.
func (s *Store) RunAlive(ctx context.Context, r Run) bool {
	now, err := s.run(ctx, r.ID)
	switch {
	case r.EndedAt != nil || err == nil && now.EndedAt != nil:
		return false
	case err == nil:
		r = now
	}
	return s.alive(r)
}

// locked reports whether a process holds the run's lock.
func (s *Store) locked(r Run) bool {
	path := s.livePath(r.RecordID, r.ID)
	if _, err := os.Stat(path); err != nil {
		return false
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	defer lock.Close()
	free, err := lock.TryRLock()
	return err == nil && !free
}

// release releases a run's lock and removes the file. A process that still has the file
// open finds no lock on it.
func release(lock *flock.Flock) {
	os.Remove(lock.Path())
	lock.Close()
}
