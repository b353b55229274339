package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// JobState is the state of a job in the queue.
type JobState string

// A job goes queued → running → done, failed or cancelled. A job of a dead worker, or one that
// is retried, is queued again with the next attempt.
const (
	JobQueued    JobState = "queued"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Ended reports whether nothing will happen to a job by itself any more.
func (s JobState) Ended() bool { return s == JobDone || s == JobFailed || s == JobCancelled }

// QueuedJob is a job in the queue: one run on one container, for a worker.
type QueuedJob struct {
	ID       string   `json:"id"` // from NewRecordID, so that ids sort by time
	RecordID string   `json:"containerId"`
	Hostname string   `json:"hostname"`
	Verb     string   `json:"verb"`     // create, sync, destroy or discover
	Format   int      `json:"format"`   // of the request; an older worker leaves a newer format alone
	Priority int      `json:"priority"` // 1 (first) to 4
	HostID   string   `json:"-"`
	Host     string   `json:"host"`
	Node     string   `json:"node,omitempty"` // where the container is, or will be made; "": not known yet
	Attempt  int      `json:"attempt"`        // from 1; each later one goes on with the work of the one before
	State    JobState `json:"state"`
	Worker   string   `json:"worker,omitempty"`   // the id of the worker that runs it, or ran it last
	RunID    string   `json:"runId,omitempty"`    // its last run
	Template string   `json:"template,omitempty"` // the digest of the archive with its template; "": it carries none
	After    []string `json:"after,omitempty"`    // the jobs that have to end well first

	JobOrigin
	CreatedAt  lxc.Time  `json:"createdAt"`
	StartedAt  *lxc.Time `json:"startedAt,omitempty"`
	EndedAt    *lxc.Time `json:"endedAt,omitempty"`
	ExitStatus *int      `json:"exitStatus,omitempty"`
	Error      string    `json:"error,omitempty"`
	Hints      []string  `json:"hints,omitempty"`
	Stop       string    `json:"cancelledBy,omitempty"` // the person who wants it to stop

	Offer int64 `json:"-"` // the engine's row that announces it
}

// JobOrigin says where a job comes from.
type JobOrigin struct {
	Command string `json:"command,omitempty"` // the command line, with secret values masked
	User    string `json:"user,omitempty"`
	Machine string `json:"machine,omitempty"`
	Version string `json:"version,omitempty"`
}

// jobError is a job's error and the next commands.
type jobError struct {
	Message string   `json:"message"`
	Hints   []string `json:"hints,omitempty"`
}

func (e jobError) text() string {
	if e.Message == "" {
		return ""
	}
	raw, _ := json.Marshal(e) // texts alone
	return string(raw)
}

// JobService is the name under which a job's request is sealed. Its row is the record's, so
// that a rotation of keys seals it again.
func JobService(jobID string) string { return jobService + jobID }

const jobService = "_job-"

// IsJobService reports whether a sealed row is the request of a job.
func IsJobService(service string) bool { return strings.HasPrefix(service, jobService) }

// NewJob is a job that is about to be queued.
type NewJob struct {
	QueuedJob
	Sealed []Sealed // its request, under JobService, and what else is sealed with it
	// Offer announces the job to the workers in the same transaction, and returns the number of
	// the announcement.
	Offer   Offer
	Archive []byte // what Template is the digest of, see Archive
}

// Offer announces an attempt of a job to the workers, within a transaction.
type Offer func(ctx context.Context, tx *Tx, jobID string, attempt, priority int) (int64, error)

// Enqueue puts a job of a container on record into the queue.
func (s *Store) Enqueue(ctx context.Context, j NewJob) error {
	return s.tx(ctx, func(tx *Tx) error { return s.enqueueIn(ctx, tx, j) })
}

// CreateAndEnqueue is CreateWithJob and Enqueue in one transaction. The record's lifecycle
// should be lxc.Queued.
func (s *Store) CreateAndEnqueue(ctx context.Context, c lxc.Container, variables Sealed, doc json.RawMessage, j NewJob) error {
	return s.createContainer(ctx, c, func(tx *Tx) error {
		if err := putJob(ctx, tx, c.RecordID, variables, doc); err != nil {
			return err
		}
		return s.enqueueIn(ctx, tx, j)
	})
}

func (s *Store) enqueueIn(ctx context.Context, tx *Tx, j NewJob) error {
	if err := checkID(j.ID); err != nil {
		return err
	}
	var there int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM queue WHERE id = ?`, j.ID).Scan(&there); err != nil || there > 0 {
		return err // the answer to the first attempt was lost with its connection
	}
	for _, one := range j.Sealed {
		args, err := sealedArgs(one.RecordID, one.Service, one.Keys, one.Envelope)
		if err == nil {
			_, err = tx.ExecContext(ctx, saveSealed, args...)
		}
		if err != nil {
			return err
		}
	}
	if err := keepArchive(ctx, tx, j.Template, j.Archive); err != nil {
		return err
	}
	now := formatTime(time.Now())
	doc, err := json.Marshal(j.JobOrigin)
	if err != nil {
		return err
	}
	offer, err := j.Offer(ctx, tx, j.ID, 1, j.Priority)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO queue (id, record_id, verb, format, priority, host, node, making, attempt, state, worker, run_id,
		template, doc, offer, beat, stop, created_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1, 'queued', '', '', ?, ?, ?, 0, '', ?, '')`,
		j.ID, j.RecordID, j.Verb, j.Format, j.Priority, j.HostID, j.Node, j.Template, withoutNUL(string(doc)), offer, now)
	if err != nil {
		return err
	}
	for _, first := range j.After {
		if _, err := tx.ExecContext(ctx, `INSERT INTO queue_after (job_id, after_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, j.ID, first); err != nil {
			return err
		}
	}
	return nil
}

// JobQuery selects jobs.
type JobQuery struct {
	ID       string     // "": any
	RecordID string     // "": any
	HostID   string     // "": any
	States   []JobState // nil: any
}

// NoJob is the error for a job that the catalogue does not have.
type NoJob struct{ Ref string }

func (e *NoJob) Error() string { return fmt.Sprintf("cannot find job %s in the catalogue", e.Ref) }

// Commands lists the jobs that exist.
func (e *NoJob) Commands(command func(words ...string) string) []string {
	return []string{command("jobs", "list")}
}

// QueuedJob reads one job by its id. The error is *NoJob if there is none.
func (s *Store) QueuedJob(ctx context.Context, id string) (QueuedJob, error) {
	j, err := s.jobIn(ctx, s.records, id)
	return j, s.wrap(err)
}

func (s *Store) jobIn(ctx context.Context, on rowsQuerier, id string) (QueuedJob, error) {
	found, err := s.queued(ctx, on, JobQuery{ID: strings.ToUpper(id)})
	switch {
	case err != nil:
		return QueuedJob{}, err
	case len(found) == 0:
		return QueuedJob{}, &NoJob{Ref: id}
	}
	return found[0], nil
}

// QueuedJobs lists jobs, oldest first.
func (s *Store) QueuedJobs(ctx context.Context, q JobQuery) ([]QueuedJob, error) {
	found, err := s.queued(ctx, s.records, q)
	return found, s.wrap(err)
}

// CountJobs counts the jobs of each state that has any.
func (s *Store) CountJobs(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := each(ctx, s.records, `SELECT state, count(*) FROM queue GROUP BY state`, func(r *sql.Rows) error {
		var state string
		var n int
		if err := r.Scan(&state, &n); err != nil {
			return err
		}
		counts[state] = n
		return nil
	})
	return counts, s.wrap(err)
}

const jobColumns = `SELECT q.id, q.record_id, q.verb, q.format, q.priority, q.host, q.node, q.attempt, q.state, q.worker, q.run_id, q.template,
	q.doc, q.offer, q.stop, q.created_at, q.started_at, q.ended_at, q.exit_status, q.error, c.doc
	FROM queue q JOIN containers c ON c.id = q.record_id`

func (s *Store) queued(ctx context.Context, on rowsQuerier, q JobQuery) ([]QueuedJob, error) {
	where, args := []string{"1 = 1"}, []any{}
	for column, value := range map[string]string{"q.id": q.ID, "q.record_id": q.RecordID, "q.host": q.HostID} {
		if value != "" {
			where, args = append(where, column+" = ?"), append(args, value)
		}
	}
	if q.States != nil {
		where = append(where, "q.state IN ("+quoted(q.States)+")")
	}
	return scanJobs(ctx, on, jobColumns+` WHERE `+strings.Join(where, " AND ")+` ORDER BY q.id`, args...)
}

// quoted lists words of this program for SQL.
func quoted[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "'" + strings.ReplaceAll(string(w), "'", "''") + "'"
	}
	return strings.Join(out, ", ")
}

func scanJobs(ctx context.Context, on rowsQuerier, query string, args ...any) ([]QueuedJob, error) {
	var found []QueuedJob
	names, err := hostNames(ctx, on)
	if err != nil {
		return nil, err
	}
	err = each(ctx, on, query, func(r *sql.Rows) error {
		var j QueuedJob
		var doc, failed, container, created string
		var started, ended sql.NullString
		var status sql.NullInt64
		err := r.Scan(&j.ID, &j.RecordID, &j.Verb, &j.Format, &j.Priority, &j.HostID, &j.Node, &j.Attempt, &j.State, &j.Worker, &j.RunID, &j.Template,
			&doc, &j.Offer, &j.Stop, &created, &started, &ended, &status, &failed, &container)
		if err != nil {
			return err
		}
		var c lxc.Container
		if err := errors.Join(json.Unmarshal([]byte(doc), &j.JobOrigin), json.Unmarshal([]byte(container), &c)); err != nil {
			return fmt.Errorf("cannot read job %s: %w", j.ID, err)
		}
		if failed != "" {
			var e jobError
			if err := json.Unmarshal([]byte(failed), &e); err != nil {
				return fmt.Errorf("cannot read job %s: %w", j.ID, err)
			}
			j.Error, j.Hints = e.Message, e.Hints
		}
		j.Hostname, j.Host = c.Hostname, c.Host
		if names[j.HostID] != "" {
			j.Host = names[j.HostID]
		}
		j.CreatedAt, j.StartedAt, j.EndedAt = lxc.At(parseTime(created)), timeOf(started), timeOf(ended)
		if status.Valid {
			n := int(status.Int64)
			j.ExitStatus = &n
		}
		found = append(found, j)
		return nil
	}, args...)
	if err != nil {
		return nil, err
	}
	for i := range found { // after the rows: SQLite has one connection here
		err = each(ctx, on, `SELECT after_id FROM queue_after WHERE job_id = ? ORDER BY after_id`, func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			found[i].After = append(found[i].After, id)
			return err
		}, found[i].ID)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func timeOf(text sql.NullString) *lxc.Time {
	if !text.Valid {
		return nil
	}
	t := lxc.At(parseTime(text.String))
	return &t
}
