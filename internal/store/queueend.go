package store

import (
	"context"
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// JobEnd is how an attempt has ended.
type JobEnd struct {
	State      JobState // done, failed or cancelled
	ExitStatus int
	Error      string
	Hints      []string
}

// EndJob records the end of a running job. Jobs that come after one that did not end well fail
// with it. The error is *Late if the attempt is not the present one: its end does not count.
func (s *Store) EndJob(ctx context.Context, j QueuedJob, end JobEnd) error {
	return s.fenced(ctx, j, func(tx *Tx) error { return endJob(ctx, tx, j, end) })
}

func endJob(ctx context.Context, tx *Tx, j QueuedJob, end JobEnd) error {
	_, err := tx.ExecContext(ctx, `UPDATE queue SET state = ?, making = 0, ended_at = ?, exit_status = ?, error = ? WHERE id = ?`,
		string(end.State), formatTime(time.Now()), end.ExitStatus, withoutNUL(jobError{end.Error, end.Hints}.text()), j.ID)
	if err == nil {
		err = dropArchives(ctx, tx)
	}
	if err != nil || end.State == JobDone {
		return err
	}
	waiting, err := scanJobs(ctx, tx, jobColumns+` JOIN queue_after a ON a.job_id = q.id WHERE a.after_id = ? AND q.state = 'queued' ORDER BY q.id`, j.ID)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		after := JobEnd{State: JobFailed, ExitStatus: end.ExitStatus, Error: fmt.Sprintf("%s comes first, and is %s (job %s)", j.Hostname, end.State, j.ID)}
		if err := dropRecord(ctx, tx, w, after.Error); err != nil {
			return err
		}
		if err := endJob(ctx, tx, w, after); err != nil {
			return err
		}
	}
	return nil
}

// dropRecord ends the record of a create that was never begun, so that its name is free.
func dropRecord(ctx context.Context, tx *Tx, j QueuedJob, why string) error {
	return setLifecycle(ctx, tx, j.RecordID, func(c *lxc.Container) bool {
		if c.Lifecycle != lxc.Queued {
			return false
		}
		c.Lifecycle, c.Error, c.DestroyedAt = lxc.Destroyed, why, new(lxc.At(time.Now()))
		return true
	})
}

// Requeue gives a running job back, for its next attempt, because its worker ends.
func (s *Store) Requeue(ctx context.Context, j QueuedJob, offer Offer) error {
	return s.fenced(ctx, j, func(tx *Tx) error { return again(ctx, tx, j, offer) })
}

func again(ctx context.Context, tx *Tx, j QueuedJob, offer Offer) error {
	n, err := offer(ctx, tx, j.ID, j.Attempt+1, j.Priority)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE queue SET state = 'queued', attempt = ?, making = 0, offer = ?, ended_at = NULL, exit_status = NULL, error = '', stop = '' WHERE id = ?`,
		j.Attempt+1, n, j.ID)
	return err
}

// MaxAttempts is how often workers may die over one job before it fails: something in it may
// be what kills them.
const MaxAttempts = 5

// Engine announces jobs to workers by rows of its own in the same database.
type Engine struct {
	Offer Offer
	Drop  func(ctx context.Context, tx *Tx, n int64) error // removes an announcement
	// Lost selects the ids of queued jobs of which no announcement is left. alive is a condition
	// for a row w of the table workers.
	Lost func(alive string) string
}

// RescueJobs gives the jobs of dead workers to the next attempt, and ends those that have had
// MaxAttempts of them, or that somebody wants to stop. The runs of these jobs are marked in the
// same transaction, so that a worker which was only asleep can write nothing for them any more.
// It also announces queued jobs whose announcement is lost, as after a copy of the catalogue.
func (s *Store) RescueJobs(ctx context.Context, engine Engine) (rescued []QueuedJob, err error) {
	dead := fmt.Sprintf(jobColumns+` WHERE q.state = 'running' AND q.beat < %s - %d ORDER BY q.id`, s.d.clock(), leaseLimit().Milliseconds())
	lost := engine.Lost(s.workerAlive())
	look := func(on rowsQuerier) (found, quiet []QueuedJob, err error) {
		if found, err = scanJobs(ctx, on, dead); err == nil {
			quiet, err = scanJobs(ctx, on, jobColumns+` WHERE q.id IN (`+lost+`) ORDER BY q.id`)
		}
		return found, quiet, err
	}
	// Look before taking the write lock: there is rarely something to do.
	found, quiet, err := look(s.records)
	if err != nil || len(found)+len(quiet) == 0 {
		return nil, s.wrap(err)
	}
	err = s.tx(ctx, func(tx *Tx) error {
		found, quiet, err := look(tx)
		if err != nil {
			return err
		}
		for _, j := range found {
			if err := s.rescue(ctx, tx, j, engine); err != nil {
				return err
			}
		}
		rescued = found
		for _, j := range quiet {
			n, err := engine.Offer(ctx, tx, j.ID, j.Attempt, j.Priority)
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE queue SET offer = ? WHERE id = ?`, n, j.ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return rescued, err
}

func (s *Store) rescue(ctx context.Context, tx *Tx, j QueuedJob, engine Engine) error {
	if _, err := tx.ExecContext(ctx, `UPDATE runs SET taken_by = ? WHERE job = ? AND ended_at IS NULL AND taken_by IS NULL`, jobService+j.ID, j.ID); err != nil {
		return err
	}
	if err := engine.Drop(ctx, tx, j.Offer); err != nil {
		return err
	}
	switch {
	case j.Stop != "":
		return endJob(ctx, tx, j, JobEnd{State: JobCancelled, ExitStatus: exit.Interrupted, Error: "cancelled by " + j.Stop + " while its worker was dead; the container is as that left it"})
	case j.Attempt >= MaxAttempts:
		return endJob(ctx, tx, j, JobEnd{State: JobFailed, ExitStatus: exit.Other, Error: fmt.Sprintf("%d workers have died over it", j.Attempt)})
	}
	return again(ctx, tx, j, engine.Offer)
}

// CancelJob cancels a queued job at once; the record of a create that was not begun ends with
// it. A running job is marked: its worker ends its run as Ctrl-C would. It returns the job as it
// is then. A job that has ended stays as it is.
func (s *Store) CancelJob(ctx context.Context, id, by string) (job QueuedJob, err error) {
	err = s.tx(ctx, func(tx *Tx) error {
		j, err := s.jobIn(ctx, tx, id)
		if err == nil && !j.State.Ended() {
			_, err = tx.ExecContext(ctx, `UPDATE queue SET stop = ? WHERE id = ?`, by, j.ID)
		}
		if err == nil && j.State == JobQueued {
			why := "cancelled by " + by
			if err = dropRecord(ctx, tx, j, why); err == nil {
				err = endJob(ctx, tx, j, JobEnd{State: JobCancelled, ExitStatus: exit.Interrupted, Error: why})
			}
		}
		if err == nil {
			job, err = s.jobIn(ctx, tx, j.ID)
		}
		return err
	})
	return job, err
}

// RetryJob queues a failed or cancelled job again, for its next attempt. Another job, or a job
// that waits or runs, is an error of check.
func (s *Store) RetryJob(ctx context.Context, id string, offer Offer, check func(QueuedJob, lxc.Container) error) (job QueuedJob, err error) {
	err = s.tx(ctx, func(tx *Tx) error {
		j, err := s.jobIn(ctx, tx, id)
		if err != nil {
			return err
		}
		of, err := query(ctx, tx, `WHERE id = ?`, j.RecordID)
		if err == nil && len(of) == 0 {
			err = &NotFound{Ref: j.RecordID}
		}
		if err == nil {
			err = check(j, of[0])
		}
		if err == nil {
			err = again(ctx, tx, j, offer)
		}
		if err == nil {
			job, err = s.jobIn(ctx, tx, j.ID)
		}
		return err
	})
	return job, err
}
