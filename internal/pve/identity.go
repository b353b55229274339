package pve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
)

// Identity is what a host is known by, as SHA-256 fingerprints.
type Identity struct {
	Certificate string // that the host showed
	CA          string // the cluster's own; "" where it is not known
}

// clusterCA is the organization that pvecm writes into the CA of a cluster, which no
// other cluster has. A public CA, or one of a company, says nothing of who is who.
const clusterCA = "PVE Cluster Manager CA"

func isClusterCA(cert *x509.Certificate) bool {
	return slices.Contains(cert.Subject.Organization, clusterCA)
}

// shownBy is what a handshake tells. Its CA counts if it has signed the certificate:
// anybody can send along what is not theirs.
func shownBy(cs *tls.ConnectionState) Identity {
	leaf := cs.PeerCertificates[0]
	id := Identity{Certificate: Fingerprint(leaf)}
	chains := append(slices.Clone(cs.VerifiedChains), cs.PeerCertificates)
	for _, chain := range chains {
		for _, cert := range chain[1:] {
			if isClusterCA(cert) && signed(cert, leaf) {
				id.CA = Fingerprint(cert)
			}
		}
	}
	return id
}

func signed(ca, leaf *x509.Certificate) bool {
	return ca.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil
}

// ClusterCA is the fingerprint of the CA of the cluster that the host belongs to, which
// every login may ask for. "" where the host does not say, or where it cannot be
// believed: its certificate is not from that CA, and nobody has verified it.
func (c *Client) ClusterCA(ctx context.Context) (string, error) {
	var certs []struct {
		Filename string `json:"filename"`
		PEM      string `json:"pem"`
	}
	// localhost is the node that answers, whatever its name.
	if err := c.get(ctx, "ask for the certificates", join("nodes", "localhost", "certificates", "info"), &certs); err != nil {
		return "", err
	}
	leaf := c.http.leaf.Load()
	for _, one := range certs {
		if one.Filename != "pve-root-ca.pem" || leaf == nil {
			continue
		}
		ca := firstCertificate([]byte(one.PEM))
		if ca != nil && (signed(ca, leaf) || !c.http.unverified) {
			return Fingerprint(ca), nil
		}
	}
	return "", nil
}

// ClusterCAIn is the fingerprint of a cluster's CA in a file that a host's certificate
// is verified against, "" where there is none in it.
func ClusterCAIn(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "" // said when it is used
	}
	if ca := firstCertificate(text); ca != nil && isClusterCA(ca) {
		return Fingerprint(ca)
	}
	return ""
}

// unmet is the caller's word on a host that it does not want to deal with.
type unmet struct{ err error }

func (u *unmet) Error() string { return u.err.Error() }
func (u *unmet) Unwrap() error { return u.err }

func firstCertificate(text []byte) *x509.Certificate {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		return cert
	}
	return nil
}
