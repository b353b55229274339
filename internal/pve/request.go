package pve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// get fetches path into v. After a temporary failure (595–599, 502–504, a broken
// connection) it repeats the GET twice, after 100 and 400 ms.
func (c *Client) get(ctx context.Context, op, path string, v any) error {
	if c.memo != nil && common(path) {
		return c.memo.get(ctx, path, v, func(raw *json.RawMessage) error { return c.ask(ctx, op, path, raw) })
	}
	return c.ask(ctx, op, path, v)
}

// ask is get without a memory.
func (c *Client) ask(ctx context.Context, op, path string, v any) error {
	for pause := 100 * time.Millisecond; ; pause *= 4 {
		err := c.send(ctx, op, http.MethodGet, path, nil, v)
		if err == nil || !passing(err) || pause > 400*time.Millisecond {
			return err
		}
		if sleep(ctx, pause) != nil {
			return err
		}
	}
}

// send makes one request with the client's timeout and never repeats it.
func (c *Client) send(ctx context.Context, op, method, path string, body map[string]any, v any) error {
	rctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var raw json.RawMessage
	var err error
	switch method {
	case http.MethodGet:
		err = c.api.Get(rctx, path, &raw)
	case http.MethodPost:
		err = c.api.Post(rctx, path, body, &raw)
	case http.MethodPut:
		err = c.api.Put(rctx, path, body, &raw)
	default:
		err = c.api.Delete(rctx, path, &raw) // its parameters go into the query, because Proxmox refuses a body
	}
	if err != nil {
		return c.explain(ctx, op, err)
	}
	if v == nil || len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return &Error{Kind: Refused, Op: op, Reason: "Proxmox's answer has an unexpected shape", Err: err}
	}
	return nil
}

// explain turns an error from go-proxmox into an Error. If the caller's ctx has ended, it
// returns that error unchanged.
func (c *Client) explain(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Kind: Interrupted, Op: op, Reason: "interrupted", Err: ctx.Err()}
	}
	var refused *unmet
	if errors.As(err, &refused) {
		return refused.err
	}
	var e *Error
	if errors.As(err, &e) {
		out := *e
		out.Op = op
		c.addHints(&out)
		return &out
	}
	if e := tlsError(err); e != nil {
		e.Op = "trust " + c.host()
		if e.Kind == Unreachable {
			e.Op, e.Reason = op, "the server at "+c.host()+" does not speak TLS"
		}
		return e
	}
	// A request in flight fails with the context's cause, which may be of any type.
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return &Error{Kind: Timeout, Op: op, Reason: "no answer from " + c.host() + " in time", Err: err}
	}
	if e := c.proxyError(err); e != nil {
		return e
	}
	// A connection that was never made has one message, whichever request came first.
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return &Error{Kind: Unreachable, Op: "reach " + c.host(), Reason: netReason(err), Err: err}
	}
	reason := "cannot reach " + c.host() + ": " + netReason(err)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) && !isNet(err) {
		reason = "the server at " + c.host() + " is not Proxmox's API"
	}
	return &Error{Kind: Unreachable, Op: op, Reason: reason, Err: err}
}

// proxyError explains a connection that failed at the proxy of the environment, or behind
// it: the host itself may be well. It is nil without a proxy, and if the host answered.
func (c *Client) proxyError(err error) *Error {
	proxy := UsesProxy(c.base)
	var syntax *json.SyntaxError
	if proxy == "" || errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	host := c.host()
	if u, err := url.Parse(c.base); err == nil {
		host = u.Hostname()
	}
	return &Error{Kind: Unreachable, Op: "reach " + c.host() + " through the proxy " + proxy, Reason: netReason(err), Err: err,
		Hints: []string{"the environment names that proxy (HTTPS_PROXY); to go without it: export NO_PROXY=" + host}}
}

func (c *Client) host() string {
	if u, err := url.Parse(c.base); err == nil {
		return u.Host
	}
	return c.base
}

func isNet(err error) bool {
	var u *url.Error
	return errors.As(err, &u)
}

// netReason returns the last and most specific part of a network error.
func netReason(err error) string {
	var dns *net.DNSError
	var errno syscall.Errno
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + " is not known (" + dns.Err + ")"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed"
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// passing reports whether a failure may be temporary: a failure of the connection that is
// not due to a wrong host, name or certificate.
func passing(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Kind != Unreachable {
		return false
	}
	if e.Status != 0 {
		return e.Status >= 500
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// sleep waits for d or until ctx ends, and returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// join makes a path from segments and escapes them.
func join(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}
