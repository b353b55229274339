package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/infrahaus/infrahaus/internal/event"
)

// logBook keeps the logs of runs: in files beside SQLite's, and in the database where many
// machines share it.
type logBook interface {
	open(recordID, runID string, limit int64) (runLog, error)
	read(ctx context.Context, r Run) lineReader
	scrub(recordID, runID string, redact func(string) string) error
	size(ctx context.Context, r Run) (bytes int64, there bool, err error)
	remove(ctx context.Context, r Run) error
	text(ctx context.Context, r Run) (io.ReadCloser, error) // nil if there is none
	put(ctx context.Context, r Run, text io.Reader) error   // replaces it by a text of whole lines
}

// runLog is the log of a run in progress.
type runLog interface {
	fits(line []byte) bool   // whether the log stays within its limit
	write(line []byte) error // returns an error of an earlier flush, too
	flush() error
	close() error
}

// lineReader reads a run's log while it grows.
type lineReader interface {
	peek() (*event.Event, error) // the line that will be taken next, or nil
	take()
	close()
}

// logFiles are one file for each run.
type logFiles struct{ dir string }

func (l logFiles) path(recordID, runID string) string {
	return filepath.Join(l.dir, "logs", recordID, runID+".ndjson")
}

func (l logFiles) open(recordID, runID string, limit int64) (runLog, error) {
	return openLog(l.path(recordID, runID), limit)
}

func (l logFiles) read(_ context.Context, r Run) lineReader {
	return &logReader{path: l.path(r.RecordID, r.ID)}
}

func (l logFiles) scrub(recordID, runID string, redact func(string) string) error {
	return scrubLog(l.path(recordID, runID), redact)
}

func (l logFiles) size(_ context.Context, r Run) (int64, bool, error) {
	info, err := os.Stat(l.path(r.RecordID, r.ID))
	if err != nil {
		return 0, false, nil //nolint:nilerr // a log that cannot be looked at takes no room that could be freed
	}
	return info.Size(), true, nil
}

func (l logFiles) remove(_ context.Context, r Run) error {
	path := l.path(r.RecordID, r.ID)
	for _, name := range []string{path, path + ".scrub"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return plain(err)
		}
	}
	return nil
}
