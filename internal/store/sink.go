package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/infrahaus/infrahaus/internal/event"
)

// Sink stores events: log events in the run's log file, all others as rows. The log is
// flushed before a row is written, so a killed process leaves no gap in seq, only an
// earlier end. It is safe for concurrent use. A log file that has reached its limit stays
// as it is; see LogFull.
type Sink struct {
	store *Store
	mu    sync.Mutex
	logs  map[string]runLog // by run id
	full  map[string]bool   // runs whose log has reached its limit, by id
}

// logLimit is the most bytes that a run's log file may have. An hour of a package
// manager's output is a few MiB; a script that prints for ever would fill the disk.
const logLimit = 64 << 20

const logFullText = "the log of this run has reached its limit of 64 MiB: what the scripts print from here on is not kept"

// LogFull reports whether e is the remark at the end of a log that reached its limit. It
// is recorded in place of the first line that was not kept. Displays and the mirror get
// the line itself.
func LogFull(e event.Event) bool { return e.Type == event.Warning && e.Message == logFullText }

// Sink makes a sink for runs that have begun. The caller must Close it.
func (s *Store) Sink() *Sink {
	return &Sink{store: s, logs: map[string]runLog{}, full: map[string]bool{}}
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
	// The log stays full even if Scrub makes room: a follower skips a gap in seq only if
	// rows come after it.
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
	ctx, doc := context.Background(), string(bytes.TrimSuffix(line, []byte("\n")))
	n, err := k.store.changed(ctx, addEvent, e.RunID, e.Seq, string(e.Type), doc, e.RunID)
	if err == nil && n == 0 {
		err = k.notAdded(ctx, e, doc)
	}
	if err != nil {
		return k.store.wrap(err)
	}
	boundary(string(e.Type) + " " + e.Message)
	return nil
}

// addEvent writes a row unless another process has taken the run over.
const addEvent = `INSERT INTO events (run_id, seq, type, doc) SELECT ?, CAST(? AS BIGINT), ?, ?
	WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = ? AND taken_by IS NOT NULL) ON CONFLICT (run_id, seq) DO NOTHING`

// notAdded says why a row was not written; nil means that it is on record, because the answer
// to the first attempt was lost with its connection.
func (k *Sink) notAdded(ctx context.Context, e event.Event, doc string) error {
	if err := k.store.taken(ctx, e.RunID); err != nil {
		return err
	}
	var before string
	err := k.store.events.QueryRowContext(ctx, `SELECT doc FROM events WHERE run_id = ? AND seq = ?`, e.RunID, e.Seq).Scan(&before)
	if err == nil && before != doc {
		err = fmt.Errorf("cannot record event %d of run %s: there is another one of that number", e.Seq, e.RunID)
	}
	return err
}

func (k *Sink) log(e event.Event) (runLog, error) {
	if f := k.logs[e.RunID]; f != nil {
		return f, nil
	}
	if err := errors.Join(checkID(e.ContainerID), checkID(e.RunID)); err != nil {
		return nil, fmt.Errorf("cannot log: %w", err)
	}
	f, err := k.store.logs.open(e.ContainerID, e.RunID, k.store.logLimit)
	if err != nil {
		return nil, err
	}
	k.logs[e.RunID] = f
	return f, nil
}

// Scrub rewrites a run's log file with redact applied to every message. It removes
// secrets that a script printed before the tool could know them. The file is replaced in
// one step, and later log events are appended to it. A run that logged nothing is left
// alone.
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
	if err := k.store.logs.scrub(recordID, runID, redact); err != nil {
		return err
	}
	boundary("scrub")
	return nil
}

// Flush writes the buffered part of a run's log. A step must not be on record as done
// before its output is.
func (k *Sink) Flush(runID string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := k.logs[runID]; f != nil {
		return f.flush()
	}
	return nil
}

// Close writes all buffers. The store stays open.
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
