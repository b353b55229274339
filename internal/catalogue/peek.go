package catalogue

import (
	"context"
	"encoding/json"

	"github.com/infrahaus/infrahaus/internal/store"
)

// JobNames returns from a container's saved job how its template is found, pinned to its
// content where it has an address, and the names of the template's scripts. It opens no vault.
func JobNames(ctx context.Context, s *store.Store, recordID string) (template string, scripts []string) {
	doc, err := s.Job(ctx, recordID)
	var saved savedJob
	if err != nil || doc == nil || json.Unmarshal(doc, &saved) != nil {
		return "", nil
	}
	if saved.Resolved != "" {
		saved.Template = saved.Resolved
	}
	for _, script := range saved.Scripts {
		scripts = append(scripts, script.Name)
	}
	return saved.Template, scripts
}
