package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// logChunks are pieces of whole lines in the database, numbered within their run.
type logChunks struct{ s *Store }

const (
	chunkSize = 256 << 10 // bytes; a line may be longer
	chunkPage = 16        // chunks that are read together
)

// addChunk writes a piece of a log unless another process has taken the run over.
const addChunk = `INSERT INTO log_chunks (run_id, n, lines) SELECT ?, CAST(? AS BIGINT), ?
	WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = ? AND taken_by IS NOT NULL) ON CONFLICT (run_id, n) DO NOTHING`

type chunkWriter struct {
	s       *Store
	runID   string
	mu      sync.Mutex
	buf     bytes.Buffer
	next    int64
	room    int64
	pending bool // a flush is scheduled
	err     error
}

func (l logChunks) open(_, runID string, limit int64) (runLog, error) {
	w := &chunkWriter{s: l.s, runID: runID}
	var used int64
	err := l.s.events.QueryRowContext(context.Background(),
		`SELECT coalesce(max(n), 0) + 1, coalesce(sum(length(lines)), 0) FROM log_chunks WHERE run_id = ?`, runID).Scan(&w.next, &used)
	w.room = limit - used
	return w, l.s.wrap(err)
}

func (w *chunkWriter) fits(line []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(len(line)) <= w.room
}

func (w *chunkWriter) write(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buf.Len()+len(line) > chunkSize {
		w.put()
	}
	if w.err != nil {
		return w.err
	}
	w.buf.Write(line)
	w.room -= int64(len(line))
	if !w.pending {
		w.pending = true
		time.AfterFunc(flushAfter, func() { _ = w.flush() })
	}
	return nil
}

func (w *chunkWriter) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = false
	w.put()
	return w.err
}

// put writes what is buffered. The caller holds the lock.
func (w *chunkWriter) put() {
	if w.err != nil || w.buf.Len() == 0 {
		return
	}
	ctx := context.Background()
	n, err := w.s.changed(ctx, addChunk, w.runID, w.next, w.buf.Bytes(), w.runID)
	if err == nil && n == 0 { // a repeated write finds its own row
		err = w.s.taken(ctx, w.runID)
	}
	if err != nil {
		w.err = fmt.Errorf("cannot write the log of the run: %w", w.s.wrap(err))
		return
	}
	w.next++
	w.buf.Reset()
}

func (w *chunkWriter) close() error { return w.flush() }

func (l logChunks) read(ctx context.Context, r Run) lineReader {
	return &chunkReader{ctx: ctx, q: l.s.events, runID: r.ID, wrap: l.s.wrap}
}

// chunkReader reads chunks in the order of their numbers. A scrub replaces them by chunks
// with higher numbers; the merger skips the lines that it had.
type chunkReader struct {
	ctx   context.Context
	q     rowsQuerier
	runID string
	wrap  func(error) error
	last  int64
	text  []byte
	head  *event.Event
}

func (c *chunkReader) take()  { c.head = nil }
func (c *chunkReader) close() {}

func (c *chunkReader) peek() (*event.Event, error) {
	for c.head == nil {
		if len(c.text) == 0 {
			if err := c.more(); err != nil || len(c.text) == 0 {
				return nil, err
			}
		}
		line, rest, _ := bytes.Cut(c.text, []byte("\n"))
		c.text = rest
		if e, ok := event.Parse(line); ok {
			c.head = &e
		}
	}
	return c.head, nil
}

func (c *chunkReader) more() error {
	err := each(c.ctx, c.q, fmt.Sprintf(`SELECT n, lines FROM log_chunks WHERE run_id = ? AND n > ? ORDER BY n LIMIT %d`, chunkPage), func(rows *sql.Rows) error {
		var part []byte
		err := rows.Scan(&c.last, &part)
		c.text = append(c.text, part...)
		return err
	}, c.runID, c.last)
	return c.wrap(err)
}

// Read makes the chunks one text, for a scrub or a copy.
func (c *chunkReader) Read(p []byte) (int, error) {
	if len(c.text) == 0 {
		if err := c.more(); err != nil {
			return 0, err
		}
		if len(c.text) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, c.text)
	c.text = c.text[n:]
	return n, nil
}

func (c *chunkReader) Close() error { return nil }

// scrub replaces the chunks by redacted ones in one transaction.
func (l logChunks) scrub(_, runID string, redact func(string) string) error {
	ctx := context.Background()
	return l.s.tx(ctx, func(tx *Tx) error {
		var last int64
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM log_chunks WHERE run_id = ?`, runID).Scan(&last); err != nil {
			return err
		}
		to := &chunkCopy{ctx: ctx, tx: tx, runID: runID, n: last}
		from := io.LimitReader(&chunkReader{ctx: ctx, q: upTo{tx, last}, runID: runID, wrap: func(err error) error { return err }}, 1<<40)
		if err := errors.Join(copyRedacted(to, from, redact), to.flush()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM log_chunks WHERE run_id = ? AND n <= ?`, runID, last)
		return err
	})
}

// upTo hides the chunks that a scrub has written already.
type upTo struct {
	tx   *Tx
	last int64
}

func (u upTo) QueryContext(ctx context.Context, query string, args ...any) (*rows, error) {
	return u.tx.QueryContext(ctx, fmt.Sprintf(`SELECT n, lines FROM log_chunks WHERE run_id = ? AND n > ? AND n <= %d ORDER BY n LIMIT %d`, u.last, chunkPage), args...)
}

// chunkCopy writes a text as chunks of whole lines.
type chunkCopy struct {
	ctx   context.Context
	tx    *Tx
	runID string
	n     int64
	buf   []byte
}

func (c *chunkCopy) Write(p []byte) (int, error) {
	c.buf = append(c.buf, p...)
	for len(c.buf) >= chunkSize {
		end := bytes.LastIndexByte(c.buf, '\n') + 1
		if end == 0 {
			break
		}
		if err := c.put(c.buf[:end]); err != nil {
			return 0, err
		}
		c.buf = append([]byte{}, c.buf[end:]...)
	}
	return len(p), nil
}

// flush writes the rest. A line without an end is one of a killed process, and dropped.
func (c *chunkCopy) flush() error {
	end := bytes.LastIndexByte(c.buf, '\n') + 1
	if end == 0 {
		return nil
	}
	return c.put(c.buf[:end])
}

func (c *chunkCopy) put(text []byte) error {
	c.n++
	_, err := c.tx.ExecContext(c.ctx, `INSERT INTO log_chunks (run_id, n, lines) VALUES (?, ?, ?)`, c.runID, c.n, text)
	return err
}

func (l logChunks) size(ctx context.Context, r Run) (bytes int64, there bool, err error) {
	var n int64
	err = l.s.records.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(length(lines)), 0) FROM log_chunks WHERE run_id = ?`, r.ID).Scan(&n, &bytes)
	return bytes, n > 0, l.s.wrap(err)
}

func (l logChunks) remove(ctx context.Context, r Run) error {
	return l.s.exec(ctx, `DELETE FROM log_chunks WHERE run_id = ?`, r.ID)
}
