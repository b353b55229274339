package catalogue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Asked is what a container was made to be, as far as the record alone says: unlike
// Remember, it needs no template.
type Asked struct {
	Spec     lxc.Spec
	Digest   string // of the template
	Skip     []string
	Packages []string
	Values   map[string]string // of the template's variables; nil if they were not asked for
}

// Asked reads what the container of this record was made to be. It is nil for an adopted
// container. Only with values does it need the key.
func (r *Record) Asked(ctx context.Context, values bool) (*Asked, error) {
	raw, err := r.store.Job(ctx, r.recordID)
	if err != nil || raw == nil {
		return nil, err
	}
	var saved savedJob
	if err := json.Unmarshal(raw, &saved); err != nil {
		return nil, fmt.Errorf("cannot read what the container was made to be: %w", err)
	}
	a := &Asked{Spec: saved.Spec, Digest: saved.Digest, Skip: saved.Skip, Packages: saved.Packages}
	if values {
		kept, err := r.unsealVariables(ctx)
		if err != nil {
			return nil, err
		}
		a.Values = kept.Values
	}
	return a, nil
}
