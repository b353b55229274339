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

// logFile is a run's log in a file. Each line is one JSON event.
type logFile struct {
	mu      sync.Mutex
	file    *os.File
	buf     *bufio.Writer
	room    int64 // remaining bytes
	pending bool  // a flush is scheduled
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

// fits reports whether the file stays within its limit with this line.
func (l *logFile) fits(line []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(line)) <= l.room
}

// write appends one line with its line end. It also returns an error of an earlier flush.
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

// plain removes the operation from a path error, because the message around it names it.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}

// scrubLog writes a redacted copy beside the file and renames it to the file's name.
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

// logHolds reports whether scrubLog would change a log. An incomplete last line counts,
// because it cannot be read.
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

// scrubBatch is how many events are redacted together, so that a secret that was printed
// in parts on several lines is found.
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
			return buf.Flush() // an incomplete last line is dropped
		}
	}
}

// readBatch reads events. It drops a line that is not an event, because that line cannot
// be redacted.
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

// redactBatch redacts all lines of one script and stream as one text: redact finds a
// secret across line ends and keeps the number of lines.
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
			} else { // redact the lines of a longer message one by one
				batch[i].Message = redact(batch[i].Message)
			}
		}
	}
}
