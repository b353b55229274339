package pve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// SecondFactor returns the code of a user's authenticator app. again is true if the last
// code was not accepted.
type SecondFactor func(ctx context.Context, again bool) (code string, err error)

// factorTries is how many codes are asked for. Proxmox locks a user's second factor after
// eight wrong ones.
const factorTries = 3

// challenge reports whether the ticket only asks for a second factor. Its user is not
// logged in.
func (t ticket) challenge() bool {
	return t.NeedTFA != 0 || strings.HasPrefix(t.Ticket, "PVE:!tfa!")
}

// totp reports whether a code of an authenticator app answers the challenge, which has
// the kinds of second factor as JSON.
func (t ticket) totp() bool {
	text, err := url.PathUnescape(t.Ticket)
	return err == nil && strings.Contains(text, `"totp":true`)
}

// answer answers a challenge with codes.
func (s *session) answer(ctx context.Context, send func(*http.Request) (*http.Response, error), challenge ticket) (ticket, error) {
	if s.second == nil || !challenge.totp() {
		e := &Error{Kind: Unauthorized, Reason: s.user + " needs a second factor", factor: true,
			Hints: []string{"make an API token for it: pveum user token add " + s.user + " infrahaus --privsep 0"}}
		if s.second != nil {
			e.Reason += " that is no code of an authenticator app"
		}
		return ticket{}, e
	}
	for try := 1; ; try++ {
		code, err := s.second(ctx, try > 1)
		if err != nil {
			return ticket{}, &unasked{err}
		}
		made, err := s.ask(ctx, send, url.Values{"username": {s.user}, "password": {"totp:" + strings.TrimSpace(code)}, "tfa-challenge": {challenge.Ticket}})
		var e *Error
		if !errors.As(err, &e) || e.Kind != Unauthorized {
			return made, err
		}
		if try == factorTries {
			e.Reason = "the code of the second factor is not accepted; no code is accepted twice"
			e.factor = true
			return ticket{}, e
		}
	}
}

// LogIn logs a user with a password in, before the first other request. second answers
// Proxmox's question for a second factor; the time that it takes does not count. A token
// needs no login.
func (c *Client) LogIn(ctx context.Context, second SecondFactor) error {
	s := c.http.session
	if s == nil {
		return nil
	}
	s.second = second
	defer func() { s.second = nil }()
	send := func(req *http.Request) (*http.Response, error) {
		rctx, cancel := context.WithTimeout(req.Context(), c.timeout)
		res, err := c.http.once(req.WithContext(rctx))
		if err != nil {
			cancel()
			return nil, err
		}
		res.Body = cancelled{res.Body, cancel}
		return res, nil
	}
	_, err := s.get(ctx, send, "")
	var asked *unasked
	switch {
	case err == nil:
		return nil
	case errors.As(err, &asked):
		return asked.err
	}
	return c.explain(ctx, "log in", err)
}

// unasked is the error with which the caller's question for a code ended.
type unasked struct{ err error }

func (u *unasked) Error() string { return u.err.Error() }
func (u *unasked) Unwrap() error { return u.err }

// cancelled is a body whose request has a deadline of its own.
type cancelled struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c cancelled) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
