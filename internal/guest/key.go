package guest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// EnsureKey reads the tool's ed25519 key at path, and makes it on first use (0600). Several
// first runs at the same time agree on one key. publicLine is its line for
// authorized_keys, without a line end. Nothing is retried.
func EnsureKey(path string) (signer ssh.Signer, publicLine string, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, "", fmt.Errorf("cannot make the tool's SSH key: %w", err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, "", fmt.Errorf("cannot read the tool's SSH key: %w", err)
	}
	if signer, publicLine, err = ParseKey(text); err != nil {
		return nil, "", fmt.Errorf("cannot read the tool's SSH key %s: %w", path, err)
	}
	return signer, publicLine, nil
}

// ParseKey reads the text of such a key.
func ParseKey(text []byte) (signer ssh.Signer, publicLine string, err error) {
	if signer, err = ssh.ParsePrivateKey(text); err != nil {
		return nil, "", err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	return signer, line + " infrahaus", nil
}

// makeKey writes a new key at path unless there is one. It writes to a temporary file and
// links that: the link fails if another process was first, whose key is then used.
func makeKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "infrahaus")
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(block))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
