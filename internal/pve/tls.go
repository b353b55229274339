package pve

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// wrongFingerprint is the error for a server whose certificate is not the pinned one.
type wrongFingerprint struct{ want, seen string }

func (e *wrongFingerprint) Error() string {
	return "its certificate has changed: it shows the fingerprint " + e.seen + ", and " + e.want + " is pinned; somebody may be between, or the certificate was renewed"
}

// tlsFrom sets up the chosen kind of trust: a pinned certificate, a CA file, none, or the
// system's roots.
func tlsFrom(o Options) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	switch {
	case o.Fingerprint != "":
		want, err := parseFingerprint(o.Fingerprint)
		if err != nil {
			return nil, err
		}
		// VerifyConnection also runs when a TLS session is resumed; VerifyPeerCertificate
		// does not.
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("the server showed no certificate")
			}
			if seen := Fingerprint(cs.PeerCertificates[0]); seen != want {
				return &wrongFingerprint{want: want, seen: seen}
			}
			return nil
		}
	case o.CAFile != "":
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, &Error{Kind: Invalid, Op: "read the CA file", Field: "caFile", Err: err}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &Error{Kind: Invalid, Op: "use the CA file " + o.CAFile, Field: "caFile", Reason: "it holds no PEM certificate"}
		}
	case o.Insecure:
		config.InsecureSkipVerify = true
	}
	return config, nil
}

// nameWithoutZone checks the certificate of an address with a zone against the address
// alone. The zone is this machine's own name of an interface, so no certificate contains
// it.
func nameWithoutZone(config *tls.Config, base string) {
	u, err := url.Parse(base)
	if err != nil {
		return
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.Zone() != "" {
		config.ServerName = a.WithZone("").String()
	}
}

// Fingerprint is a certificate's SHA-256 in Proxmox's form: AA:BB:….
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return withColons(sum[:])
}

func parseFingerprint(s string) (string, error) {
	text := strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(s))
	if len(text) > 6 && strings.EqualFold(text[:6], "sha256") {
		text = text[6:]
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return "", &Error{Kind: Invalid, Op: "use the certificate fingerprint", Field: "fingerprint",
			Reason: "it is not a SHA-256 in hexadecimal (64 digits)",
			Hints:  []string{"on the node: pvenode cert info"}}
	}
	return withColons(raw), nil
}

func withColons(raw []byte) string {
	digits := strings.ToUpper(hex.EncodeToString(raw))
	var b strings.Builder
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(digits[i : i+2])
	}
	return b.String()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tlsError turns the error of a failed handshake into an Error; nil for any other error.
func tlsError(err error) *Error {
	var pin *wrongFingerprint
	if errors.As(err, &pin) {
		// The shown fingerprint must not stand here as a setting: whoever pastes it trusts a
		// stranger.
		return &Error{Kind: TLS, Reason: pin.Error(), Seen: pin.seen, Err: err, Hints: []string{
			"see the node's own fingerprint, on the node: pvenode cert info",
			"if that is the one which was shown, the certificate was renewed: pin it anew (fingerprint in the config, or INFRAHAUS_FINGERPRINT)"}}
	}
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) {
		e := &Error{Kind: TLS, Reason: "the server's certificate is not trusted: " + bad.Err.Error(), Err: err}
		var invalid x509.CertificateInvalidError
		if errors.As(bad.Err, &invalid) && invalid.Reason == x509.Expired {
			e.Hints = []string{"renew it, on the node: pvecm updatecerts --force && systemctl restart pveproxy", "or is this machine's clock wrong?"}
			return e
		}
		if len(bad.UnverifiedCertificates) > 0 {
			e.Seen = Fingerprint(bad.UnverifiedCertificates[0])
			e.Hints = []string{"compare with `pvenode cert info` on the node, then set INFRAHAUS_FINGERPRINT=" + e.Seen}
		}
		return e
	}
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		return &Error{Kind: Unreachable, Err: err}
	}
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return &Error{Kind: TLS, Reason: "the TLS handshake failed: " + alert.Error(), Err: err}
	}
	return nil
}
