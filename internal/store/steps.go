package store

import (
	"context"
	"encoding/json"
	"time"
)

// StepState is the progress of one item of a phase.
type StepState string

// A step is claimed before its side effect, and done or failed after it.
const (
	Claimed StepState = "claimed"
	Done    StepState = "done"
	Erred   StepState = "failed"
)

// Step is one item of a phase, for resume. Detail has, for example, the UPID of its task
// or the attempt of its script, and must not contain a secret.
type Step struct {
	RecordID  string
	RunID     string // the run that wrote it last
	Phase     string
	Item      string
	State     StepState
	Detail    json.RawMessage // nil means {}
	UpdatedAt time.Time       // set by SetStep
}

// SetStep records a step and replaces the earlier state of the same item. It is on disk
// when SetStep returns. The error is *Taken if another run has taken this one over.
func (s *Store) SetStep(ctx context.Context, p Step) error {
	if p.Detail == nil {
		p.Detail = json.RawMessage(`{}`)
	}
	const setStep = `INSERT INTO steps (record_id, phase, item, run_id, state, detail, updated_at)
		SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = ? AND taken_by IS NOT NULL)
		ON CONFLICT (record_id, phase, item) DO UPDATE SET
		run_id = excluded.run_id, state = excluded.state, detail = excluded.detail, updated_at = excluded.updated_at`
	approach(setStep)
	var n int64
	err := s.d.write(ctx, s.records, func() error {
		res, err := s.records.ExecContext(ctx, setStep, p.RecordID, p.Phase, p.Item, p.RunID, string(p.State), string(p.Detail), formatTime(time.Now()), p.RunID)
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	if err == nil && n == 0 {
		err = s.taken(ctx, p.RunID)
	}
	if err != nil {
		return s.wrap(err)
	}
	boundary(setStep)
	return nil
}

// Steps lists the recorded steps of a container, by phase and item.
func (s *Store) Steps(ctx context.Context, recordID string) ([]Step, error) {
	rows, err := s.records.QueryContext(ctx, `SELECT phase, item, run_id, state, detail, updated_at
		FROM steps WHERE record_id = ? ORDER BY phase, item`, recordID)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	var found []Step
	for rows.Next() {
		p := Step{RecordID: recordID}
		var detail, at string
		if err := rows.Scan(&p.Phase, &p.Item, &p.RunID, &p.State, &detail, &at); err != nil {
			return nil, s.wrap(err)
		}
		p.Detail, p.UpdatedAt = json.RawMessage(detail), parseTime(at)
		found = append(found, p)
	}
	return found, s.wrap(rows.Err())
}

// Pin records the fingerprint of a container's host key of one type, such as ssh-ed25519,
// and replaces an older one. The caller decides whether a new key may be trusted.
func (s *Store) Pin(ctx context.Context, recordID, kind, fingerprint string) error {
	return s.exec(ctx, `INSERT INTO pins (record_id, kind, fingerprint) VALUES (?, ?, ?)
		ON CONFLICT (record_id, kind) DO UPDATE SET fingerprint = excluded.fingerprint`, recordID, kind, fingerprint)
}

// Pins returns a container's pinned fingerprints by kind.
func (s *Store) Pins(ctx context.Context, recordID string) (map[string]string, error) {
	rows, err := s.records.QueryContext(ctx, `SELECT kind, fingerprint FROM pins WHERE record_id = ?`, recordID)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	pins := map[string]string{}
	for rows.Next() {
		var kind, fingerprint string
		if err := rows.Scan(&kind, &fingerprint); err != nil {
			return nil, s.wrap(err)
		}
		pins[kind] = fingerprint
	}
	return pins, s.wrap(rows.Err())
}
