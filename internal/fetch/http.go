package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// How long a server may be silent while it is asked for something.
const (
	connectPatience = 15 * time.Second
	answerPatience  = 30 * time.Second
	maxRedirects    = 5
)

// maxDownload bounds what one request may bring, in bytes.
const maxDownload = 256 << 20

// Login is what one server wants to see. No other server gets it, not even by a redirect.
type Login struct {
	Host  string // host[:port], as in an address
	Token string
}

// newClient makes a client that speaks https only and verifies certificates by the
// system's list.
func newClient(l Login) *http.Client {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectPatience}).DialContext,
		TLSHandshakeTimeout:   connectPatience,
		ResponseHeaderTimeout: answerPatience,
		ForceAttemptHTTP2:     true,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		DisableCompression:    true, // a .tar.gz must arrive as it is
	}
	return &http.Client{Transport: guarded{t, l}, CheckRedirect: checkRedirect}
}

// errRedirect is in the chain of the error of a redirect that is not followed.
var errRedirect = errors.New("it is not followed")

func checkRedirect(r *http.Request, via []*http.Request) error {
	switch {
	case r.URL.Scheme != "https":
		return errors.Join(errRedirect, errors.New("the server redirects to "+r.URL.Scheme+"://"+r.URL.Host+", which is not https"))
	case r.URL.User != nil:
		return errors.Join(errRedirect, errors.New("the server redirects to an address with a login"))
	case len(via) > maxRedirects:
		return errors.Join(errRedirect, errors.New("the server redirects more than "+strconv.Itoa(maxRedirects)+" times"))
	}
	return nil
}

// guarded adds the login to requests to its server.
type guarded struct {
	next  http.RoundTripper
	login Login
}

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" && g.login.Token != "" && sameHost(r.URL, g.login.Host) {
		r = r.Clone(r.Context())
		r.SetBasicAuth("x-access-token", g.login.Token) // git hosts look at the password alone
	}
	return g.next.RoundTrip(r)
}

func sameHost(u *url.URL, host string) bool {
	return strings.EqualFold(strings.TrimSuffix(u.Host, ":443"), strings.TrimSuffix(host, ":443"))
}

// do sends a request. The error is an *Error about s, or the context's cause.
func (f *Fetcher) do(r *http.Request, s Source) (*http.Response, error) {
	r.Header.Set("User-Agent", "git/2.0 (infrahaus)") // some hosts answer git's protocol only to git
	resp, err := f.client.Do(r)
	if err != nil {
		return nil, f.explain(r.Context(), s, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	resp.Body.Close()
	return nil, f.refusal(s, resp)
}

// refusal is the error for an answer other than 200.
func (f *Fetcher) refusal(s Source, resp *http.Response) error {
	host := resp.Request.URL.Host
	login := "if it needs a login: set INFRAHAUS_GIT_HOST=" + host + " and INFRAHAUS_GIT_TOKEN, or templates.git_host and templates.git_token_file in the config"
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound, code == http.StatusGone:
		e := wrong(s, "%s has no such repository or archive (%s)", host, resp.Status)
		e.absent, e.Hints = true, append(e.Hints, "check the address", login)
		return e
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e := wrong(s, "%s wants a login (%s)", host, resp.Status)
		if sameHost(resp.Request.URL, f.o.Login.Host) && f.o.Login.Token != "" {
			e = wrong(s, "%s does not accept the token (%s)", host, resp.Status)
		}
		e.Hints = append(e.Hints, login)
		return e
	case code >= 500, code == http.StatusTooManyRequests:
		return unreachable(s, errors.New("it answers "+resp.Status))
	}
	return wrong(s, "%s answers %s", host, resp.Status)
}

// explain turns an error of the connection into one with a next step.
func (f *Fetcher) explain(ctx context.Context, s Source, err error) error {
	if errors.Is(context.Cause(ctx), errTooLong) {
		return unreachable(s, errTooLong)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errRedirect):
		e := wrong(s, "%s", strings.ReplaceAll(strings.TrimPrefix(err.Error(), errRedirect.Error()+"\n"), "\n", " "))
		return e
	case errors.As(err, &cert), errors.As(err, &authority):
		e := distrusted(s, err)
		e.Hints = []string{"if its certificate is of your own authority: add that authority to this machine's certificates, or on Linux set SSL_CERT_FILE to a file with it"}
		return e
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		err = errors.New("the name " + dns.Name + ": " + dns.Err)
	case errors.As(err, &op):
		err = op.Err
	}
	return unreachable(s, err)
}

// get opens a file of a server.
func (f *Fetcher) get(ctx context.Context, s Source, suffix string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.Host+escape(s.Path)+suffix, nil)
	if err != nil {
		return nil, wrong(s, "%v", err)
	}
	resp, err := f.do(r, s)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// errTooLarge is the error of a download that does not end.
var errTooLarge = errors.New("it is larger than " + strconv.Itoa(maxDownload>>20) + " MiB")

// save copies a download to w, up to the limit.
func save(w io.Writer, r io.Reader) error {
	n, err := io.Copy(w, io.LimitReader(r, maxDownload+1))
	if err == nil && n > maxDownload {
		return errTooLarge
	}
	return err
}
