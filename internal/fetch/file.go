package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
)

// maxSmall bounds a file that is no template, such as a key, in bytes.
const maxSmall = 1 << 20

// File brings a small file from an https address. It is accepted only with this checksum, and
// comes from the cache if that has it. With Local, nothing is asked. The error is an *Error or
// the context's cause.
func (f *Fetcher) File(ctx context.Context, address, sum string, mode Mode) ([]byte, error) {
	s, err := fileSource(address)
	if err != nil {
		return nil, err
	}
	kept := filepath.Join(f.cache.dir, "files", sum)
	if data, err := os.ReadFile(kept); err == nil && sumOf(data) == sum {
		return data, nil
	}
	if mode == Local {
		return nil, wrong(s, "it is not in the cache")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.o.Deadline, errTooLong)
	defer cancel()
	defer f.o.Waiting(s.Repository(), f.o.Deadline)()
	body, err := f.get(ctx, s, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxSmall+1))
	switch got := sumOf(data); {
	case err != nil:
		return nil, f.explain(ctx, s, err)
	case len(data) > maxSmall:
		return nil, wrong(s, "it is larger than %d MiB", maxSmall>>20)
	case got != sum:
		e := wrong(s, "its sha256 is %s", got)
		e.Hints = []string{"it has changed, or the checksum has a typing error: compare it with what its author says"}
		return nil, e
	}
	return data, f.keepFile(kept, data)
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// keepFile writes a file of the cache aside and renames it, since many may do so at once.
func (f *Fetcher) keepFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return f.cache.failed(err)
	}
	aside, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return f.cache.failed(err)
	}
	_, err = io.Copy(aside, bytes.NewReader(data))
	if err = errors.Join(err, aside.Close()); err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		os.Remove(aside.Name())
	}
	return f.cache.failed(err)
}

// fileSource takes the address of a file apart.
func fileSource(address string) (Source, error) {
	u, err := url.Parse(address)
	s := Source{Kind: Archive, Scheme: "https"}
	switch {
	case err != nil || u.Host == "" && u.Scheme == "https" || u.Path == "" || u.Path == "/":
		return s, badFile(before(address, "?#"), "it is no address of a file", "")
	case u.Scheme != "https":
		return s, badFile(before(address, "?#"), "it is not https, so that anybody on the way could change the file", "write https instead")
	case u.User != nil:
		return s, badFile("https://…@"+u.Host, "it holds a login", "leave it out, and set INFRAHAUS_GIT_HOST="+u.Host+" and INFRAHAUS_GIT_TOKEN")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return s, badFile(before(address, "?#"), "it has a query or a fragment, which may hold a secret", "give the plain address")
	}
	s.Path = u.Path
	return s, s.authority(u.Host)
}

func badFile(text, why, hint string) *Error {
	e := &Error{Message: "cannot use the address " + text + ": " + why}
	if hint != "" {
		e.Hints = []string{hint}
	}
	return e
}
