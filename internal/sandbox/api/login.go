package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// login identifies the client by a ticket and, except for a GET, its CSRF prevention token,
// or by an API token. A ticket comes first, even one that is worth nothing. why is the
// reason of a 401.
func (s *Server) login(req *http.Request) (a node.Auth, why string) {
	const refused = "Authentication failed!"
	if _, ok := s.node.Faults().Take(driver.FaultAuth401); ok {
		return a, refused
	}
	header := req.Header.Get("Authorization")
	ticket := authValue(strings.Join(req.Header.Values("Cookie"), "; "), "PVEAuthCookie")
	if ticket == "" {
		ticket = authValue(header, "PVEAuthCookie")
	}
	if ticket == "" {
		token := authValue(header, "PVEAPIToken")
		if token == "" {
			return a, "No ticket"
		}
		i := max(0, strings.LastIndex(token, "="))
		a, ok := s.node.Token(token[:i], strings.TrimPrefix(token[i:], "="))
		if !ok {
			return a, refused
		}
		return a, ""
	}
	a, ok := s.node.CheckTicket(ticket)
	if _, stale := s.node.Faults().Take(driver.FaultStaleTicket); stale || !ok {
		return a, refused
	}
	if req.Method != http.MethodGet && !s.node.CheckCSRF(a.User, req.Header.Get("CSRFPreventionToken")) {
		return a, "Permission denied - invalid csrf token"
	}
	return a, ""
}

// authValue is extract_auth_value: what follows "KEY=" or "KEY " in a header, to the next
// semicolon, decoded as a URL is.
func authValue(header, key string) string {
	for rest := header; ; {
		i := strings.Index(rest, key)
		if i < 0 {
			return ""
		}
		at := len(header) - len(rest) + i
		rest = rest[i+len(key):]
		if at > 0 && !strings.ContainsRune(" \t", rune(header[at-1])) || rest == "" || rest[0] != '=' && rest[0] != ' ' {
			continue
		}
		value, _, _ := strings.Cut(rest[1:], ";")
		if v, err := url.PathUnescape(value); err == nil {
			value = v
		}
		return value
	}
}

// createTicket is POST /access/ticket. A valid ticket as the password renews it. A user
// with a second factor gets a challenge first, and answers it in a second request.
func createTicket(c *call) (any, error) {
	user := c.params["username"]
	if realm := c.params["realm"]; realm != "" {
		user += "@" + realm
	}
	n := c.srv.node
	challenge, answers := c.params["tfa-challenge"]
	ok := n.Password(user, c.params["password"])
	second := ok && n.NeedsTOTP(user)
	if a, valid := n.CheckTicket(c.params["password"]); valid && a.User == user {
		ok = true
	}
	if answers {
		ok, second = n.CheckChallenge(user, challenge) && n.TOTP(user, c.params["password"]), false
	}
	if _, bad := n.Faults().Take(driver.FaultAuth401); bad || !ok {
		c.srv.pause(c.srv.opt.AuthDelay)
		return nil, &node.Error{Status: 401, Message: "authentication failure"}
	}
	ticket, csrf := n.Ticket(user)
	if second {
		return map[string]any{"username": user, "ticket": n.Challenge(user), "CSRFPreventionToken": csrf, "NeedTFA": 1}, nil
	}
	caps := map[string]map[string]int{}
	for path, privs := range n.Permissions(node.Auth{User: user}, "") {
		caps[strings.TrimPrefix(path, "/")] = privs
	}
	delete(caps, "")
	return map[string]any{"username": user, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": caps}, nil
}
