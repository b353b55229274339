package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// record is provision.Catalogue for one container and one run: the store for
// what may be read, the vault for what may not.
type record struct {
	store    *store.Store
	vault    *vault.Vault
	sink     *store.Sink
	recordID string
	runID    string
	mirror   *store.Mirror // nil: not published
}

var _ provision.Catalogue = (*record)(nil)

// recordOf is a container's record outside of any run: to be read.
func (a *app) recordOf(c lxc.Container) *record {
	return &record{store: a.store, vault: a.vault, recordID: c.RecordID}
}

func (r *record) Update(ctx context.Context, change func(*lxc.Container)) error {
	_, err := r.store.UpdateContainer(ctx, r.recordID, func(c *lxc.Container) error {
		change(c)
		return nil
	})
	return err
}

func (r *record) SealPassword(ctx context.Context, password string) error {
	return r.seal(ctx, store.RootService, map[string]string{"PASSWORD": password})
}

// RootPassword is the one that was sealed before the container was asked for, ""
// where none was: for a container that this catalogue did not make, too.
func (r *record) RootPassword(ctx context.Context) (string, error) {
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

func (r *record) SaveServices(ctx context.Context, services []lxc.Service, credentials map[string]map[string]string, at time.Time) error {
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

// seal keeps a service's credentials: the names in clear, the values sealed
// before they touch the disk.
func (r *record) seal(ctx context.Context, service string, values map[string]string) error {
	text, err := vault.PackValues(values)
	if err != nil {
		return err
	}
	envelope, err := r.vault.Seal(r.recordID, service, text)
	if err != nil {
		return err
	}
	return r.store.SaveSealed(ctx, r.recordID, service, slices.Sorted(maps.Keys(values)), envelope)
}

func (r *record) HostKeys(ctx context.Context) ([]string, error) {
	pins, err := r.store.Pins(ctx, r.recordID)
	var out []string
	for _, fp := range pins {
		out = append(out, fp)
	}
	slices.Sort(out)
	return out, err
}

// PinHostKeys keeps each fingerprint under itself: Proxmox's log does not say
// which is of which kind of key.
func (r *record) PinHostKeys(ctx context.Context, fingerprints []string) error {
	for _, fp := range fingerprints {
		if err := r.store.Pin(ctx, r.recordID, fp, fp); err != nil {
			return err
		}
	}
	return nil
}

func (r *record) Mark(ctx context.Context, m plan.Mark) error {
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

func (r *record) Marks(ctx context.Context) ([]plan.Mark, error) {
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

func (r *record) Told(ctx context.Context, runID, script string) (guest.Offsets, error) {
	out, errs, err := r.store.Told(ctx, r.recordID, runID, script)
	return guest.Offsets{Out: out, Err: errs}, err
}

func (r *record) ScrubLog(_ context.Context, redact func(string) string) error {
	return r.sink.Scrub(r.recordID, r.runID, redact)
}

// known makes the secrets that the catalogue holds of a container, for
// redaction in a later run.
func (r *record) known(ctx context.Context) ([]string, error) {
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
		if s.Service == store.VariablesService || s.Service == store.PastService {
			var kept sealedValues
			if s.Service == store.PastService {
				var p past
				p, err = readPast(text)
				kept = p.Values
			} else {
				err = json.Unmarshal(text, &kept)
			}
			if err != nil {
				return nil, err
			}
			for name, value := range kept.Values {
				if slices.Contains(kept.Secret, name) {
					out = append(out, event.SecretsIn("", value)...)
				}
				out = append(out, event.URLSecrets(value)...)
			}
			continue
		}
		values, err := vault.UnpackValues(text)
		if err != nil {
			return nil, fmt.Errorf("cannot read the credentials of %s: %w", s.Service, err)
		}
		for k, v := range values {
			out = append(out, event.SecretsIn(k, v)...)
		}
	}
	return out, nil
}
