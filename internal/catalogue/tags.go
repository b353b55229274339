package catalogue

import (
	"encoding/json"
	"fmt"
)

// Tags are the tags that a container was asked to have, of the job on record.
func Tags(recordID string, job json.RawMessage) ([]string, error) {
	var saved struct {
		Spec struct {
			Tags []string `json:"tags"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(job, &saved); err != nil {
		return nil, fmt.Errorf("cannot read what record %s was to become: %w", recordID, err)
	}
	return saved.Spec.Tags, nil
}
