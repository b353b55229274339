package catalogue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
)

// Specs returns what each container was asked for, by record id: of one host, or of all if
// hostID is "". An adopted container has none.
func Specs(ctx context.Context, s *store.Store, hostID string) (map[string]lxc.Spec, error) {
	jobs, err := s.Jobs(ctx, hostID)
	if err != nil {
		return nil, err
	}
	all := make(map[string]lxc.Spec, len(jobs))
	for id, raw := range jobs {
		var job struct {
			Spec lxc.Spec `json:"spec"`
		}
		if err := json.Unmarshal(raw, &job); err != nil {
			return nil, fmt.Errorf("cannot read what record %s was to become: %w", id, err)
		}
		all[id] = job.Spec
	}
	return all, nil
}
