package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A run on one of several machines cannot be asked by a lock whether it is alive: it writes
// the database's time into its row. A lock in the state folder still answers at once for the
// runs of this folder.
//
// A worker's run has to do so everywhere: a process that is stopped keeps its lock, and another
// worker has to go on with its job.
const (
	beatEvery = 5 * time.Second
	beatLimit = 30 * time.Second // a run that has not written for so long counts as killed
)

// LeaseLimit is how long a worker may be silent until its jobs are given to others.
func LeaseLimit() time.Duration { return leaseLimit() }

// BeatEvery is how often a worker shows a sign of life.
func BeatEvery() time.Duration { return leaseLimit() / (beatLimit / beatEvery) }

// Taken is the error for a run that another one has taken over: its machine was away or asleep
// for longer than beatLimit. It must change nothing any more.
type Taken struct {
	By Run // its Kind is "" if another worker is about to begin it
}

func (e *Taken) Error() string {
	if e.By.Kind == "" {
		return fmt.Sprintf("another worker goes on with this job, because this one was not heard of for %s", leaseLimit())
	}
	return fmt.Sprintf("another run has taken this container over, because this one was not heard of for %s: %s since %s, %s",
		leaseLimit(), e.By.Kind, e.By.StartedAt.Format("15:04:05Z07:00"), e.By.who())
}

// Commands shows what the other run does.
func (e *Taken) Commands(command func(words ...string) string) []string {
	if e.By.Kind == "" {
		return []string{command("jobs", "list")}
	}
	return []string{command("events", e.By.RecordID, "--follow")}
}

// taken returns *Taken if another run has taken a run over.
func (s *Store) taken(ctx context.Context, runID string) error {
	return takenIn(ctx, s.events, runID, s.beating())
}

func takenIn(ctx context.Context, q rowsQuerier, runID, beating string) error {
	taker := ""
	err := each(ctx, q, `SELECT taken_by FROM runs WHERE id = ? AND taken_by IS NOT NULL`, func(r *sql.Rows) error { return r.Scan(&taker) }, runID)
	if err != nil || taker == "" {
		return err
	}
	by, err := scanRuns(ctx, q, beating, `id = ?`, taker)
	if err != nil {
		return err
	}
	if len(by) == 0 {
		return &Taken{}
	}
	return &Taken{By: by[0]}
}

// beating is an expression for a run's sign of life.
func (s *Store) beating() string {
	return fmt.Sprintf(`coalesce(beat, 0) > %s - %d`, s.d.clock(), leaseLimit().Milliseconds())
}

// shared reports whether other machines use the catalogue too.
func (s *Store) shared() bool {
	_, alone := s.d.(lite)
	return !alone
}

// alive reports whether a run without an end is in progress.
func (s *Store) alive(r Run) bool {
	switch {
	case s.shared() && r.home != s.home():
		return r.beating
	case r.Job != "":
		return r.beating && s.locked(r)
	}
	return s.locked(r)
}

// home names the state folder, so that its runs are known by their locks. "" in a folder that
// cannot be written: then all runs are known by their beats.
func (s *Store) home() string {
	s.homeOnce.Do(func() {
		path := filepath.Join(s.dir, "home")
		for range 2 {
			text, err := os.ReadFile(path)
			if err == nil {
				s.homeID = strings.TrimSpace(string(text))
				return
			}
			made, err := os.CreateTemp(s.dir, ".home-*")
			if err != nil {
				return
			}
			_, err = made.WriteString(rand.Text() + "\n")
			if err = errors.Join(err, made.Close()); err == nil {
				_ = os.Link(made.Name(), path) // fails where another process was first
			}
			os.Remove(made.Name())
		}
	})
	return s.homeID
}

// beat writes the signs of life of this process's runs until the store is closed.
func (s *Store) beat() {
	ticks := time.NewTicker(BeatEvery())
	defer ticks.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-ticks.C:
		}
		s.mu.Lock()
		var ids []string
		for id := range s.live {
			ids = append(ids, id)
		}
		s.mu.Unlock()
		for _, id := range ids {
			ctx, cancel := context.WithTimeout(context.Background(), BeatEvery())
			// An error is one of the next write, too, which says so.
			_ = s.renew(ctx, id)
			cancel()
		}
	}
}

// wall is the time of day, which goes on while a machine is asleep; the monotonic clock stops.
func wall() time.Time { return time.Now().Round(0) }

// renew writes the sign of life of a run of this process, if it still has its lease.
func (s *Store) renew(ctx context.Context, id string) error {
	at := wall()
	res, err := s.events.ExecContext(ctx, `UPDATE runs SET beat = `+s.d.clock()+` WHERE id = ? AND ended_at IS NULL AND taken_by IS NULL`, id)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, begun := s.kept[id]; begun {
		s.kept[id] = at
	}
	return nil
}

// Fence returns *Taken if another run has taken over this process's run. It asks the database
// only if the run's lease was not renewed lately, as after its process was asleep. A change that
// follows at once is made within the lease.
func (s *Store) Fence(ctx context.Context, runID string) error {
	fresh := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		since := wall().Sub(s.kept[runID])
		return since >= 0 && since < leaseLimit()/2
	}
	if fresh() {
		return nil
	}
	if err := s.d.write(ctx, s.events, func() error { return s.renew(ctx, runID) }); err != nil {
		return s.wrap(err)
	}
	if fresh() {
		return nil
	}
	return s.wrap(s.taken(ctx, runID))
}

// changed runs one statement that is a transaction of its own, over the connection for events.
func (s *Store) changed(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.d.write(ctx, s.events, func() error {
		var res sql.Result
		if res, err = s.events.ExecContext(ctx, query, args...); err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	return n, err
}
