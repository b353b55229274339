package catalogue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
)

// past is a container's record when a snapshot was taken. It is sealed, because it
// contains the variables.
type past struct {
	Snapshot string          `json:"snapshot"`
	Job      json.RawMessage `json:"job"`
	Values   sealedValues    `json:"values"`
	Steps    []store.Step    `json:"steps"`
	Services []lxc.Service   `json:"services"`
	Found    time.Time       `json:"found"` // the time of the discovery
}

// KeepPast keeps the present record for RestorePast: going back to a snapshot changes the
// container, but not the record.
func (r *Record) KeepPast(ctx context.Context, snapshot string) error {
	p := past{Snapshot: snapshot}
	var err error
	if p.Job, err = r.store.Job(ctx, r.recordID); err != nil {
		return err
	}
	if p.Values, err = r.unsealVariables(ctx); err != nil {
		return err
	}
	if p.Steps, err = r.store.Steps(ctx, r.recordID); err != nil {
		return err
	}
	if p.Services, p.Found, err = r.store.Services(ctx, r.recordID); err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return r.seal(ctx, store.PastService, map[string]string{"past": string(text)})
}

// readPast reads the text that KeepPast sealed.
func readPast(text []byte) (p past, err error) {
	var doc map[string]string
	if err = json.Unmarshal(text, &doc); err == nil {
		err = json.Unmarshal([]byte(doc["past"]), &p)
	}
	for i, s := range p.Services { // an older version took a secret for the name of a key
		if len(s.CredentialKeys) == 1 && lxc.IsPadded(s.CredentialKeys[0]) {
			p.Services[i].CredentialKeys = []string{lxc.PasswordKey}
		}
	}
	return p, err
}

// RestorePast puts back the record that KeepPast kept for a snapshot. It returns false if
// there is none, as for a snapshot of an older version. It can be repeated after a kill.
func (r *Record) RestorePast(ctx context.Context, snapshot string) (bool, error) {
	text, err := r.unseal(ctx, store.PastService)
	if err != nil || text == nil {
		return false, err
	}
	p, err := readPast(text)
	if err != nil || p.Snapshot != snapshot || p.Job == nil {
		return false, err
	}
	variables, err := r.sealVariables(p.Values)
	if err != nil {
		return false, err
	}
	if err := r.store.SaveSealed(ctx, r.recordID, variables.Service, variables.Keys, variables.Envelope); err != nil {
		return false, err
	}
	if err := r.store.SaveJob(ctx, r.recordID, p.Job); err != nil {
		return false, err
	}
	if err := r.store.SaveServices(ctx, r.recordID, p.Services, p.Found); err != nil {
		return false, err
	}
	return true, r.restoreSteps(ctx, p.Steps)
}

// restoreSteps puts back the steps of scripts and shipped files. A step that was not on
// record then never ran. The steps of the snapshot and of the rollback itself stay.
func (r *Record) restoreSteps(ctx context.Context, then []store.Step) error {
	now, err := r.store.Steps(ctx, r.recordID)
	if err != nil {
		return err
	}
	for i := range now {
		now[i].State, now[i].Detail = "", nil
	}
	last := map[[2]string]store.Step{}
	for _, s := range append(now, then...) {
		if s.Phase == string(event.Syncing) || s.Item == "ship" {
			last[[2]string{s.Phase, s.Item}] = s
		}
	}
	for _, s := range last {
		s.RecordID = r.recordID
		if err := r.store.SetStep(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
