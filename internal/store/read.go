package store

import (
	"context"
	"iter"

	"github.com/infrahaus/infrahaus/internal/event"
)

// EventQuery chooses events: of one run, or of all runs of a record.
type EventQuery struct {
	RecordID string
	RunID    string // "": all runs, oldest first
	NoLogs   bool
	AfterSeq int  // only with RunID: leaves out what is not after it
	Follow   bool // goes on until every run has ended or ctx does
}

// Events yields events in order of run and seq, rows and log file merged. The
// end of the sequence after a non-nil error is final. A torn last line of a log
// is left out.
func (s *Store) Events(ctx context.Context, q EventQuery) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {}
}
