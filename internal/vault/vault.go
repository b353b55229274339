// Package vault seals the secrets that the catalogue keeps and opens them
// again, and looks after the key. It must not know what is sealed, nor where
// the sealed text is stored.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// EnvKey is the environment variable that holds a key as 64 hexadecimal
// digits; it comes before the key file.
const EnvKey = "INFRAHAUS_ENCRYPTION_KEY"

// envelopeVersion starts every envelope: "v1:<key id>:<base64 of nonce,
// ciphertext and tag>".
const envelopeVersion = "v1"

const keySize = 32 // AES-256

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
}

// Vault seals and opens with one key. It is safe for concurrent use.
type Vault struct {
	opts Options

	mu  sync.Mutex
	key *key // nil until it is first needed
}

type key struct {
	id   string
	aead cipher.AEAD
	from string // where it came from, for errors
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
// same two opens it. Two calls never give the same text.
func (v *Vault) Seal(recordID, name string, plaintext []byte) (string, error) {
	k, err := v.load(true)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plaintext)+k.aead.Overhead())
	rand.Read(nonce) // never fails: crypto/rand ends the program instead
	sealed := k.aead.Seal(nonce, nonce, plaintext, additional(k.id, recordID, name))
	return envelopeVersion + ":" + k.id + ":" + base64.StdEncoding.EncodeToString(sealed), nil
}

// Unseal opens what Seal made for the same recordID and name. It never makes a
// key.
func (v *Vault) Unseal(recordID, name, sealed string) ([]byte, error) {
	id, raw, err := split(sealed)
	if err != nil {
		return nil, &Error{Kind: ErrCorrupt, Text: "cannot open the sealed value of " + place(recordID, name), Err: err}
	}
	k, err := v.load(false)
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
	if len(raw) < k.aead.NonceSize()+k.aead.Overhead() {
		return nil, &Error{Kind: ErrCorrupt, Text: "cannot open the sealed value of " + place(recordID, name) + ": it is too short"}
	}
	nonce, text := raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():]
	plain, err := k.aead.Open(nil, nonce, text, additional(id, recordID, name))
	if err != nil {
		return nil, &Error{Kind: ErrCorrupt, Text: "cannot open the sealed value of " + place(recordID, name) + ": it was changed, or belongs elsewhere"}
	}
	return plain, nil
}

// SealedWith is the id of the key that a value was sealed with.
func SealedWith(sealed string) (string, error) {
	id, _, err := split(sealed)
	if err != nil {
		return "", &Error{Kind: ErrCorrupt, Text: "cannot tell the key of a sealed value", Err: err}
	}
	return id, nil
}

func place(recordID, name string) string { return recordID + "/" + name }

func split(sealed string) (id string, raw []byte, err error) {
	version, rest, ok := strings.Cut(sealed, ":")
	id, text, ok2 := strings.Cut(rest, ":")
	switch {
	case !ok || !ok2 || id == "":
		return "", nil, errors.New("it is not an envelope")
	case version != envelopeVersion:
		return "", nil, fmt.Errorf("its format %.16q is not known to this version", version)
	}
	raw, err = base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return "", nil, errors.New("it is not base64")
	}
	return id, raw, nil
}

// additional binds a sealed value to its place and its key. Lengths go before
// the parts, so that ("a", "bc") and ("ab", "c") differ.
func additional(parts ...string) []byte {
	b := []byte("infrahaus " + envelopeVersion)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

func newKey(raw []byte, from string) (*key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block) // 96-bit nonces
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("infrahaus key id\x00"), raw...))
	return &key{id: hex.EncodeToString(sum[:6]), aead: aead, from: from}, nil
}
