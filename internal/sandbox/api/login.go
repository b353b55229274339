package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// login identifies the client by an API token, or by a ticket and, except for a GET, its
// CSRF prevention token. why is the reason of a 401.
func (s *Server) login(req *http.Request) (a node.Auth, why string) {
	if _, ok := s.node.Faults().Take(driver.FaultAuth401); ok {
		return a, "Authentication failed!"
	}
	if t, ok := strings.CutPrefix(req.Header.Get("Authorization"), "PVEAPIToken="); ok {
		id, secret := splitToken(t)
		a, ok := s.node.Token(id, secret)
		if !ok {
			return a, "Authentication failed!"
		}
		return a, ""
	}
	cookie, err := req.Cookie("PVEAuthCookie")
	if err != nil {
		return a, "No ticket"
	}
	ticket := cookie.Value
	if t, err := url.QueryUnescape(ticket); err == nil && strings.Contains(ticket, "%") {
		ticket = t
	}
	a, ok := s.node.CheckTicket(ticket)
	if _, stale := s.node.Faults().Take(driver.FaultStaleTicket); stale || !ok {
		return a, "permission denied - invalid PVE ticket"
	}
	if req.Method != http.MethodGet && !s.node.CheckCSRF(a.User, req.Header.Get("CSRFPreventionToken")) {
		return a, "Permission denied - invalid csrf token"
	}
	return a, ""
}

// splitToken cuts user@realm!name=secret, or the older name:secret.
func splitToken(t string) (id, secret string) {
	i := strings.LastIndexAny(t, "=:")
	if i < 0 {
		return "", ""
	}
	return t[:i], t[i+1:]
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
