package vault

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// load returns the key. It looks in the environment, then in the file, and makes a new
// one if create is true and nothing was ever sealed. It reads the key file again if
// another process has replaced it; if that fails, it keeps the key that it has.
func (v *Vault) load(create bool) (*key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key != nil && !v.replaced() {
		return v.key, nil
	}
	k, file, err := v.find(create)
	switch {
	case err == nil:
		v.key, v.file = k, file
	case v.key != nil:
		return v.key, nil
	}
	return k, err
}

// replaced reports whether the key file is another one than the one that was read.
func (v *Vault) replaced() bool {
	if v.file == nil {
		return false
	}
	now, err := os.Stat(v.opts.KeyFile)
	return err == nil && !(os.SameFile(now, v.file) && now.ModTime().Equal(v.file.ModTime())) // the modification time, because a new file may get the inode of the old one
}

func (v *Vault) fromEnv() bool { return v.opts.Getenv(EnvKey) != "" }

func (v *Vault) find(create bool) (*key, os.FileInfo, error) {
	if v.fromEnv() {
		k, err := parseKey(v.opts.Getenv(EnvKey), EnvKey)
		return k, nil, err
	}
	path := v.opts.KeyFile
	k, file, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, file, err
	}
	if !create {
		return nil, nil, noKey(path)
	}
	if v.opts.Sealed != nil {
		sealed, err := v.opts.Sealed()
		if err != nil {
			return nil, nil, &Error{Text: "cannot tell whether an encryption key was in use before", Err: err}
		}
		if sealed {
			// Another process may have made the key and sealed with it
			// between our first look and now.
			if k, file, err := readKey(path); !errors.Is(err, fs.ErrNotExist) {
				return k, file, err
			}
			return nil, nil, noKey(path)
		}
	}
	if err := makeKey(path, randomKey()); err != nil {
		return nil, nil, &Error{Text: "cannot make an encryption key", Err: err, Next: "set " + EnvKey + " to 64 hexadecimal digits to keep the key elsewhere"}
	}
	return readKey(path) // the file, not raw: another process may have been first
}

func noKey(path string) error {
	return &Error{
		Kind: ErrNoKey,
		Text: "cannot read the encryption key: " + path + " is missing, and values were sealed with it",
		Next: "put the file back, or set " + EnvKey + "; a new key could not open what is stored",
	}
}

// readKey returns an error for which errors.Is(err, fs.ErrNotExist) holds if there is no
// file.
func readKey(path string) (*key, os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, &Error{Text: "cannot read the encryption key", Err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, &Error{Text: "cannot read the encryption key", Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, nil, &Error{Text: "cannot read the encryption key: " + path + " is not a file"}
	}
	// As ssh does with private keys, refuse a key that others can read.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, nil, &Error{
			Text: fmt.Sprintf("cannot use the encryption key: others may read or write %s (mode %04o)", path, mode),
			Next: "chmod 600 " + path,
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, nil, &Error{Text: "cannot read the encryption key", Err: err}
	}
	k, err := parseKey(string(text), path)
	return k, info, err
}

func parseKey(text, from string) (*key, error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != keySize {
		return nil, &Error{
			Kind: ErrWrongKey,
			Text: fmt.Sprintf("cannot use the encryption key of %s: want %d hexadecimal digits", from, 2*keySize),
			Next: "put the right key there; where nothing was ever sealed, remove it and a new one is made",
		}
	}
	return newKey(raw, from)
}

func randomKey() []byte {
	raw := make([]byte, keySize)
	rand.Read(raw)
	return raw
}

// makeKey writes a key to a temporary file, syncs it and links it to its name. A link
// fails if the name exists, so only one of many first runs wins, and every reader of the
// name gets a whole key. Losing the race is not an error.
func makeKey(path string, raw []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(raw) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new name in dir survive a power cut. It ignores file systems that
// cannot do that.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
