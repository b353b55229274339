package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// Limits of what a server may send for one commit. Without a shallow fetch the whole history
// comes.
const (
	maxObjects  = 500_000
	maxInflated = 2 << 30   // bytes of all objects
	maxObject   = 256 << 20 // bytes of one
)

// storePack saves a pack, checks it against the limits, and stores its objects. go-git holds
// whole objects in memory, so a pack that inflates to more than that is refused before.
func (f *Fetcher) storePack(ctx context.Context, s Source, store storer.Storer, file string, pack io.Reader) error {
	out, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return f.cache.failed(err)
	}
	defer out.Close()
	switch err := save(out, pack); {
	case errors.Is(err, errTooLarge):
		return wrong(s, "%v", err)
	case err != nil && ctx.Err() != nil:
		return f.explain(ctx, s, err)
	case err != nil:
		return wrong(s, "the server ends early: %v", err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return f.cache.failed(err)
	}
	if err := checkPack(ctx, out); err != nil {
		return wrong(s, "%v", err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return f.cache.failed(err)
	}
	if err := packfile.UpdateObjectStorage(store, out); err != nil {
		return wrong(s, "what the server sent is damaged: %v", err)
	}
	return nil
}

// checkPack reads a pack without keeping anything and adds up what it inflates to.
func checkPack(ctx context.Context, r io.Reader) error {
	scan := packfile.NewScanner(r)
	_, objects, err := scan.Header()
	if err != nil {
		return fmt.Errorf("what the server sent is no pack: %w", err)
	}
	if objects > maxObjects {
		return fmt.Errorf("it has more than %d objects", maxObjects)
	}
	m := &measure{left: maxInflated}
	for range objects {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		h, err := scan.NextObjectHeader()
		if err != nil {
			return fmt.Errorf("what the server sent is damaged: %w", err)
		}
		m.start(h.Type == plumbing.OFSDeltaObject || h.Type == plumbing.REFDeltaObject)
		if _, _, err := scan.NextObject(m); err != nil {
			return fmt.Errorf("what the server sent is damaged: %w", err)
		}
		if err := m.end(); err != nil {
			return err
		}
	}
	return nil
}

// measure counts the bytes of objects, and of what deltas make.
type measure struct {
	left  int64
	size  int64
	delta bool
	head  []byte // of a delta: it begins with the sizes of its base and of its result
}

var errBomb = errors.New("it inflates to more than is accepted")

func (m *measure) start(delta bool) { m.size, m.delta, m.head = 0, delta, m.head[:0] }

func (m *measure) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	m.left -= int64(len(p))
	if m.left < 0 || m.size > maxObject {
		return 0, errBomb
	}
	if m.delta && len(m.head) < 20 {
		m.head = append(m.head, p[:min(len(p), 20-len(m.head))]...)
	}
	return len(p), nil
}

func (m *measure) end() error {
	if !m.delta {
		return nil
	}
	_, rest := varint(m.head)
	result, _ := varint(rest)
	m.left -= result
	if result > maxObject || m.left < 0 {
		return errBomb
	}
	return nil
}

// varint reads a size as deltas write it, seven bits a byte, the lowest first.
func varint(b []byte) (n int64, rest []byte) {
	for i, c := range b {
		if i < 9 {
			n |= int64(c&0x7f) << (7 * i)
		} else {
			n = maxInflated + 1
		}
		if c&0x80 == 0 {
			return n, b[i+1:]
		}
	}
	return n, nil
}
