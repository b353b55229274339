package pve

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// Vouch returns nil if the CAs of this machine, or those of caFile, vouch for the chain
// that the server at an address has shown, at the time now.
func Vouch(chain []*x509.Certificate, caFile, address string, now time.Time) error {
	base, err := baseURL(address)
	if err != nil {
		return err
	}
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(u.Hostname(), "%") // the zone of an address is not in a certificate
	o := x509.VerifyOptions{DNSName: name, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	if caFile != "" {
		text, err := os.ReadFile(caFile)
		if err != nil {
			return err
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(text) {
			return fmt.Errorf("%s holds no PEM certificate", caFile)
		}
	}
	_, err = chain[0].Verify(o)
	return err
}
