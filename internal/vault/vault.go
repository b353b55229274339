// Package vault seals the secrets that the catalogue keeps and opens them
// again, and looks after the key. It must not know what is sealed, nor where
// the sealed text is stored.
package vault

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// EnvKey is the environment variable that holds a key as 64 hexadecimal
// digits; it comes before the key file.
const EnvKey = "INFRAHAUS_ENCRYPTION_KEY"

// The kinds of error, for errors.Is. The error's message has the details.
var (
	ErrNoKey    = errors.New("no encryption key")
	ErrWrongKey = errors.New("wrong encryption key")
	ErrCorrupt  = errors.New("not a sealed value")
)

// Error is what every function of this package returns when it fails.
type Error struct {
	Kind error  // ErrNoKey, ErrWrongKey, ErrCorrupt, or nil if the file could not be read or written
	Text string // begins with "cannot"
	Next string // the next step for the user; may be ""
	Err  error  // the cause, if there is one
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// ExitStatus is that of trouble with the key.
func (e *Error) ExitStatus() int { return exit.Other }

// NextSteps is the next step for the user, if there is one.
func (e *Error) NextSteps() []string {
	if e.Next == "" {
		return nil
	}
	return []string{e.Next}
}

// Unwrap lets errors.Is match the kind and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Options says where the key is.
type Options struct {
	Getenv  func(string) string // nil: os.Getenv
	KeyFile string              // made on first use, 0600
	// Sealed reports whether anything was sealed before. If so, no key is ever made: the
	// old one is missing, and a new one could not open the existing values. nil means
	// that nothing was.
	Sealed func() (bool, error)
	// Retired returns the sealed text of a retired key, "" if there is none with that id.
	// nil means that there are none.
	Retired func(id string) (string, error)
}

// Vault seals with one key, and opens with that key and with those that it replaced. It
// is safe for concurrent use.
type Vault struct {
	opts Options

	mu     sync.Mutex
	key    *key            // the one that seals; nil until it is first needed
	file   os.FileInfo     // the key file when it was read; nil if the key comes from the environment
	others map[string]*key // keys with which some value was opened, by id
}

// Open stores where the key is and does nothing else. The key is read or made when it is
// first needed, so a command that needs no secret works without one. Open fails only if
// the options name no place for a key.
func Open(o Options) (*Vault, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.KeyFile == "" && o.Getenv(EnvKey) == "" {
		return nil, &Error{Kind: ErrNoKey, Text: "cannot open the vault: no key file is named and " + EnvKey + " is not set"}
	}
	return &Vault{opts: o}, nil
}

// Ready makes sure that there is a key to seal with, and makes one if there never was
// one. Call it before making the first thing that must not be lost.
func (v *Vault) Ready() error {
	_, err := v.load(true)
	return err
}

// Check returns the error that Ready would return, and makes no key.
func (v *Vault) Check() error {
	_, err := v.load(false)
	if !errors.Is(err, ErrNoKey) {
		return err
	}
	if v.opts.Sealed == nil {
		return nil
	}
	sealed, failed := v.opts.Sealed()
	if sealed {
		return err
	}
	return failed
}

// KeyID returns the id of the key that seals, which reveals nothing about the key. It
// never makes a key.
func (v *Vault) KeyID() (string, error) {
	k, err := v.load(false)
	if err != nil {
		return "", err
	}
	return k.id, nil
}

// Seal encrypts plaintext for one place, (recordID, name). Only Unseal with the same two
// opens it. Two calls never return the same text. Seal uses the new key if the key was
// rotated since the last call.
func (v *Vault) Seal(recordID, name string, plaintext []byte) (string, error) {
	k, err := v.load(true)
	if err != nil {
		return "", err
	}
	return k.seal(recordID, name, plaintext), nil
}

// Unseal opens what Seal made for the same recordID and name, even if the key was rotated
// since. It never makes a key.
func (v *Vault) Unseal(recordID, name, sealed string) ([]byte, error) {
	id, _, err := split(sealed)
	if err != nil {
		return nil, &Error{Kind: ErrCorrupt, Text: "cannot open the sealed value of " + place(recordID, name), Err: err}
	}
	k, err := v.keyOf(id)
	if err != nil {
		return nil, err
	}
	if k.id != id && v.hasRetired(k.id) {
		return nil, &Error{
			Kind: ErrWrongKey,
			Text: fmt.Sprintf("cannot open the sealed value of %s: the key was rotated to %s since, and %s holds the old one, %s", place(recordID, name), id, k.from, k.id),
			Next: v.takeOver(),
		}
	}
	if k.id != id {
		return nil, &Error{
			Kind: ErrWrongKey,
			Text: fmt.Sprintf("cannot open the sealed value of %s: it was sealed with key %s, and %s holds key %s", place(recordID, name), id, k.from, k.id),
			Next: "put the key that it was sealed with back, or set " + EnvKey + " to it",
		}
	}
	return k.unseal(recordID, name, sealed)
}
