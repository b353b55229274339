package provision

import (
	"errors"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// The message tells how a task really ended after it was told to stop: it may have
// finished or failed before.
func TestTaskEnd(t *testing.T) {
	failed := func(reason string) error { return &pve.Error{Kind: pve.TaskFailed, Reason: reason} }
	for want, err := range map[string]error{
		"had already ended well":    nil,
		"was stopped":               failed("command 'systemctl start pve-container@100' failed: received interrupt"),
		"had already failed: no":    failed("no space left"),
		"how it ended is not known": &pve.Error{Kind: pve.Timeout, Reason: "no answer"},
		"not known (lost)":          errors.New("lost"),
	} {
		if got := taskEnd(err); !strings.Contains(got, want) {
			t.Errorf("%v: %q", err, got)
		}
	}
}
