package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/infrahaus/infrahaus/internal/event"
)

var errStopped = errors.New("the consumer has enough")

// merger puts rows and log lines in the order of seq. The sink flushes the log before it
// writes a row. So if the rows are read first, every log line below the last row exists.
// Above that row, only lines that follow without a gap are certain: the gap may be a row
// that was written since.
type merger struct {
	next int        // the next seq if there is no gap
	logs lineReader // nil: rows only
}

// merge yields the events that are certain. If the run is over, it yields all events,
// with or without gaps.
func (m *merger) merge(rows []event.Event, over bool, yield func(event.Event) bool) error {
	for {
		line, err := m.peek()
		if err != nil {
			return err
		}
		var e event.Event
		switch {
		case line != nil && (len(rows) == 0 || line.Seq < rows[0].Seq):
			if len(rows) == 0 && line.Seq != m.next && !over {
				return nil
			}
			e = *line
			m.logs.take()
		case len(rows) > 0:
			e, rows = rows[0], rows[1:]
		default:
			return nil
		}
		m.next = e.Seq + 1
		if !yield(e) {
			return errStopped
		}
	}
}

// peek returns the next log line that was not yielded, or nil.
func (m *merger) peek() (*event.Event, error) {
	if m.logs == nil {
		return nil, nil
	}
	for {
		e, err := m.logs.peek()
		if e == nil || err != nil || e.Seq >= m.next {
			return e, err
		}
		m.logs.take()
	}
}

// logReader reads a run's log file line by line while it grows.
type logReader struct {
	path string
	file *os.File
	buf  *bufio.Reader
	torn []byte       // the beginning of a line whose end is not written yet
	head *event.Event // the line that was read but not taken
}

func (l *logReader) take() { l.head = nil }

func (l *logReader) close() {
	if l.file != nil {
		l.file.Close()
	}
}

// peek returns the line that will be taken next, or nil.
func (l *logReader) peek() (*event.Event, error) {
	for l.head == nil {
		line, err := l.line()
		if line == nil || err != nil {
			return nil, err
		}
		if e, ok := event.Parse(line); ok { // skip a line that is not an event
			l.head = &e
		}
	}
	return l.head, nil
}

// line returns the next complete line. It reads a file that was replaced by its scrubbed
// copy from its start; the merger skips the lines that it had.
func (l *logReader) line() ([]byte, error) {
	if l.file == nil {
		f, err := os.Open(l.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the log of the run: %w", plain(err))
		}
		l.file, l.buf, l.torn = f, bufio.NewReaderSize(f, 64<<10), nil
	}
	part, err := l.buf.ReadBytes('\n')
	l.torn = append(l.torn, part...)
	switch {
	case err == nil:
		line := l.torn
		l.torn = nil
		return line, nil
	case err != io.EOF:
		return nil, fmt.Errorf("cannot read the log of the run: %w", plain(err))
	case l.replaced():
		l.file.Close()
		l.file = nil
		return l.line()
	}
	return nil, nil
}

func (l *logReader) replaced() bool {
	now, err := os.Stat(l.path)
	if err != nil {
		return false
	}
	mine, err := l.file.Stat()
	return err == nil && !os.SameFile(now, mine)
}
