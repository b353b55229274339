// Package catalogue keeps the record of one container: what the store may hold in clear
// text, what the vault has sealed, and the job that a later run continues, together. It is
// the only package that writes all three, so that a value that must be sealed never
// reaches the store another way. It knows no flags, no screen and no Proxmox.
package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// Record is provision.Catalogue for one container. It writes secrets through the vault, and
// all else to the store.
type Record struct {
	store    *store.Store
	vault    *vault.Vault
	recordID string

	sink   *store.Sink // nil outside of a run
	runID  string
	mirror *store.Mirror // nil: nothing is published
}

var _ provision.Catalogue = (*Record)(nil)

// Of returns a container's record outside of a run. Marks and log lines need a run.
func Of(s *store.Store, v *vault.Vault, recordID string) *Record {
	return &Record{store: s, vault: v, recordID: recordID}
}

// In returns the record for a run, whose events go to Sink.
func (r *Record) In(runID string) *Record {
	return &Record{store: r.store, vault: r.vault, recordID: r.recordID, sink: r.store.Sink(), runID: runID}
}

// Sink writes the events of the run.
func (r *Record) Sink() *store.Sink { return r.sink }

// Publish sends the services that SaveServices records to a mirror, too.
func (r *Record) Publish(to *store.Mirror) { r.mirror = to }

// EndRun writes the last events and the end of the run.
func (r *Record) EndRun(ctx context.Context, status int) error {
	return errors.Join(r.sink.Close(), r.store.EndRun(ctx, r.runID, status))
}

func (r *Record) Update(ctx context.Context, change func(*lxc.Container)) error {
	_, err := r.store.UpdateContainerIn(ctx, r.runID, r.recordID, func(c *lxc.Container) error {
		change(c)
		return nil
	})
	return err
}

func (r *Record) SealPassword(ctx context.Context, password string) error {
	return r.seal(ctx, store.RootService, map[string]string{"PASSWORD": password})
}

// PasswordEntry is root's password as the store keeps it.
func (r *Record) PasswordEntry(password string) (store.Sealed, error) {
	return r.entry(store.RootService, map[string]string{"PASSWORD": password})
}

// JobEntry is the request of a job of the queue as the store keeps it.
func (r *Record) JobEntry(jobID string, request []byte) (store.Sealed, error) {
	envelope, err := r.vault.Seal(r.recordID, store.JobService(jobID), request)
	return store.Sealed{RecordID: r.recordID, Service: store.JobService(jobID), Envelope: envelope}, err
}

// JobText is the request of a job of the queue, nil if there is none.
func (r *Record) JobText(ctx context.Context, jobID string) ([]byte, error) {
	return r.unseal(ctx, store.JobService(jobID))
}

// RootPassword returns the password that was sealed before Proxmox was asked for the
// container. It is "" if there is none, as for an adopted container.
func (r *Record) RootPassword(ctx context.Context) (string, error) {
	text, err := r.unseal(ctx, store.RootService)
	if err != nil || text == nil {
		return "", err
	}
	values, err := vault.UnpackValues(text)
	if err != nil {
		return "", fmt.Errorf("cannot read root's password: %w", err)
	}
	return values["PASSWORD"], nil
}

func (r *Record) SaveServices(ctx context.Context, services []lxc.Service, credentials map[string]map[string]string, at time.Time) error {
	for name, values := range credentials {
		if err := r.seal(ctx, name, values); err != nil {
			return err
		}
	}
	if err := r.store.SaveServices(ctx, r.recordID, services, at); err != nil {
		return err
	}
	if r.mirror == nil {
		return nil
	}
	c, err := r.store.Record(ctx, r.recordID)
	if err == nil {
		r.mirror.PublishServices(r.recordID, services, c.Address, at)
	}
	return err
}

// seal keeps a service's credentials: the names in clear text, the values sealed before
// they reach the disk.
func (r *Record) seal(ctx context.Context, service string, values map[string]string) error {
	one, err := r.entry(service, values)
	if err != nil {
		return err
	}
	return r.store.SaveSealed(ctx, r.recordID, service, one.Keys, one.Envelope)
}

func (r *Record) entry(service string, values map[string]string) (store.Sealed, error) {
	text, err := vault.PackValues(values)
	if err != nil {
		return store.Sealed{}, err
	}
	envelope, err := r.vault.Seal(r.recordID, service, text)
	return store.Sealed{RecordID: r.recordID, Service: service, Keys: slices.Sorted(maps.Keys(values)), Envelope: envelope}, err
}

func (r *Record) HostKeys(ctx context.Context) ([]string, error) {
	pins, err := r.store.Pins(ctx, r.recordID)
	var out []string
	for _, fp := range pins {
		out = append(out, fp)
	}
	slices.Sort(out)
	return out, err
}

// PinHostKeys keeps each fingerprint under itself, because Proxmox's log does not name the
// kind of each key.
func (r *Record) PinHostKeys(ctx context.Context, fingerprints []string) error {
	for _, fp := range fingerprints {
		if err := r.store.Pin(ctx, r.recordID, fp, fp); err != nil {
			return err
		}
	}
	return nil
}

// Mark first flushes the run's events. Otherwise a killed process could leave a script that
// is done without its output.
func (r *Record) Mark(ctx context.Context, m plan.Mark) error {
	raw, err := json.Marshal(m.Detail)
	if err != nil {
		return err
	}
	if err := r.sink.Flush(r.runID); err != nil {
		return err
	}
	return r.store.SetStep(ctx, store.Step{
		RecordID: r.recordID, RunID: r.runID, Phase: m.Phase, Item: m.Item, State: store.StepState(m.State), Detail: raw,
	})
}

func (r *Record) Marks(ctx context.Context) ([]plan.Mark, error) {
	steps, err := r.store.Steps(ctx, r.recordID)
	if err != nil {
		return nil, err
	}
	out := make([]plan.Mark, len(steps))
	for i, s := range steps {
		out[i] = plan.Mark{Phase: s.Phase, Item: s.Item, State: plan.MarkState(s.State), RunID: s.RunID}
		if err := json.Unmarshal(s.Detail, &out[i].Detail); err != nil {
			return nil, fmt.Errorf("cannot read how far %s is: %w", s.Item, err)
		}
	}
	return out, nil
}

func (r *Record) LoggedOffsets(ctx context.Context, runID, script string) (guest.Offsets, error) {
	out, errs, err := r.store.LoggedOffsets(ctx, r.recordID, runID, script)
	return guest.Offsets{Out: out, Err: errs}, err
}

func (r *Record) ScrubLog(_ context.Context, redact func(string) string) error {
	return r.sink.Scrub(r.recordID, r.runID, redact)
}

// Known returns the secrets of a container that are on record, so that a later run redacts
// them.
func (r *Record) Known(ctx context.Context) ([]string, error) {
	sealed, err := r.store.Credentials(ctx, r.recordID)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range sealed {
		text, err := r.vault.Unseal(r.recordID, s.Service, s.Envelope)
		if err != nil {
			return nil, err
		}
		secrets, err := secretsIn(s.Service, text)
		if err != nil {
			return nil, err
		}
		out = append(out, secrets...)
	}
	return out, nil
}

// secretsOfJob returns the secrets that a job sets, as far as their names show it. The run of the
// job knows its template, and what of the rest is secret.
func secretsOfJob(text []byte) (out []string, err error) {
	var request struct {
		Flags map[string][]string `json:"flags"`
	}
	err = json.Unmarshal(text, &request)
	for _, flag := range []string{"set", "env"} {
		for _, assignment := range request.Flags[flag] {
			name, value, _ := strings.Cut(assignment, "=")
			if out = append(out, event.URLSecrets(value)...); event.IsSecretKey(name) {
				out = append(out, event.SecretsIn(name, value)...)
			}
		}
	}
	return out, err
}

// secretsIn returns the secrets in what was sealed under a service's name.
func secretsIn(service string, text []byte) ([]string, error) {
	if store.IsJobService(service) {
		return secretsOfJob(text)
	}
	switch service {
	case store.VariablesService:
		var kept sealedValues
		err := json.Unmarshal(text, &kept)
		return kept.secrets(), err
	case store.PastService:
		p, err := readPast(text)
		return p.Values.secrets(), err
	}
	values, err := vault.UnpackValues(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials of %s: %w", service, err)
	}
	var out []string
	for k, v := range values {
		out = append(out, event.SecretsIn(k, v)...)
	}
	return out, nil
}
