package store

import (
	"context"
	"encoding/json"
	"time"
)

// StepState is how far one item of a phase has got.
type StepState string

// A step is claimed before its side effect begins and done or failed after it.
const (
	Claimed StepState = "claimed"
	Done    StepState = "done"
	Erred   StepState = "failed"
)

// Step is one thing that a phase does, for resume: its task's UPID, a script's
// attempt, and the like in Detail. Detail must hold no secret.
type Step struct {
	RecordID  string
	RunID     string // the run that wrote it last
	Phase     string
	Item      string
	State     StepState
	Detail    json.RawMessage // nil is {}
	UpdatedAt time.Time       // set by SetStep
}

// SetStep writes a step, replacing what was known of the same item. It is on the
// disk when SetStep returns.
func (s *Store) SetStep(ctx context.Context, p Step) error {
	if p.Detail == nil {
		p.Detail = json.RawMessage(`{}`)
	}
	return s.exec(ctx, `INSERT INTO steps (record_id, phase, item, run_id, state, detail, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (record_id, phase, item) DO UPDATE SET
		run_id = excluded.run_id, state = excluded.state, detail = excluded.detail, updated_at = excluded.updated_at`,
		p.RecordID, p.Phase, p.Item, p.RunID, string(p.State), string(p.Detail), formatTime(time.Now()))
}

// Steps lists what is known of a container's steps, by phase and item.
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

// Pin remembers the fingerprint of a container's host key of one kind, such as
// ssh-ed25519, replacing an older one. Whether a new one may be trusted is the
// caller's to decide.
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
