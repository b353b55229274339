package fetch

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxHeaders bounds what a tar archive may hold beside its files: headers and padding.
const maxHeaders = 64 << 20

// Bounds for compressed archives, so that a small one cannot fill the disk. Text is rarely
// made more than 20 times smaller. freeOfRate is allowed whatever the rate.
const (
	maxRatio   = 200
	freeOfRate = 64 << 20 // bytes
)

// maxWindow bounds the memory that a zstd archive can ask for: twice what zstd -19 uses.
const maxWindow = 16 << 20

// unpack unpacks an archive of size bytes, which is known by its first bytes: zip, or tar,
// compressed by gzip, by zstd or not.
func unpack(ctx context.Context, in io.ReaderAt, size int64, u *unpacker) error {
	u.limit.total = allowed(u.limit.total, size)
	magic := make([]byte, 4)
	if _, err := in.ReadAt(magic, 0); err == nil && (string(magic) == "PK\x03\x04" || string(magic) == "PK\x05\x06") {
		return unpackZip(ctx, in, size, u)
	}
	return unpackTar(ctx, io.NewSectionReader(in, 0, size), u)
}

// allowed is how much an archive of size bytes may hold, if the most is total.
func allowed(total, size int64) int64 { return min(total, max(freeOfRate, size*maxRatio)) }

// plainTar undoes the compression of a tar archive.
func plainTar(r io.Reader) (plain io.Reader, done func(), err error) {
	b := bufio.NewReader(r)
	magic, _ := b.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}

// unpackTar unpacks a tar archive. It stops at the first entry that is not accepted.
func unpackTar(ctx context.Context, r io.Reader, u *unpacker) error {
	plain, done, err := plainTar(r)
	if err != nil {
		return fmt.Errorf("its compression is damaged: %w", err)
	}
	defer done()
	// A small archive can hold endless headers or skipped data: the limit ends it early.
	bounded := &io.LimitedReader{R: plain, N: u.limit.total + maxHeaders}
	t := tar.NewReader(bounded)
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		h, err := t.Next()
		switch {
		case err != nil && bounded.N <= 0:
			return fmt.Errorf("%w: it holds more than %d MiB", errUnsafe, u.limit.total>>20)
		case errors.Is(err, io.EOF):
			return u.finish()
		case err != nil:
			return fmt.Errorf("it is no tar archive, or damaged: %w", err)
		}
		if err := unpackEntry(h, t, u); err != nil {
			return err
		}
	}
}

func unpackEntry(h *tar.Header, r io.Reader, u *unpacker) error {
	name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
	switch h.Typeflag {
	case tar.TypeXGlobalHeader: // git archive notes the commit in one
		return nil
	case tar.TypeDir:
		return u.directory(name)
	case tar.TypeReg:
		return u.file(name, h.FileInfo().Mode()&0o111 != 0, r)
	case tar.TypeSymlink:
		return u.link(name, h.Linkname)
	case tar.TypeLink:
		return refuse(h.Name, "is a hard link")
	}
	return refuse(h.Name, "is neither a file, a folder nor a link")
}

// topOf returns the only folder of an archive that has nothing beside it, as those that
// git hosts make: REPO-COMMIT/…; else "".
func topOf(root *os.Root) string {
	f, err := root.Open(".")
	if err != nil {
		return ""
	}
	defer f.Close()
	entries, err := f.ReadDir(2)
	if (err != nil && !errors.Is(err, io.EOF)) || len(entries) != 1 || !entries[0].IsDir() {
		return ""
	}
	return path.Clean(entries[0].Name())
}
