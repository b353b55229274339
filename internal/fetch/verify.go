package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// VerifyFolder checks the signature of a template's folder: template.sig or template.minisig
// over the line that `template digest` prints. It accepts everything unless a signature is
// required.
func (t Trust) VerifyFolder(name, dir, digest string) error {
	if !t.Required {
		return nil
	}
	s, err := folderSignatures(dir)
	if err == nil {
		err = t.verify([]byte(digest+"\n"), s, Namespace)
	}
	return unsigned(name, err)
}

func folderSignatures(dir string) (s signatures, err error) {
	root, err := os.OpenRoot(dir) // a link out of the folder is no signature
	if err != nil {
		return s, err
	}
	defer root.Close()
	if s.ssh, err = readSmall(root, "template.sig"); err != nil {
		return s, err
	}
	s.minisign, err = readSmall(root, "template.minisig")
	return s, err
}

// readSmall reads a signature. It is nil if there is none.
func readSmall(root *os.Root, name string) ([]byte, error) {
	if info, err := root.Stat(name); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil || !info.Mode().IsRegular() {
		return nil, errors.New(name + " is no ordinary file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSignature))
}

// unsigned is the error of a template that is not accepted.
func unsigned(name string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	e := &Error{Message: "cannot accept " + name + ": " + err.Error(), Hints: []string{"templates.require_signature is set in the config"}}
	if errors.Is(err, errNoSignature) {
		e.steps = []step{{"how to sign one: ", []string{"template", "digest", "--help"}}}
	}
	return e
}

// Verify checks the signature of what was found, as VerifyFolder does. The signature of a
// whole archive, at its address with .sig or .minisig at the end, counts as well, and so does
// git's own SSH signature of the commit.
func (f *Fetcher) Verify(ctx context.Context, found *Found, digest string) error {
	t := f.o.Trust
	if !t.Required {
		return nil
	}
	s, err := folderSignatures(found.Dir)
	if err == nil {
		err = t.verify([]byte(digest+"\n"), s, Namespace)
	}
	if errors.Is(err, errNoSignature) && found.pinned.Kind == Git {
		err = f.verifyCommit(found.pinned)
	} else if errors.Is(err, errNoSignature) {
		err = f.verifyArchive(ctx, found.pinned)
	}
	return unsigned(found.Source, err)
}

// verifyCommit checks the commit's own signature.
func (f *Fetcher) verifyCommit(s Source) error {
	raw, err := os.ReadFile(filepath.Join(f.cache.entry(s), "commit"))
	if err != nil {
		return f.cache.failed(err)
	}
	payload, sig := splitCommit(raw)
	if !bytes.Contains(sig, []byte("SSH SIGNATURE")) {
		return errNoSignature // git's OpenPGP signatures are not supported
	}
	return f.o.Trust.verify(payload, signatures{ssh: sig}, gitNamespace)
}

// splitCommit separates a commit from the signature in its header.
func splitCommit(raw []byte) (payload, sig []byte) {
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	within := false
	for line := range bytes.Lines(append(bytes.Clone(head), '\n')) {
		text, signed := bytes.CutPrefix(line, []byte("gpgsig "))
		more, continued := bytes.CutPrefix(line, []byte(" "))
		switch {
		case signed:
			within, sig = true, append(sig, text...)
		case within && continued:
			sig = append(sig, more...)
		default:
			within = false
			payload = append(payload, line...)
		}
	}
	payload = append(payload, '\n')
	return append(payload, body...), sig
}

// verifyArchive checks the signature of a whole archive. It is fetched when it is needed and
// kept once it has been good.
func (f *Fetcher) verifyArchive(ctx context.Context, s Source) error {
	message, err := os.ReadFile(filepath.Join(f.cache.entry(s), "archive"))
	if err != nil {
		return f.cache.failed(err)
	}
	root, err := os.OpenRoot(f.cache.entry(s))
	if err != nil {
		return f.cache.failed(err)
	}
	defer root.Close()
	var kept signatures
	if kept.ssh, err = readSmall(root, "archive.sig"); err == nil {
		kept.minisign, err = readSmall(root, "archive.minisig")
	}
	if err == nil && f.o.Trust.verify(message, kept, Namespace) == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.o.Deadline, errTooLong)
	defer cancel()
	defer f.o.Waiting("the signature of "+s.Repository(), f.o.Deadline)()
	var fresh signatures
	if fresh.ssh, err = f.signature(ctx, s, ".sig"); err != nil {
		return err
	}
	if fresh.minisign, err = f.signature(ctx, s, ".minisig"); err != nil {
		return err
	}
	if err := f.o.Trust.verify(message, fresh, Namespace); err != nil {
		return err
	}
	return errors.Join(f.keepSignature(root, "archive.sig", fresh.ssh), f.keepSignature(root, "archive.minisig", fresh.minisign))
}

// signature downloads a detached signature. It is nil if the server has none.
func (f *Fetcher) signature(ctx context.Context, s Source, suffix string) ([]byte, error) {
	body, err := f.get(ctx, s, suffix)
	var e *Error
	if errors.As(err, &e) && e.absent {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxSignature))
	if err != nil {
		return nil, f.explain(ctx, s, err)
	}
	return data, nil
}

func (f *Fetcher) keepSignature(root *os.Root, name string, data []byte) error {
	if data == nil {
		return nil
	}
	return f.cache.failed(root.WriteFile(name, data, 0o600))
}
