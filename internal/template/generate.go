package template

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Generate describes how a value is made if none is set. The zero value makes none.
type Generate struct {
	Kind   string `json:"kind"`             // one of the kinds below
	Length int    `json:"length,omitempty"` // of a password or hex: characters
}

// The kinds of generated values.
const (
	password = "password" // letters and digits
	hexText  = "hex"      // hexadecimal digits
	uuid     = "uuid"     // a random UUID, version 4
	sshKey   = "ssh-key"  // an ed25519 private key as OpenSSH writes it
	tlsKey   = "tls"      // a P-256 private key in PEM
)

// Any reports whether a value is made.
func (g Generate) Any() bool { return g != Generate{} }

// partner is the name of the public value that comes with the generated value of a
// variable, or "".
func (g Generate) partner(name string) string {
	switch g.Kind {
	case sshKey:
		return name + "_pub"
	case tlsKey:
		return name + "_crt"
	}
	return ""
}

// RandomFunc makes n random characters: lower-case hexadecimal digits, or letters and
// digits.
type RandomFunc func(n int, hex bool) string

// Maker makes generated values.
type Maker struct {
	Random   RandomFunc
	Hostname string // of the container: keys and certificates are for it
}

// value makes the value that g describes.
func (m *Maker) value(g Generate) (string, error) {
	switch g.Kind {
	case hexText:
		return m.Random(g.Length, true), nil
	case uuid:
		h := []byte(m.Random(32, true))
		h[12], h[16] = '4', "89ab"[h[16]&3]
		return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:]), nil
	case sshKey:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return "", err
		}
		block, err := ssh.MarshalPrivateKey(key, m.Hostname)
		return string(pem.EncodeToMemory(block)), err
	case tlsKey:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
	}
	return m.Random(g.Length, false), nil
}

// partner makes the public value that belongs to a private one.
func (m *Maker) partner(kind, private string) (string, error) {
	if kind == tlsKey {
		return m.certificate(private)
	}
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		return "", errors.New("is no private key that OpenSSH can read without a passphrase")
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " " + m.Hostname, nil
}

// certificateFor is how long a certificate is valid. It is made once and stays for ever.
const certificateFor = 20 * 365 * 24 * time.Hour

// certificate signs a certificate for the container's hostname with its own key.
func (m *Maker) certificate(private string) (string, error) {
	wrong := errors.New("is no private key in PEM (PKCS #8)")
	block, _ := pem.Decode([]byte(private))
	if block == nil {
		return "", wrong
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", wrong
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return "", wrong
	}
	return m.sign(key, signer.Public())
}

func (m *Maker) sign(key, public any) (string, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: m.Hostname}, DNSNames: []string{m.Hostname},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateFor), // the guest's clock may be behind
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), err
}

// generateDoc is a kind, a kind with its length in parentheses, true or a length.
type generateDoc struct{ g Generate }

const (
	passwordLength    = 24
	hexLength         = 64 // 256 bits
	minLength, maxLen = 8, 256
)

var generateCall = lazy.Regexp(`^(password|hex)\(([0-9]{1,4})\)$`)

func (g *generateDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	text, length := n.Value, n.Value
	if m := generateCall().FindStringSubmatch(text); m != nil {
		text, length = m[1], m[2]
	}
	size, err := strconv.Atoi(length)
	switch {
	case n.Kind != yaml.ScalarNode:
		d.bad(path, "", "it must be password, hex, uuid, ssh-key, tls, true or a length, not %s", kind(n))
	case n.ShortTag() == "!!null" || text == "false":
	case err == nil && (size < minLength || size > maxLen):
		d.bad(path, "", "%d is not within %d..%d", size, minLength, maxLen)
	case err == nil && text == hexText:
		g.g = Generate{Kind: hexText, Length: size}
	case err == nil:
		g.g = Generate{Kind: password, Length: size}
	case text == "true" || text == password:
		g.g = Generate{Kind: password, Length: passwordLength}
	case text == hexText:
		g.g = Generate{Kind: hexText, Length: hexLength}
	case text == uuid || text == sshKey || text == tlsKey:
		g.g = Generate{Kind: text}
	default:
		d.bad(path, oneOf(n.Value, []string{"true", password, hexText, uuid, sshKey, tlsKey}), "%q is not known", n.Value)
	}
}

func (*generateDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "boolean"},
		map[string]any{"enum": []string{password, hexText, uuid, sshKey, tlsKey}},
		map[string]any{"type": "string", "pattern": generateCall().String()},
		map[string]any{"type": "integer", "minimum": minLength, "maximum": maxLen},
	}}
}
