package api

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// RootCA is the name of the cluster's CA, beside the node's certificate.
const RootCA = "pve-root-ca.pem"

// certificates are the cluster's own CA and the node's certificate, which the CA has
// signed.
type certificates struct {
	ca   *x509.Certificate
	node tls.Certificate
}

// certificatesIn reads both, or makes the missing ones. They stay the same as long as the
// sandbox's state, because clients pin the node's certificate and identify the cluster by
// its CA. A missing node certificate is issued again, as `pvecm updatecerts` does.
// life is how long a certificate of the node is valid that is made now.
func certificatesIn(file string, life time.Duration) (certificates, error) {
	var certs certificates
	ca, err := keep(sibling(file), func() ([]byte, error) { return issue(caTemplate(), nil) })
	if err != nil {
		return certs, err
	}
	if certs.ca, err = x509.ParseCertificate(ca.Certificate[0]); err != nil {
		return certs, err
	}
	certs.node, err = keep(file, func() ([]byte, error) {
		return issue(nodeTemplate(life), &issuer{certs.ca, ca.PrivateKey.(crypto.Signer)})
	})
	return certs, err
}

func sibling(file string) string {
	if file == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(file), RootCA)
}

// keep reads a certificate with its key, or makes it and saves it in file; "" saves
// nothing.
func keep(file string, fresh func() ([]byte, error)) (tls.Certificate, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err == nil {
			return tls.X509KeyPair(b, b)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return tls.Certificate{}, err
		}
	}
	b, err := fresh()
	if err != nil {
		return tls.Certificate{}, err
	}
	if file != "" {
		tmp := file + ".tmp"
		if err := os.WriteFile(tmp, b, 0o600); err != nil {
			return tls.Certificate{}, err
		}
		if err := os.Rename(tmp, file); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.X509KeyPair(b, b)
}

// The names are those that pvecm uses: the CA's unit is a random id.
func caTemplate() *x509.Certificate {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // crypto/rand never fails
	return &x509.Certificate{
		Subject: pkix.Name{
			CommonName: "Proxmox Virtual Environment", Organization: []string{"PVE Cluster Manager CA"},
			OrganizationalUnit: []string{fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])},
		},
		NotAfter: time.Now().AddDate(10, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true,
	}
}

func nodeTemplate(life time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{
			CommonName: node.Name, Organization: []string{"Proxmox Virtual Environment"}, OrganizationalUnit: []string{"PVE Cluster Node"},
		},
		NotAfter: time.Now().Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{node.Name, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		BasicConstraintsValid: true,
	}
}

// issuer is the CA that signs.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a key and a certificate for it. by signs it; nil means that it signs
// itself.
func issue(t *x509.Certificate, by *issuer) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if by == nil {
		by = &issuer{t, key}
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, err
	}
	t.NotBefore = time.Now().Add(-time.Hour)
	if t.NotAfter.Before(time.Now()) {
		t.NotBefore = t.NotAfter.AddDate(-1, 0, 0)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, by.cert, &key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, b := range []*pem.Block{{Type: "PRIVATE KEY", Bytes: k}, {Type: "CERTIFICATE", Bytes: der}} {
		if err := pem.Encode(&out, b); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// FingerprintIn returns the fingerprint of the certificate in a file, "" if there is
// none.
func FingerprintIn(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		return ""
	}
	return fingerprint(pair.Certificate[0])
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// certificateInfo is GET /nodes/NODE/certificates/info. Proxmox looks for the node's own
// certificate under the requested name, so localhost has none.
func (s *Server) certificateInfo(c *call) (any, error) {
	rows := []map[string]any{describe(RootCA, s.certs.ca)}
	if leaf, err := x509.ParseCertificate(s.certs.node.Certificate[0]); err == nil && c.params["node"] == s.node.Name() {
		rows = append(rows, describe("pve-ssl.pem", leaf))
	}
	return rows, nil
}

func describe(name string, cert *x509.Certificate) map[string]any {
	row := map[string]any{
		"filename": name, "fingerprint": fingerprint(cert.Raw), "subject": slashed(cert.Subject), "issuer": slashed(cert.Issuer),
		"notbefore": cert.NotBefore.Unix(), "notafter": cert.NotAfter.Unix(), "public-key-type": "id-ecPublicKey", "public-key-bits": 256,
		"pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})),
	}
	if len(cert.DNSNames) > 0 {
		san := append([]string{}, cert.DNSNames...)
		for _, ip := range cert.IPAddresses {
			san = append(san, ip.String())
		}
		row["san"] = san
	}
	return row
}

// slashed formats a name in OpenSSL's one-line form.
func slashed(n pkix.Name) string {
	return "/CN=" + n.CommonName + "/OU=" + strings.Join(n.OrganizationalUnit, ",") + "/O=" + strings.Join(n.Organization, ",")
}
