package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// flushAfter is how long a logged line may wait in memory.
const flushAfter = 200 * time.Millisecond

// logFile is a run's log: one JSON event a line, appended.
type logFile struct {
	mu      sync.Mutex
	file    *os.File
	buf     *bufio.Writer
	room    int64 // bytes that may still be written
	pending bool  // a flush is due
	err     error
}

func openLog(path string, limit int64) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot write the log of the run: %w", plain(err))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write the log of the run: %w", plain(err))
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write the log of the run: %w", plain(err))
	}
	return &logFile{file: f, buf: bufio.NewWriterSize(f, 64<<10), room: limit - info.Size()}, nil
}

// fits says that a line keeps the file within its limit.
func (l *logFile) fits(line []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(line)) <= l.room
}

// write appends one line, its end included. An error of an earlier flush is returned here.
func (l *logFile) write(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if _, err := l.buf.Write(line); err != nil {
		l.fail(err)
		return l.err
	}
	l.room -= int64(len(line))
	if !l.pending {
		l.pending = true
		time.AfterFunc(flushAfter, func() { _ = l.flush() })
	}
	return nil
}

func (l *logFile) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = false
	if l.err == nil {
		if err := l.buf.Flush(); err != nil {
			l.fail(err)
		}
	}
	return l.err
}

func (l *logFile) fail(err error) {
	if !errors.Is(err, fs.ErrClosed) {
		l.err = fmt.Errorf("cannot write the log of the run: %w", plain(err))
	}
}

func (l *logFile) close() error {
	err := l.flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(err, l.file.Close())
}

// plain takes the operation out of a path error: whoever reads it knows.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}

// scrubLog writes a redacted copy beside the file and renames it over.
func scrubLog(path string, redact func(string) string) error {
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot scrub the log of the run: %w", plain(err))
	}
	defer in.Close()
	out, err := os.OpenFile(path+".scrub", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("cannot scrub the log of the run: %w", plain(err))
	}
	err = errors.Join(copyRedacted(out, in, redact), out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		os.Remove(out.Name())
		return fmt.Errorf("cannot scrub the log of the run: %w", plain(err))
	}
	return nil
}

// logHolds reports whether scrubLog would change a log. A torn last line counts, because
// it cannot be read.
func logHolds(path string, redact func(string) string) (bool, error) {
	in, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer in.Close()
	end := make([]byte, 1)
	if info, err := in.Stat(); err != nil || info.Size() == 0 {
		return false, err
	} else if _, err := in.ReadAt(end, info.Size()-1); err != nil || end[0] != '\n' {
		return true, err
	}
	for lines := bufio.NewReaderSize(in, 64<<10); ; {
		batch, err := readBatch(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		before := slices.Clone(batch)
		redactBatch(batch, redact)
		for i := range batch {
			if batch[i].Message != before[i].Message {
				return true, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
	}
}

// scrubBatch is how many events are redacted together, so that a secret printed
// in pieces on several lines is found.
const scrubBatch = 4096

func copyRedacted(w io.Writer, r io.Reader, redact func(string) string) error {
	buf := bufio.NewWriterSize(w, 64<<10)
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		batch, err := readBatch(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		redactBatch(batch, redact)
		for _, e := range batch {
			line, err := e.Line()
			if err != nil {
				return err
			}
			if _, err := buf.Write(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return buf.Flush() // a torn last line is dropped
		}
	}
}

// readBatch reads events; a line that is none cannot be redacted, so it cannot
// stay.
func readBatch(lines *bufio.Reader) ([]event.Event, error) {
	var batch []event.Event
	for len(batch) < scrubBatch {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return batch, err
		}
		if e, ok := event.Parse(line); ok {
			batch = append(batch, e)
		}
	}
	return batch, nil
}

// redactBatch redacts the lines of each script and stream as one text: redact
// sees through line ends and keeps their number.
func redactBatch(batch []event.Event, redact func(string) string) {
	streams := map[[2]string][]int{}
	for i, e := range batch {
		key := [2]string{e.ScriptName, e.Stream}
		streams[key] = append(streams[key], i)
	}
	for _, members := range streams {
		texts := make([]string, len(members))
		for n, i := range members {
			texts[n] = batch[i].Message
		}
		redacted := strings.Split(redact(strings.Join(texts, "\n")), "\n")
		for n, i := range members {
			if len(redacted) == len(members) {
				batch[i].Message = redacted[n]
			} else { // a message of several lines: each on its own
				batch[i].Message = redact(batch[i].Message)
			}
		}
	}
}
