package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// followPoll is how often a follower looks for new events.
const followPoll = 150 * time.Millisecond

// EventQuery selects the events of one run, or of all runs of a record.
type EventQuery struct {
	RecordID string
	RunID    string // "": all runs of the record, oldest first
	NoLogs   bool
	AfterSeq int  // only later events, in the run or in each run
	Follow   bool // continue until no run is alive or ctx ends
}

// Events yields events in the order of run and seq, with rows and log file merged. It
// leaves out the incomplete last line of a killed process. It ends after an error; the
// end of ctx is one.
func (s *Store) Events(ctx context.Context, q EventQuery) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		seen := map[string]bool{}
		for {
			runs, err := s.chosenRuns(ctx, q)
			if err != nil {
				yield(event.Event{}, err)
				return
			}
			fresh := false
			for _, r := range runs {
				if seen[r.ID] {
					continue
				}
				seen[r.ID], fresh = true, true
				if !s.replay(ctx, q, r, yield) {
					return
				}
			}
			if !q.Follow || !fresh { // a run may have begun while another one was followed
				return
			}
		}
	}
}

func (s *Store) chosenRuns(ctx context.Context, q EventQuery) ([]Run, error) {
	if q.RunID == "" {
		return s.Runs(ctx, q.RecordID)
	}
	r, err := s.run(ctx, q.RunID)
	return []Run{r}, err
}

// replay yields one run's events and continues while the run is alive if the query
// follows. It returns false if the consumer or an error ends everything.
func (s *Store) replay(ctx context.Context, q EventQuery, r Run, yield func(event.Event, error) bool) bool {
	m := &merger{next: q.AfterSeq + 1}
	if !q.NoLogs {
		m.logs = s.logs.read(ctx, r)
		defer m.logs.close()
	}
	for {
		// Ask before reading, so that everything the run wrote before its end is read.
		over := !s.RunAlive(ctx, r)
		rows, err := s.rows(ctx, r.ID, m.next)
		if err == nil {
			err = m.merge(rows, over, func(e event.Event) bool { return yield(e, nil) })
		}
		switch {
		case errors.Is(err, errStopped):
			return false
		case err != nil:
			yield(event.Event{}, err)
			return false
		case over || !q.Follow:
			return true
		}
		select {
		case <-time.After(followPoll):
		case <-ctx.Done():
			yield(event.Event{}, ctx.Err())
			return false
		}
	}
}

func (s *Store) rows(ctx context.Context, runID string, from int) ([]event.Event, error) {
	rows, err := s.events.QueryContext(ctx, `SELECT doc FROM events WHERE run_id = ? AND seq >= ? ORDER BY seq`, runID, from)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	var found []event.Event
	for rows.Next() {
		var doc string
		if err := rows.Scan(&doc); err != nil {
			return nil, s.wrap(err)
		}
		var e event.Event
		if err := json.Unmarshal([]byte(doc), &e); err != nil {
			return nil, fmt.Errorf("cannot read an event of run %s: %w", runID, err)
		}
		if e.Service != nil {
			e.Service.CredentialKeys = lxc.CredentialKeys(e.Service.CredentialKeys)
		}
		for i := range e.Services {
			e.Services[i].CredentialKeys = lxc.CredentialKeys(e.Services[i].CredentialKeys)
		}
		found = append(found, e)
	}
	return found, s.wrap(rows.Err())
}
