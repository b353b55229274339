package fetch

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// maxHeaders bounds what a tar archive may hold beside its files: headers and padding.
const maxHeaders = 64 << 20

// unpackTar unpacks a tar archive, compressed by gzip or not. It stops at the first entry
// that is not accepted.
func unpackTar(ctx context.Context, r io.Reader, u *unpacker) error {
	b := bufio.NewReader(r)
	var plain io.Reader = b
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return fmt.Errorf("its compression is damaged: %w", err)
		}
		defer z.Close()
		plain = z
	}
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
		if name == "" || name == "." {
			return nil
		}
		if err := u.claim(name, true); err != nil {
			return err
		}
		if err := u.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		return nil
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
