package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Run is one execution of phases against one container.
type Run struct {
	ID        string   `json:"id"` // from NewRecordID
	RecordID  string   `json:"containerId"`
	Kind      string   `json:"kind"` // create, discover, resume, sync, destroy, start, stop, restart
	StartedAt lxc.Time `json:"startedAt"`
	// EndedAt and ExitStatus are nil while the run is in progress, and stay nil if its
	// process was killed.
	EndedAt    *lxc.Time `json:"endedAt,omitempty"`
	ExitStatus *int      `json:"exitStatus,omitempty"`
	// The process of the run; 0 and "" for runs of older versions.
	PID     int    `json:"pid,omitempty"`
	Machine string `json:"machine,omitempty"`
	Command string `json:"command,omitempty"` // the command line, with secret values masked
	// The user, and the version of infrahaus. Both are "" for runs of older versions.
	User    string `json:"user,omitempty"`
	Version string `json:"version,omitempty"`
	Job     string `json:"job,omitempty"` // the job of the queue that a worker does with it

	home    string // the state folder of its machine, see Store.home
	beating bool   // it has shown a sign of life
}

// Discover is the only kind of run during which another may start: it changes nothing.
const Discover = "discover"

// Phases reports whether a run has phases, so that it can be resumed after it was killed.
// A discovery does not, nor does a run that asks Proxmox for a single action.
func (r Run) Phases() bool {
	return !slices.Contains([]string{Discover, "start", "stop", "restart"}, r.Kind)
}

// BeginRun records that a run is in progress, until EndRun or the end of this process. A
// zero StartedAt is now. It returns *Busy while another run of the same container is
// alive, unless that one only discovers.
func (s *Store) BeginRun(ctx context.Context, r Run) error {
	if err := checkID(r.ID); err != nil {
		return err
	}
	if r.StartedAt.IsZero() {
		r.StartedAt = lxc.At(time.Now())
	}
	r.Command = strings.ToValidUTF8(r.Command, "\uFFFD") // PostgreSQL takes nothing else
	lock, err := s.holdLive(r.RecordID, r.ID)
	if err != nil {
		return err
	}
	err = s.tx(ctx, func(tx *Tx) error {
		if err := s.refuseSecond(ctx, tx, r); err != nil {
			return err
		}
		home := ""
		if s.shared() {
			home = s.home()
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO runs (id, record_id, kind, started_at, pid, machine, command, user_name, version, home, job, beat)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, `+s.d.clock()+`) ON CONFLICT (id) DO NOTHING`,
			r.ID, r.RecordID, r.Kind, formatTime(r.StartedAt.Time), r.PID, r.Machine, r.Command, r.User, r.Version, home, r.Job)
		return err
	})
	if err != nil {
		release(lock)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[r.ID], s.kept[r.ID] = lock, wall()
	if s.shared() || r.Job != "" {
		s.beats.Do(func() { go s.beat() })
	}
	return nil
}

func (s *Store) refuseSecond(ctx context.Context, tx *Tx, r Run) error {
	others, err := scanRuns(ctx, tx, s.beating(), `record_id = ? AND kind <> '`+Discover+`' AND ended_at IS NULL AND taken_by IS NULL`, r.RecordID)
	if err != nil {
		return err
	}
	for _, other := range others {
		switch {
		case other.ID == r.ID: // the answer to the first attempt was lost with its connection
		case s.alive(other):
			return &Busy{Run: other}
		case r.Kind != Discover:
			// Its machine may only be asleep: when it wakes, it must not go on.
			if _, err := tx.ExecContext(ctx, `UPDATE runs SET taken_by = ? WHERE id = ?`, r.ID, other.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// EndRun records a run's end. A second call keeps the first end.
func (s *Store) EndRun(ctx context.Context, id string, exitStatus int) error {
	err := s.exec(ctx, `UPDATE runs SET ended_at = ?, exit_status = ? WHERE id = ? AND ended_at IS NULL AND taken_by IS NULL`,
		formatTime(time.Now()), exitStatus, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if lock := s.live[id]; lock != nil {
		release(lock)
		delete(s.live, id)
		delete(s.kept, id)
	}
	return err
}

// Runs lists a container's runs, oldest first.
func (s *Store) Runs(ctx context.Context, recordID string) ([]Run, error) {
	return s.runs(ctx, `record_id = ?`, recordID)
}

func (s *Store) runs(ctx context.Context, where, arg string) ([]Run, error) {
	found, err := scanRuns(ctx, s.records, s.beating(), where, arg)
	return found, s.wrap(err)
}

func scanRuns(ctx context.Context, q rowsQuerier, beating, where, arg string) ([]Run, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, record_id, kind, started_at, ended_at, exit_status,
		coalesce(pid, 0), coalesce(machine, ''), coalesce(command, ''),
		coalesce(user_name, ''), coalesce(version, ''), coalesce(home, ''), coalesce(job, ''), `+beating+` FROM runs WHERE `+where+` ORDER BY started_at, id`, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Run
	for rows.Next() {
		var r Run
		var started string
		var ended sql.NullString
		var status sql.NullInt64
		if err := rows.Scan(&r.ID, &r.RecordID, &r.Kind, &started, &ended, &status, &r.PID, &r.Machine, &r.Command, &r.User, &r.Version, &r.home, &r.Job, &r.beating); err != nil {
			return nil, err
		}
		r.StartedAt = lxc.At(parseTime(started))
		if ended.Valid {
			t, n := lxc.At(parseTime(ended.String)), int(status.Int64)
			r.EndedAt, r.ExitStatus = &t, &n
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// run finds one run.
func (s *Store) run(ctx context.Context, id string) (Run, error) {
	found, err := s.runs(ctx, `id = ?`, id)
	if err != nil {
		return Run{}, err
	}
	if len(found) == 0 {
		return Run{}, fmt.Errorf("cannot find run %s in the catalogue", id)
	}
	return found[0], nil
}
