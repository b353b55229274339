package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Claim is what a worker asks for when it has room for a job.
type Claim struct {
	Worker  string   // the worker's id
	Format  int      // the newest format that it knows
	Hosts   []string // the ids of the hosts that it can reach
	Prefer  string   // the job that was announced to it,
	Offer   int64    // by this announcement
	PerHost int      // at most so many jobs at once on a host; 0: any number
	PerNode int      // at most so many create tasks at once on a node; 0: any number
}

// NothingNow is why Claim has given no job.
type NothingNow string

// The reasons.
const (
	NothingQueued NothingNow = "nothing is queued"
	AllWait       NothingNow = "all wait for room or for another job"
	ForOthers     NothingNow = "all are for other workers"
)

// ClaimJob gives the worker a job, which runs from then on: the preferred one if it can begin,
// else the first that can, by priority and age. A job waits while another one of its container
// is before it, for the jobs that it comes after, and for room on its host and node. A record
// that was only queued is in the state creating afterwards. The job is nil if none can begin.
func (s *Store) ClaimJob(ctx context.Context, q Claim) (job *QueuedJob, why NothingNow, err error) {
	err = s.tx(ctx, func(tx *Tx) error {
		job = nil
		mine := `q.format <= ? AND q.host IN (` + quoted(q.Hosts) + `)`
		if len(q.Hosts) == 0 {
			mine = `q.format <= ? AND 1 = 0`
		}
		free := `q.state = 'queued' AND ` + mine + ` AND q.stop = ''
			AND NOT EXISTS (SELECT 1 FROM queue b WHERE b.record_id = q.record_id AND b.id <> q.id AND (b.state = 'running' OR b.state = 'queued' AND b.id < q.id))
			AND NOT EXISTS (SELECT 1 FROM queue_after a JOIN queue f ON f.id = a.after_id WHERE a.job_id = q.id AND f.state <> 'done')`
		if q.PerHost > 0 {
			free += fmt.Sprintf(` AND (SELECT count(*) FROM queue b WHERE b.state = 'running' AND b.host = q.host) < %d`, q.PerHost)
		}
		if q.PerNode > 0 {
			free += fmt.Sprintf(` AND (q.verb <> 'create' OR q.attempt > 1 OR q.node = '' OR
				(SELECT count(*) FROM queue b WHERE b.state = 'running' AND b.making = 1 AND b.host = q.host AND b.node = q.node) < %d)`, q.PerNode)
		}
		found, err := scanJobs(ctx, tx, jobColumns+` WHERE q.id = ? AND `+free, q.Prefer, q.Format)
		if err == nil && len(found) == 0 {
			found, err = scanJobs(ctx, tx, jobColumns+` WHERE `+free+` ORDER BY q.priority, q.id LIMIT 1`, q.Format)
		}
		if err != nil {
			return err
		}
		if len(found) == 0 {
			why, err = nothing(ctx, tx, mine, q.Format)
			return err
		}
		j := found[0]
		// The announcement is used up. Where a job has it that goes on waiting, that one gets the
		// announcement of the job which begins instead.
		if j.Offer != q.Offer {
			_, err = tx.ExecContext(ctx, `UPDATE queue SET offer = ? WHERE offer = ? AND state = 'queued'`, j.Offer, q.Offer)
			j.Offer = q.Offer
		}
		if err == nil {
			now := time.Now()
			j.State, j.Worker, j.StartedAt = JobRunning, q.Worker, new(lxc.At(now))
			_, err = tx.ExecContext(ctx, `UPDATE queue SET state = 'running', worker = ?, offer = ?, beat = `+s.d.clock()+`,
				making = CASE WHEN verb = 'create' AND attempt = 1 AND node <> '' THEN 1 ELSE 0 END,
				started_at = ?, ended_at = NULL, exit_status = NULL, error = '' WHERE id = ?`, q.Worker, j.Offer, formatTime(now), j.ID)
		}
		if err == nil {
			err = setLifecycle(ctx, tx, j.RecordID, func(c *lxc.Container) bool {
				was := c.Lifecycle
				if c.Lifecycle == lxc.Queued {
					c.Lifecycle = lxc.Creating
				}
				return c.Lifecycle != was
			})
		}
		job = &j
		return err
	})
	return job, why, err
}

// nothing says why no job can begin.
func nothing(ctx context.Context, tx *Tx, mine string, format int) (NothingNow, error) {
	var all, own int
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(CASE WHEN `+mine+` THEN 1 ELSE 0 END), 0) FROM queue q WHERE q.state = 'queued'`, format).Scan(&all, &own)
	switch {
	case err != nil:
		return "", err
	case all == 0:
		return NothingQueued, nil
	case own == 0:
		return ForOthers, nil
	}
	return AllWait, nil
}

// JobsLeft counts the jobs that wait or run, of these hosts and up to this format.
func (s *Store) JobsLeft(ctx context.Context, hosts []string, format int) (left int, err error) {
	if len(hosts) == 0 {
		return 0, nil
	}
	err = s.records.QueryRowContext(ctx, `SELECT count(*) FROM queue WHERE state IN ('queued', 'running') AND format <= ? AND host IN (`+quoted(hosts)+`)`, format).Scan(&left)
	return left, s.wrap(err)
}

// setLifecycle changes a record in a transaction, if change says so.
func setLifecycle(ctx context.Context, tx *Tx, recordID string, change func(*lxc.Container) bool) error {
	found, err := query(ctx, tx, `WHERE id = ?`, recordID)
	if err != nil || len(found) == 0 {
		return err
	}
	c := found[0]
	if !change(&c) {
		return nil
	}
	c.UpdatedAt = lxc.At(time.Now())
	doc, err := document(c)
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE containers SET doc = ? WHERE id = ?`, doc, recordID)
	}
	return err
}

// Late is the error for an attempt of a job that another one has replaced, or that was ended
// by somebody else. It must change nothing any more.
type Late struct{ Job QueuedJob }

func (e *Late) Error() string {
	if e.Job.State == JobQueued || e.Job.State == JobRunning {
		return fmt.Sprintf("job %s was given to attempt %d, because this worker was not heard of for %s", e.Job.ID, e.Job.Attempt, leaseLimit())
	}
	return fmt.Sprintf("job %s has ended already: it is %s", e.Job.ID, e.Job.State)
}

// fenced runs a change of a running job, unless it is not this worker's attempt any more.
func (s *Store) fenced(ctx context.Context, j QueuedJob, do func(*Tx) error) error {
	return s.tx(ctx, func(tx *Tx) error {
		now, err := s.jobIn(ctx, tx, j.ID)
		switch {
		case err != nil:
			return err
		case !now.isAttempt(j):
			return &Late{now}
		}
		return do(tx)
	})
}

// isAttempt reports whether a job, as it is on record, runs the attempt that j was claimed for.
func (now QueuedJob) isAttempt(j QueuedJob) bool {
	return now.Attempt == j.Attempt && now.State == JobRunning && now.Worker == j.Worker
}

// MakeRoom waits for nothing: it reports whether the node has room for the create task of a
// running job, and takes it. The room is free again after FreeRoom, and after the job's end.
func (s *Store) MakeRoom(ctx context.Context, j QueuedJob, node string, perNode int) (ok bool, err error) {
	err = s.fenced(ctx, j, func(tx *Tx) error {
		var others int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM queue WHERE state = 'running' AND making = 1 AND host = ? AND node = ? AND id <> ?`, j.HostID, node, j.ID).Scan(&others)
		if ok = err == nil && (perNode <= 0 || others < perNode); !ok {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE queue SET node = ?, making = 1 WHERE id = ?`, node, j.ID)
		return err
	})
	return ok, err
}

// FreeRoom says that the create task of a job has ended.
func (s *Store) FreeRoom(ctx context.Context, j QueuedJob) error {
	return s.fenced(ctx, j, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE queue SET making = 0 WHERE id = ?`, j.ID)
		return err
	})
}

// JobRun records which run an attempt is.
func (s *Store) JobRun(ctx context.Context, j QueuedJob, runID string) error {
	return s.fenced(ctx, j, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE queue SET run_id = ? WHERE id = ?`, runID, j.ID)
		return err
	})
}

// Held are the attempts that a worker still has, and the ids of those that somebody wants to
// stop.
type Held struct {
	Attempts map[string]int
	Stop     map[string]string
}

// BeatJobs writes the signs of life of a worker and of its jobs, and reads which jobs it still
// has.
func (s *Store) BeatJobs(ctx context.Context, w Worker) (Held, error) {
	held := Held{Attempts: map[string]int{}, Stop: map[string]string{}}
	if err := s.saveWorker(ctx, w); err != nil {
		return held, err
	}
	if _, err := s.changed(ctx, `UPDATE queue SET beat = `+s.d.clock()+` WHERE worker = ? AND state = 'running'`, w.ID); err != nil {
		return held, s.wrap(err)
	}
	err := each(ctx, s.events, `SELECT id, attempt, stop FROM queue WHERE worker = ? AND state = 'running'`, func(r *sql.Rows) error {
		var id, stop string
		var attempt int
		err := r.Scan(&id, &attempt, &stop)
		held.Attempts[id] = attempt
		if stop != "" {
			held.Stop[id] = stop
		}
		return err
	}, w.ID)
	return held, s.wrap(err)
}

// JobRunnable returns *Late if an attempt is not the present one any more.
func (s *Store) JobRunnable(ctx context.Context, j QueuedJob) error {
	found, err := s.QueuedJob(ctx, j.ID)
	var none *NoJob
	switch {
	case errors.As(err, &none), err == nil && !found.isAttempt(j):
		return &Late{found}
	}
	return err
}
