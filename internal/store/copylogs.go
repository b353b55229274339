package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// copyLogs copies the log of each run that has one, unless it is the same already.
func copyLogs(ctx context.Context, from, to *Store, sum *Copied) error {
	runs, err := from.runs(ctx, `id <> ?`, "")
	if err != nil {
		return err
	}
	for _, r := range runs {
		there, err := copyLog(ctx, from, to, r)
		if err != nil {
			return fmt.Errorf("cannot copy the log of run %s: %w", r.ID, to.wrap(from.wrap(err)))
		}
		if there.same || there.written {
			sum.Logs++
		}
		if there.written {
			sum.Written++
		}
	}
	return nil
}

type logCopy struct{ same, written bool }

func copyLog(ctx context.Context, from, to *Store, r Run) (logCopy, error) {
	want, err := logSum(ctx, from.logs, r)
	if err != nil || want == nil {
		return logCopy{}, err
	}
	have, err := logSum(ctx, to.logs, r)
	if err != nil || string(have) == string(want) {
		return logCopy{same: err == nil}, err
	}
	text, err := from.logs.text(ctx, r)
	if err != nil {
		return logCopy{}, err
	}
	defer text.Close()
	if err := to.logs.put(ctx, r, text); err != nil {
		return logCopy{}, err
	}
	if have, err = logSum(ctx, to.logs, r); err == nil && string(have) != string(want) {
		err = fmt.Errorf("it has changed meanwhile")
	}
	return logCopy{written: err == nil}, err
}

// logSum is the digest of a log's whole lines, nil if there is none.
func logSum(ctx context.Context, l logBook, r Run) ([]byte, error) {
	text, err := l.text(ctx, r)
	if err != nil || text == nil {
		return nil, err
	}
	defer text.Close()
	sum := &wholeLines{to: sha256.New()}
	n, err := io.Copy(sum, text)
	if err != nil || n == 0 {
		return nil, err
	}
	return sum.to.Sum(nil), nil
}

// wholeLines leaves out the end of a text that is not a whole line, as that of a killed run.
type wholeLines struct {
	to   hash.Hash
	rest []byte
}

func (w *wholeLines) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for i := len(w.rest) - 1; i >= 0; i-- {
		if w.rest[i] == '\n' {
			w.to.Write(w.rest[:i+1])
			w.rest = append([]byte{}, w.rest[i+1:]...)
			break
		}
	}
	return len(p), nil
}

func (l logFiles) text(_ context.Context, r Run) (io.ReadCloser, error) {
	f, err := os.Open(l.path(r.RecordID, r.ID))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, plain(err)
	}
	return f, nil
}

func (l logFiles) put(_ context.Context, r Run, text io.Reader) error {
	path := l.path(r.RecordID, r.ID)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return plain(err)
	}
	out, err := os.OpenFile(path+".copy", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return plain(err)
	}
	defer os.Remove(path + ".copy")
	_, err = io.Copy(out, text)
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(path+".copy", path)
	}
	return plain(err)
}

func (l logChunks) text(ctx context.Context, r Run) (io.ReadCloser, error) {
	_, there, err := l.size(ctx, r)
	if err != nil || !there {
		return nil, err
	}
	return &chunkReader{ctx: ctx, q: l.s.events, runID: r.ID, wrap: l.s.wrap}, nil
}

func (l logChunks) put(ctx context.Context, r Run, text io.Reader) error {
	return l.s.tx(ctx, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM log_chunks WHERE run_id = ?`, r.ID); err != nil {
			return err
		}
		to := &chunkCopy{ctx: ctx, tx: tx, runID: r.ID}
		if _, err := io.Copy(to, text); err != nil {
			return err
		}
		return to.flush()
	})
}
