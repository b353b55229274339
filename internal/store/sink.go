package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/infrahaus/infrahaus/internal/event"
)

// Sink stores events: every type but log as a row, log events in the run's log
// file. What was logged before a row is in the file before the row is written,
// so that a killed process leaves no hole in seq, only a shorter end. A log file
// that has reached its limit stays as it is, see LogFull. It is safe for concurrent
// use.
type Sink struct {
	store *Store
	mu    sync.Mutex
	logs  map[string]*logFile // by run id
	full  map[string]bool     // runs whose log takes no more, by id
}

// logLimit is how many bytes a run's log file may have. A package manager's output
// of an hour is some MiB; a script that prints for ever would fill the disk.
const logLimit = 64 << 20

const logFullText = "the log of this run has reached its limit of 64 MiB: what the scripts print from here on is not kept"

// LogFull says that e is the remark at the end of a log that reached its limit. It
// stands on record in the place of the first line that was not kept; displays and
// the mirror have had the line itself.
func LogFull(e event.Event) bool { return e.Type == event.Warning && e.Message == logFullText }

// Sink makes a sink for one or more runs that have begun. Close it at the end.
func (s *Store) Sink() *Sink {
	return &Sink{store: s, logs: map[string]*logFile{}, full: map[string]bool{}}
}

// Event stores e.
func (k *Sink) Event(e event.Event) error {
	line, err := e.Line()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Type != event.Log {
		return k.row(e, line)
	}
	if k.full[e.RunID] {
		return nil
	}
	f, err := k.log(e)
	if err != nil {
		return err
	}
	if f.fits(line) {
		if err := f.write(line); err != nil {
			return err
		}
		boundary("log " + e.Message)
		return nil
	}
	// For good, even if Scrub makes room: a follower passes over a hole in seq
	// only where rows come after it.
	k.full[e.RunID] = true
	e.Type, e.Message, e.Stream = event.Warning, logFullText, ""
	if line, err = e.Line(); err != nil {
		return err
	}
	return k.row(e, line)
}

func (k *Sink) row(e event.Event, line []byte) error {
	if f := k.logs[e.RunID]; f != nil {
		if err := f.flush(); err != nil {
			return err
		}
	}
	err := execTurn(context.Background(), k.store.events,
		`INSERT INTO events (run_id, seq, type, doc) VALUES (?, ?, ?, ?)`, e.RunID, e.Seq, string(e.Type), string(bytes.TrimSuffix(line, []byte("\n"))))
	if err != nil {
		return k.store.wrap(err)
	}
	boundary(string(e.Type) + " " + e.Message)
	return nil
}

func (k *Sink) log(e event.Event) (*logFile, error) {
	if f := k.logs[e.RunID]; f != nil {
		return f, nil
	}
	if err := errors.Join(checkID(e.ContainerID), checkID(e.RunID)); err != nil {
		return nil, fmt.Errorf("cannot log: %w", err)
	}
	f, err := openLog(k.store.logPath(e.ContainerID, e.RunID), k.store.logLimit)
	if err != nil {
		return nil, err
	}
	k.logs[e.RunID] = f
	return f, nil
}

// Scrub rewrites a run's log file with redact applied to every message: what a
// script printed before the tool could know that it was a secret. The file is
// replaced in one step; later log events go on at its end. A run that logged
// nothing is left alone.
func (k *Sink) Scrub(recordID, runID string, redact func(string) string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := k.logs[runID]; f != nil {
		delete(k.logs, runID)
		if err := f.close(); err != nil {
			return err
		}
	}
	if err := errors.Join(checkID(recordID), checkID(runID)); err != nil {
		return fmt.Errorf("cannot scrub: %w", err)
	}
	approach("scrub")
	if err := scrubLog(k.store.logPath(recordID, runID), redact); err != nil {
		return err
	}
	boundary("scrub")
	return nil
}

// Flush writes what is still buffered of a run's log. An entry which says that
// something is done must not be on record before what was said of it.
func (k *Sink) Flush(runID string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := k.logs[runID]; f != nil {
		return f.flush()
	}
	return nil
}

// Close writes what is still buffered. The store stays open.
func (k *Sink) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for id, f := range k.logs {
		errs = append(errs, f.close())
		delete(k.logs, id)
	}
	return errors.Join(errs...)
}
