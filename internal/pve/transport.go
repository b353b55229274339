package pve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxAnswer limits one decompressed answer, in bytes. The largest genuine one is the
// appliance index with about 1 MB.
const maxAnswer = 16 << 20

// Limits on an endpoint's answers: the values in one answer, because a short text can
// take a hundred times its size once decoded; its header; an error; and a ticket. The
// largest genuine answer, a cluster's list of ten thousand guests, has about 200,000
// values; pveproxy's headers are under 1 KiB.
const (
	maxValues  = 500_000
	maxHead    = 64 << 10
	maxFailure = 64 << 10 // bytes of an error's body
	maxReason  = 1 << 10  // bytes of one line
	maxParams  = 32       // parameters that an error names
	maxTicket  = 8 << 10
)

// transport is below go-proxmox and keeps what that drops: every answer of 300 and more
// becomes an *Error with status, reason and body. go-proxmox reports a 403 without its
// reason, a 500 without its body, and a 596 as success. transport also holds the ticket
// for a user with a password.
type transport struct {
	inner   *http.Transport
	session *session // nil with a token

	met        func(context.Context, Identity) error // nil: the caller does not need it
	sent       func(method, path string)             // of Options
	gate       func(context.Context) error           // of Options
	unverified bool                                  // certificates are not verified
	began      atomic.Bool                           // met was called
	leaf       atomic.Pointer[x509.Certificate]      // the first one that was shown
	refused    atomic.Pointer[error]                 // the error of met
	skew       atomic.Pointer[time.Duration]         // of the server's clock, by its last answer
}

func newTransport(config *tls.Config) *transport {
	return &transport{inner: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHead,
		MaxIdleConnsPerHost:    16,
		// pveproxy closes idle connections after 5 s. Closing them first avoids requests
		// on a connection that is being closed.
		IdleConnTimeout: 3 * time.Second,
	}}
}

// closedIdle is net/http's error for a connection that was closed before a request
// was sent on it. It is not exported.
const closedIdle = "http: server closed idle connection"

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if refused := t.refused.Load(); refused != nil {
		return nil, *refused
	}
	res, err := t.signed(req)
	if err != nil || res.TLS == nil || !t.began.CompareAndSwap(false, true) {
		return res, err
	}
	t.leaf.Store(res.TLS.PeerCertificates[0])
	if t.met == nil {
		return res, nil
	}
	if err := t.met(req.Context(), shownBy(res.TLS)); err != nil {
		err = &unmet{err}
		t.refused.Store(&err)
		_ = res.Body.Close()
		return nil, err
	}
	return res, nil
}

// signed sends a request with the login.
func (t *transport) signed(req *http.Request) (*http.Response, error) {
	if t.session == nil {
		return t.once(req)
	}
	ticket, err := t.session.get(req.Context(), t.once, "")
	if err != nil {
		return nil, err
	}
	res, err := t.once(ticket.sign(req))
	var e *Error
	if !errors.As(err, &e) || e.Kind != Unauthorized || !replayable(req) {
		return res, err
	}
	// The ticket ended early, because the node's clock or key changed: try once more with
	// a fresh one.
	fresh, err2 := t.session.get(req.Context(), t.once, ticket.Ticket)
	if err2 != nil {
		return nil, err2
	}
	again, err := rewound(fresh.sign(req))
	if err != nil {
		return nil, err
	}
	return t.once(again)
}

func replayable(req *http.Request) bool { return req.Body == nil || req.GetBody != nil }

// rewound returns req with its body at the start.
func rewound(req *http.Request) (*http.Request, error) {
	if req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = body
	return req, nil
}

// once makes one request. pveproxy may close an idle connection at the moment when it is
// used. net/http then fails although nothing was sent, so any request, even one that must
// not be repeated, may use the next connection. All idle connections may be closed.
func (t *transport) once(req *http.Request) (*http.Response, error) {
	if changes := req.Method != http.MethodGet && req.Method != http.MethodHead; changes && t.gate != nil {
		if err := t.gate(req.Context()); err != nil {
			return nil, err
		}
	}
	if t.sent != nil && req.Method != http.MethodGet && req.Method != http.MethodHead {
		_, path, _ := strings.Cut(req.URL.Path, "/api2/json")
		t.sent(req.Method, path)
	}
	res, err := t.inner.RoundTrip(req)
	for idle := t.inner.MaxIdleConnsPerHost; err != nil && err.Error() == closedIdle && idle > 0 && replayable(req); idle-- {
		if req, err = rewound(req); err == nil {
			res, err = t.inner.RoundTrip(req)
		}
	}
	if err != nil {
		return nil, err
	}
	t.compareClocks(res)
	if res.StatusCode < 300 {
		res.Body = &bounded{body: res.Body, left: maxAnswer, values: maxValues}
		return res, nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxFailure))
	return nil, answerError(res, body)
}

// compareClocks remembers how far the server's clock is ahead. Its date has whole seconds,
// so half a second is added.
func (t *transport) compareClocks(res *http.Response) {
	if there, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		skew := time.Until(there.Add(time.Second / 2))
		t.skew.Store(&skew)
	}
}

// answerError turns an error response into an Error. Its text is in the reason phrase
// (only the first line) and, since PVE 8.3, complete in "message".
func answerError(res *http.Response, body []byte) *Error {
	var v struct {
		Message string                     `json:"message"`
		Errors  map[string]json.RawMessage `json:"errors"`
	}
	_ = json.Unmarshal(body, &v) // 401, 595 and proxies send no JSON
	reason := strings.TrimSpace(strings.TrimPrefix(res.Status, fmt.Sprint(res.StatusCode)))
	e := &Error{Status: res.StatusCode, Reason: clip(reason), Message: strings.TrimSpace(v.Message), Kind: kindOf(res.StatusCode)}
	for key, raw := range v.Errors {
		if len(e.Params) >= maxParams {
			break
		}
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		e.Params[clip(key)] = clip(strings.TrimSpace(text))
	}
	switch {
	case res.StatusCode < 400:
		e.Reason = "it is sent elsewhere (" + e.Reason + "), as Proxmox's API never does"
	case e.Kind == Unreachable:
		e.Reason = fmt.Sprintf("the proxy there says %q (%d)", e.Reason, res.StatusCode)
	}
	if firstLine(e.Message) == e.Reason && !strings.Contains(e.Message, "\n") {
		e.Message = ""
	}
	if strings.Contains(e.Reason+e.Message, "does not exist") && strings.Contains(e.Reason+e.Message, "Configuration file ") {
		e.Kind = NotFound
	}
	return e
}

func kindOf(status int) Kind {
	switch {
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status < 400, status == 502, status == 503, status == 504, status >= 595 && status <= 599:
		// pveproxy passes on the pseudo codes of its own HTTP client: 595 means no
		// connection, 596 a broken one or a timeout of 30 s, 599 an invalid answer.
		return Unreachable
	}
	return Refused
}

// bounded fails instead of reading for ever. It comes after net/http's decompression, so
// it limits the bytes that are kept in memory.
type bounded struct {
	body   io.ReadCloser
	left   int64
	values int // JSON values, counted by the commas between them
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &Error{Kind: Unreachable, Reason: fmt.Sprintf("the answer is larger than %d MiB, as none of Proxmox's is", maxAnswer>>20)}
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if b.values -= bytes.Count(p[:n], []byte{','}); b.values < 0 {
		return n, &Error{Kind: Unreachable, Reason: fmt.Sprintf("the answer has more than %d values, as none of Proxmox's has", maxValues)}
	}
	return n, err
}

// clip shortens a text of Proxmox to a length that people read.
func clip(s string) string {
	if len(s) <= maxReason {
		return s
	}
	return strings.ToValidUTF8(s[:maxReason], "") + "…"
}

func (b *bounded) Close() error { return b.body.Close() }

// session holds a ticket. It gets the first one before the first request, because Proxmox
// delays every request without a login by 3 s. It renews the ticket every hour; a ticket
// is valid for two.
type session struct {
	user, password, base, agent string

	second SecondFactor // nil: a challenge is an error

	mu      sync.Mutex
	current ticket
	expires time.Time
}

type ticket struct {
	Ticket  string `json:"ticket"`
	CSRF    string `json:"CSRFPreventionToken"`
	NeedTFA int    `json:"NeedTFA"`
}

// sign returns req with the ticket's headers.
func (t ticket) sign(req *http.Request) *http.Request {
	req = req.Clone(req.Context())
	req.Header.Set("Cookie", "PVEAuthCookie="+t.Ticket)
	if req.Method != http.MethodGet {
		req.Header.Set("CSRFPreventionToken", t.CSRF)
	}
	return req
}

// get returns a ticket other than stale, and logs in if necessary.
func (s *session) get(ctx context.Context, send func(*http.Request) (*http.Response, error), stale string) (ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.Ticket != "" && s.current.Ticket != stale && time.Now().Before(s.expires) {
		return s.current, nil
	}
	made, err := s.ask(ctx, send, url.Values{"username": {s.user}, "password": {s.password}})
	if err == nil && made.challenge() {
		made, err = s.answer(ctx, send, made)
	}
	if err != nil {
		return ticket{}, err
	}
	s.current, s.expires = made, time.Now().Add(time.Hour)
	return s.current, nil
}

// ask makes one request for a ticket.
func (s *session) ask(ctx context.Context, send func(*http.Request) (*http.Response, error), form url.Values) (ticket, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/access/ticket", strings.NewReader(form.Encode()))
	if err != nil {
		return ticket{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", s.agent)
	res, err := send(req)
	if err != nil {
		return ticket{}, err
	}
	defer res.Body.Close()
	var v struct {
		Data ticket `json:"data"`
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return ticket{}, err
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&v); err != nil || v.Data.Ticket == "" {
		return ticket{}, &Error{Kind: Unreachable, Reason: "the login was answered with something else than Proxmox's ticket"}
	}
	if len(v.Data.Ticket)+len(v.Data.CSRF) > maxTicket {
		return ticket{}, &Error{Kind: Unreachable, Reason: "the login was answered with something larger than Proxmox's ticket"}
	}
	return v.Data, nil
}
