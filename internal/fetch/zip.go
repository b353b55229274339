package fetch

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// maxDirectory bounds a zip archive's list of entries, in bytes: all of it is held in memory.
const maxDirectory = 8 << 20

// encrypted is the bit of an entry's flags that says so.
const encrypted = 1

// unpackZip unpacks a zip archive. It stops at the first entry that is not accepted.
func unpackZip(ctx context.Context, in io.ReaderAt, size int64, u *unpacker) error {
	counted := &countedAt{in, maxDirectory}
	z, err := zip.NewReader(counted, size)
	switch {
	case counted.left < 0:
		return fmt.Errorf("%w: its list of entries is larger than %d MiB", errUnsafe, maxDirectory>>20)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // every name is checked below
		return fmt.Errorf("it is no zip archive, or damaged: %w", err)
	case len(z.File) > u.limit.entries:
		return fmt.Errorf("%w: it holds more than %d files", errUnsafe, u.limit.entries)
	}
	counted.left = -1
	for _, f := range z.File {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := unpackZipped(f, u); err != nil {
			return err
		}
	}
	return u.finish()
}

func unpackZipped(f *zip.File, u *unpacker) error {
	name := strings.TrimSuffix(strings.TrimPrefix(f.Name, "./"), "/")
	mode := f.Mode()
	switch {
	case f.Flags&encrypted != 0:
		return refuse(f.Name, "is encrypted")
	case mode.IsDir():
		return u.directory(name)
	case mode.Type() != 0 && mode.Type() != fs.ModeSymlink:
		return refuse(f.Name, "is neither a file, a folder nor a link")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return refuse(f.Name, "is compressed in a way that is not known (%d)", f.Method)
	}
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("it is no zip archive, or damaged: %w", err)
	}
	defer r.Close()
	if mode.Type() == fs.ModeSymlink {
		target, err := io.ReadAll(io.LimitReader(r, int64(u.limit.name)+1))
		if err != nil || len(target) > u.limit.name {
			return refuse(f.Name, "is a link whose target cannot be read, or is longer than %d bytes", u.limit.name)
		}
		return u.link(name, string(target))
	}
	err = u.file(name, mode&0o111 != 0, r)
	if errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it is no zip archive, or damaged: %q: %w", f.Name, err)
	}
	return err
}

// countedAt ends with an error once more was read than is left. left -1: it counts no more.
type countedAt struct {
	in   io.ReaderAt
	left int64
}

func (c *countedAt) ReadAt(p []byte, at int64) (int, error) {
	if c.left == -1 {
		return c.in.ReadAt(p, at)
	}
	if c.left -= int64(len(p)); c.left < 0 {
		c.left = -2
		return 0, errUnsafe
	}
	return c.in.ReadAt(p, at)
}
