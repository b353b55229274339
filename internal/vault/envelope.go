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
	"strings"
)

// envelopeVersion starts every envelope: "v1:<key id>:<base64 of nonce,
// ciphertext and tag>".
const envelopeVersion = "v1"

const keySize = 32 // AES-256

type key struct {
	id   string
	raw  []byte
	aead cipher.AEAD
	from string // where it came from, for errors
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
	return &key{id: hex.EncodeToString(sum[:6]), raw: raw, aead: aead, from: from}, nil
}

func (k *key) seal(recordID, name string, plaintext []byte) string {
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plaintext)+k.aead.Overhead())
	rand.Read(nonce) // never fails: crypto/rand would end the program
	sealed := k.aead.Seal(nonce, nonce, plaintext, additional(k.id, recordID, name))
	return envelopeVersion + ":" + k.id + ":" + base64.StdEncoding.EncodeToString(sealed)
}

// unseal opens a value that was sealed with this key.
func (k *key) unseal(recordID, name, sealed string) ([]byte, error) {
	id, raw, err := split(sealed)
	if err != nil {
		return nil, &Error{Kind: ErrCorrupt, Text: "cannot open the sealed value of " + place(recordID, name), Err: err}
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

// SealedWith is the id of the key with which a value was sealed.
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

// additional binds a sealed value to its place and its key. Each part is preceded by its
// length, so that ("a", "bc") and ("ab", "c") differ.
func additional(parts ...string) []byte {
	b := []byte("infrahaus " + envelopeVersion)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// KeyOf is the id of the key with which a value is sealed, "" if it is not sealed.
func KeyOf(sealed string) string {
	id, _, err := split(sealed)
	if err != nil {
		return ""
	}
	return id
}
