// Package vault seals the secrets that the catalogue keeps and opens them
// again, and looks after the key. It must not know what is sealed, nor where
// the sealed text is stored.
package vault

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// EnvKey is the environment variable that holds a key as 64 hexadecimal
// digits; it comes before the key file.
const EnvKey = "INFRAHAUS_ENCRYPTION_KEY"

// What can be wrong with a key or a sealed value. The message of an error says
// what; these say which kind, for errors.Is.
var (
	ErrNoKey    = errors.New("no encryption key")
	ErrWrongKey = errors.New("wrong encryption key")
	ErrCorrupt  = errors.New("not a sealed value")
)

// Error is what every function of this package returns when it fails.
type Error struct {
	Kind error  // ErrNoKey, ErrWrongKey, ErrCorrupt, or nil for trouble with the file
	Text string // begins with "cannot"
	Next string // what to do about it; may be ""
	Err  error  // the cause, if there is one
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// Hint is what to do about it, or "".
func (e *Error) Hint() string { return e.Next }

// Unwrap makes errors.Is work for the kind and for the cause.
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
	// Sealed reports whether anything was sealed before. A key is never made
	// where it says so: the old one is missing, and a new one could not open
	// what is there. nil: nothing was.
	Sealed func() (bool, error)
	// Retired returns the sealed text of a key that a rotation has retired, "" for
	// none of that id. nil: there are none.
	Retired func(id string) (string, error)
}

// Vault seals with one key and opens with it and with those that it replaced. It
// is safe for concurrent use.
type Vault struct {
	opts Options

	mu     sync.Mutex
	key    *key            // the one that seals; nil until it is first needed
	file   os.FileInfo     // of the key file that it was read from; nil: from the environment
	others map[string]*key // that some value was opened with, by id
}

// Open remembers where the key is and does no more: the key is read, or made,
// when it is first needed, so that a command which needs no secret works
// without one. It fails only where the options name no place for a key.
func Open(o Options) (*Vault, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.KeyFile == "" && o.Getenv(EnvKey) == "" {
		return nil, &Error{Kind: ErrNoKey, Text: "cannot open the vault: no key file is named and " + EnvKey + " is not set"}
	}
	return &Vault{opts: o}, nil
}

// Ready makes sure that there is a key to seal with, and makes one if there
// never was. Call it before the first thing that must not be lost is made.
func (v *Vault) Ready() error {
	_, err := v.load(true)
	return err
}

// KeyID names the key that seals, without telling anything about it. It reads
// the key but never makes one.
func (v *Vault) KeyID() (string, error) {
	k, err := v.load(false)
	if err != nil {
		return "", err
	}
	return k.id, nil
}

// Seal encrypts plaintext for one place, (recordID, name); only Unseal with the
// same two opens it. Two calls never give the same text. A key that was rotated
// since the last call is taken up.
func (v *Vault) Seal(recordID, name string, plaintext []byte) (string, error) {
	k, err := v.load(true)
	if err != nil {
		return "", err
	}
	return k.seal(recordID, name, plaintext), nil
}

// Unseal opens what Seal made for the same recordID and name, also with a key that
// was rotated since. It never makes a key.
func (v *Vault) Unseal(recordID, name, sealed string) ([]byte, error) {
	id, _, err := split(sealed)
	if err != nil {
		return nil, &Error{Kind: ErrCorrupt, Text: "cannot open the sealed value of " + place(recordID, name), Err: err}
	}
	k, err := v.keyOf(id)
	if err != nil {
		return nil, err
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
