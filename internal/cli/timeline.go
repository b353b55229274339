package cli

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// timeline is that of the last run with phases: a stop has none.
func (a *app) timeline(ctx context.Context, runs []store.Run) (store.Run, ui.Timeline, error) {
	for i := len(runs) - 1; i >= 0; i-- {
		var events []event.Event
		for e, err := range a.store.Events(ctx, store.EventQuery{RecordID: runs[i].RecordID, RunID: runs[i].ID, NoLogs: true}) {
			if err != nil {
				return runs[i], ui.Timeline{}, err
			}
			events = append(events, e)
		}
		if line := ui.TimelineOf(events); len(line.Spans) > 0 {
			return runs[i], line, nil
		}
	}
	return store.Run{}, ui.Timeline{}, nil
}
