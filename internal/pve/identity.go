package pve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
)

// Identity identifies a host by SHA-256 fingerprints.
type Identity struct {
	Certificate string // shown by the host
	CA          string // the cluster's own; "" if not known
}

// clusterCA is the organization that pvecm writes into the CA of a cluster. No other
// cluster has the same CA. A public or a company's CA signs for many hosts and identifies
// none.
const clusterCA = "PVE Cluster Manager CA"

func isClusterCA(cert *x509.Certificate) bool {
	return slices.Contains(cert.Subject.Organization, clusterCA)
}

// shownBy returns the identity from a handshake. The CA in it counts only if it has
// signed the certificate: a host can send a CA that is not its own.
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

// ClusterCA returns the fingerprint of the CA of the host's cluster, which every login
// may read. It is "" if the host does not answer with one, or if the answer cannot be
// trusted because the host's certificate is not from that CA and is not verified in
// another way.
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

// ClusterCAIn returns the fingerprint of a cluster's CA in a file with trusted CAs, "" if
// the file has none.
func ClusterCAIn(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "" // reported when the file is used
	}
	if ca := firstCertificate(text); ca != nil && isClusterCA(ca) {
		return Fingerprint(ca)
	}
	return ""
}

// unmet is the error with which the caller refuses a host.
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
