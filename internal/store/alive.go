package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Busy says that another process has a run of the same container going on.
type Busy struct{ Run Run }

func (e *Busy) Error() string {
	who := ""
	if e.Run.PID != 0 {
		who = fmt.Sprintf(", process %d on %s: %s", e.Run.PID, e.Run.Machine, e.Run.Command)
	}
	return fmt.Sprintf("another infrahaus is at work on this container (%s since %s%s)",
		e.Run.Kind, e.Run.StartedAt.Format("15:04:05Z07:00"), who)
}

// A run that goes on holds a lock on a file beside its log. The system frees it
// when the process dies, however it dies: a run without an end and without a
// lock was killed.
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

// RunAlive says that a run has not ended and that its process lives. It asks the
// database, since r may be old; where that cannot be read, the lock alone.
func (s *Store) RunAlive(ctx context.Context, r Run) bool {
	if now, err := s.run(ctx, r.ID); r.EndedAt != nil || err == nil && now.EndedAt != nil {
		return false
	}
	return s.locked(r)
}

// locked says that some process holds a run's lock.
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

// release frees a run's lock and takes its file away. Whoever still looks at the
// file finds no lock on it.
func release(lock *flock.Flock) {
	os.Remove(lock.Path())
	lock.Close()
}
