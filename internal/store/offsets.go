package store

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/event"
)

// LoggedOffsets returns how much of a script's output is on record for a run: the offset of stdout
// and of stderr after the last logged line of each. Output before the script's last start
// in that run (an earlier attempt) does not count. It is zero if nothing was logged or
// the run is not known.
func (s *Store) LoggedOffsets(ctx context.Context, recordID, runID, script string) (out, errs int64, err error) {
	if known, err := s.runs(ctx, `id = ?`, runID); err != nil || len(known) == 0 {
		return 0, 0, err
	}
	for e, err := range s.Events(ctx, EventQuery{RecordID: recordID, RunID: runID}) {
		switch {
		case err != nil:
			return out, errs, err
		case e.ScriptName != script:
		case e.Type == event.Step:
			out, errs = 0, 0
		case e.Type == event.Log && e.Offset > 0 && e.Stream == event.Stderr:
			errs = e.Offset
		case e.Type == event.Log && e.Offset > 0:
			out = e.Offset
		}
	}
	return out, errs, nil
}
