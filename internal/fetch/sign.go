package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Namespace is what `ssh-keygen -Y sign -n` must be given for a template or an archive, so
// that a signature for another purpose is not taken for one. git has its own for commits.
const (
	Namespace    = "infrahaus"
	gitNamespace = "git"
)

// Trust says who may sign templates.
type Trust struct {
	Required bool
	Signers  string   // an allowed_signers file of ssh-keygen, "" for none
	Minisign []string // public keys of minisign
}

const maxSignature = 64 << 10 // bytes

// errNoSignature is the error of content without a signature; any other is about one that
// is there.
var errNoSignature = errors.New("it has no signature")

// signatures are what was found beside some content; nil for none.
type signatures struct{ ssh, minisign []byte }

// verify checks the signatures of a message. One good one by a trusted key is enough.
func (t Trust) verify(message []byte, s signatures, namespace string) error {
	err := errNoSignature
	if s.ssh != nil {
		if err = t.verifySSH(message, s.ssh, namespace); err == nil {
			return nil
		}
	}
	if s.minisign == nil {
		return err
	}
	other := t.verifyMinisign(message, s.minisign)
	if other != nil && s.ssh != nil {
		return err // the first says enough
	}
	return other
}

func (t Trust) verifySSH(message, text []byte, namespace string) error {
	sig, err := sshsig.Unarmor(text)
	if err != nil {
		return fmt.Errorf("its SSH signature cannot be read: %w", err)
	}
	key := ssh.FingerprintSHA256(sig.PublicKey)
	if sig.Namespace != namespace {
		return fmt.Errorf("its signature is for %q, not for %q", sig.Namespace, namespace)
	}
	if sig.Signature == nil || sig.Signature.Format == ssh.KeyAlgoRSA { // SHA-1; ssh-keygen refuses it, too
		return fmt.Errorf("its signature by %s uses SHA-1", key)
	}
	if err := sshsig.Verify(bytes.NewReader(message), sig, sig.PublicKey, sig.HashAlgorithm, namespace); err != nil {
		return fmt.Errorf("its signature by %s does not fit: it was made for other content", key)
	}
	allowed, err := t.allows(sig.PublicKey, namespace, time.Now())
	if err != nil {
		return err
	}
	if !allowed {
		return fmt.Errorf("it is signed by %s, which templates.allowed_signers does not allow", key)
	}
	return nil
}

func (t Trust) verifyMinisign(message, signature []byte) error {
	var sig minisign.Signature
	if err := sig.UnmarshalText(signature); err != nil {
		return fmt.Errorf("its minisign signature cannot be read: %w", err)
	}
	for _, text := range t.Minisign {
		key, err := minisignKey(text)
		if err != nil {
			return err
		}
		if key.ID() != sig.KeyID {
			continue
		}
		if !minisign.Verify(key, message, signature) {
			return fmt.Errorf("its signature by the minisign key %X does not fit: it was made for other content", sig.KeyID)
		}
		return nil
	}
	return fmt.Errorf("it is signed by the minisign key %X, which templates.minisign_keys does not have", sig.KeyID)
}

// minisignKey reads a public key: the line that begins with RW.
func minisignKey(text string) (minisign.PublicKey, error) {
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(strings.TrimSpace(text))); err != nil {
		return key, &Error{Message: fmt.Sprintf("cannot use templates.minisign_keys: %q is no public key of minisign", text),
			Hints: []string{"the second line of minisign.pub, which begins with RW"}}
	}
	return key, nil
}

// allows looks a key up in the allowed_signers file. Certificates are not supported: a line
// with cert-authority allows nothing.
func (t Trust) allows(key ssh.PublicKey, namespace string, now time.Time) (bool, error) {
	if t.Signers == "" {
		return false, &Error{Message: "cannot verify an SSH signature: templates.allowed_signers is not set", Hints: []string{"set it in the config to a file with a line such as: me@example.org ssh-ed25519 AAAA…"}}
	}
	f, err := os.Open(t.Signers)
	if err != nil {
		return false, &Error{Message: "cannot read templates.allowed_signers", Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return false, &Error{Message: "cannot read templates.allowed_signers", Err: err}
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		_, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		other, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
		if err != nil {
			return false, &Error{Message: fmt.Sprintf("cannot use %s:%d: it is not PRINCIPAL [OPTIONS] KEYTYPE KEY", t.Signers, n)}
		}
		if bytes.Equal(other.Marshal(), key.Marshal()) && optionsAllow(options, namespace, now) {
			return true, nil
		}
	}
	return false, nil
}

// optionsAllow follows the options of a line as ssh-keygen does. One that is not known
// allows nothing.
func optionsAllow(options []string, namespace string, now time.Time) bool {
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			if !slices.Contains(strings.Split(value, ","), namespace) {
				return false
			}
		case "valid-after":
			if at, ok := signerTime(value); !ok || now.Before(at) {
				return false
			}
		case "valid-before":
			if at, ok := signerTime(value); !ok || !now.Before(at) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// signerTime reads YYYYMMDD[HHMM[SS]][Z] as ssh-keygen does.
func signerTime(text string) (time.Time, bool) {
	zone := time.Local
	if t, ok := strings.CutSuffix(text, "Z"); ok {
		text, zone = t, time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil && len(layout) == len(text) {
			return at, true
		}
	}
	return time.Time{}, false
}
