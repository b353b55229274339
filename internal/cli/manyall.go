package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// allFlag is the flag of a command that works on every container which has a template.
const allFlag = "all"

func asksAll(cmd *cobra.Command) bool {
	f := cmd.Flags().Lookup(allFlag)
	return f != nil && f.Value.String() == "true"
}

// ready resolves --all: the ready containers of the host that have a template. It says which
// it leaves out.
func (m *many) ready(ctx context.Context, refs []string) ([]job, error) {
	if len(refs) > 0 || len(m.filter) > 0 {
		return nil, usagef("--all excludes names of containers and --filter")
	}
	containers, err := m.app.chosen(ctx, nil, nil, true)
	var jobs []job
	for _, c := range containers {
		switch state := c.Condition(); {
		case c.Adopted || c.Template == "":
			m.app.note("left out: " + c.Hostname + " has no template")
		case c.Lifecycle != lxc.Ready, c.StoppedAt != nil:
			m.app.note("left out: " + c.Hostname + " is " + map[bool]string{true: "in the state error", false: state}[state == string(lxc.Failed)])
		default:
			jobs = append(jobs, job{ref: c.RecordID, name: c.Hostname, ctid: ctidText(c.CTID)})
		}
	}
	return jobs, err
}
