package pve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// errShown ends a handshake once the certificate is known.
var errShown = errors.New("the certificate was shown")

// Show asks a server for its certificate and trusts nothing: it sends no login and no
// request, and takes the way that requests would take (a proxy of the environment, too).
// The leaf comes first. Of the options it uses URL and Timeout. An error is Unreachable,
// Timeout, Invalid or Interrupted.
func Show(ctx context.Context, o Options) ([]*x509.Certificate, error) {
	base, err := baseURL(o.URL)
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, timeout: o.Timeout}
	if c.timeout <= 0 {
		c.timeout = 10 * time.Second
	}
	if strings.HasPrefix(base, "http://") {
		return nil, nil
	}
	var chain []*x509.Certificate
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	nameWithoutZone(config, base)
	config.VerifyConnection = func(cs tls.ConnectionState) error {
		chain = cs.PeerCertificates
		return errShown
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/version", nil)
	if err != nil {
		return nil, err
	}
	t := newTransport(config)
	defer t.inner.CloseIdleConnections()
	res, err := t.inner.RoundTrip(req)
	if err == nil {
		res.Body.Close()
	}
	if len(chain) > 0 {
		return chain, nil
	}
	if err == nil {
		err = errors.New("the server showed no certificate")
	}
	return nil, c.explain(ctx, "ask "+c.host()+" for its certificate", err)
}

// Skew is how far the clock of the server is ahead of this machine's, by the Date of its
// last answer. It is exact to a second or so. ok is false before the first answer, and if
// the answer had no date.
func (c *Client) Skew() (d time.Duration, ok bool) {
	s := c.http.skew.Load()
	if s == nil {
		return 0, false
	}
	return *s, true
}

// Token is what Proxmox says of an API token.
type Token struct {
	Expires   time.Time // zero: never
	Separated bool      // it has only the privileges that were given to itself, too
}

// Token asks about the client's own API token. Proxmox tells that only to a login with
// User.Modify on the user's group: else the error is Forbidden.
func (c *Client) Token(ctx context.Context) (Token, error) {
	user, name := cutLast(c.login.token, "!")
	var raw struct{ Expire, Privsep text }
	if err := c.get(ctx, "ask about the token "+c.login.token, join("access", "users", user, "token", name), &raw); err != nil {
		return Token{}, err
	}
	t := Token{Separated: raw.Privsep != "0"}
	if at, ok := raw.Expire.int64(); ok && at > 0 {
		t.Expires = time.Unix(at, 0)
	}
	return t, nil
}

// UsesProxy is the proxy by which the environment wants the server to be reached, "" if
// there is none. A login in it is left out.
func UsesProxy(address string) string {
	base, err := baseURL(address)
	if err != nil {
		return ""
	}
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil || proxy == nil {
		return ""
	}
	return proxy.Scheme + "://" + proxy.Host
}

// RevokeToken deletes a token, user@realm!name. Proxmox lets only the user itself do so,
// not its tokens, and logins with User.Modify on the user's group: else the error is
// Forbidden. A token that is gone already is no error.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	user, name := cutLast(id, "!")
	err := c.send(ctx, "revoke the token "+id, http.MethodDelete, join("access", "users", user, "token", name), nil, nil)
	var e *Error
	if errors.As(err, &e) && e.Kind == Refused && strings.Contains(e.Reason+e.Message, "no such token") {
		return nil
	}
	if errors.As(err, &e) && e.Kind == Forbidden {
		e.Hints = []string{"on the node: pveum user token remove " + user + " " + name}
	}
	return err
}
