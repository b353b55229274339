package pve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// The limits of the console. Proxmox allows 10 s to connect after termproxy. Its
// termproxy ends a connection on which nothing comes for some minutes, so its own client
// pings every 30 s. Frames stay well below the size that pveproxy accepts in one piece.
const (
	consoleConnect = 10 * time.Second
	consolePing    = 30 * time.Second
	consoleFrame   = 16 << 10
	maxConsoleRead = 4 << 20
	consoleColumns = 250 // wide, because a prompt that wraps is not recognised
	consoleRows    = 50
)

// ConsolePrivilege is the privilege on a container that opening its console needs.
const ConsolePrivilege = "VM.Console"

// proxyTicket is the answer of termproxy.
type proxyTicket struct {
	Port   text   `json:"port"`
	Ticket string `json:"ticket"`
	User   string `json:"user"`
}

// Console opens the console of a running container, as the web interface does. node must
// be the container's own node: any other would go there by the nodes' SSH. Console never
// retries. All who have the console open share one session. It needs VM.Console; with an
// API token it also needs pve-container 5.3.4 (VE 8) or 6.1.3 (VE 9).
func (c *Client) Console(ctx context.Context, node string, ctid int) (*Console, error) {
	op := fmt.Sprintf("open the console of container %d", ctid)
	at := join("nodes", node, "lxc", fmt.Sprint(ctid))
	var raw proxyTicket
	if err := c.send(ctx, op, http.MethodPost, at+"/termproxy", map[string]any{}, &raw); err != nil {
		return nil, consoleRefused(err)
	}
	if raw.Ticket == "" || raw.Port == "" {
		return nil, &Error{Kind: Refused, Op: op, Reason: "Proxmox's answer has an unexpected shape"}
	}
	query := url.Values{"port": {string(raw.Port)}, "vncticket": {raw.Ticket}}
	conn, err := c.websocket(ctx, op, at+"/vncwebsocket?"+query.Encode())
	if err != nil {
		return nil, consoleRefused(err)
	}
	con := &Console{conn: conn, op: op, every: c.pings, done: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := con.shake(raw.User + ":" + raw.Ticket + "\n"); err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, c.explain(ctx, op, ctx.Err())
		}
		return nil, c.notShaken(op, err)
	}
	if err := con.frame(fmt.Sprintf("1:%d:%d:", consoleColumns, consoleRows)); err != nil {
		conn.Close()
		return nil, c.explain(ctx, op, err)
	}
	c.shown.Store(true)
	go con.ping()
	return con, nil
}

// websocket opens a websocket with the client's own trust, login and proxy.
func (c *Client) websocket(ctx context.Context, op, path string) (*websocket.Conn, error) {
	d := websocket.Dialer{
		Proxy: c.http.inner.Proxy, NetDialContext: c.http.inner.DialContext, TLSClientConfig: c.http.inner.TLSClientConfig,
		HandshakeTimeout: consoleConnect, Subprotocols: []string{"binary"},
		ReadBufferSize: 32 << 10, WriteBufferSize: consoleFrame + 64,
	}
	header, err := c.loginHeader(ctx, op)
	if err != nil {
		return nil, err
	}
	conn, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(c.base, "http")+path, header)
	if err == nil {
		conn.SetReadLimit(maxConsoleRead)
		return conn, nil
	}
	if res == nil {
		return nil, c.noAnswer(ctx, op, err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if !proxmoxSays(res.StatusCode, body) {
		return nil, &Error{Kind: Unreachable, Op: op, Status: res.StatusCode, Err: err, Hints: proxyHints,
			Reason: fmt.Sprintf("something between here and %s does not pass websockets on (it says %s)", c.host(), clip(res.Status))}
	}
	e := answerError(res, body)
	e.Op = op
	if strings.Contains(e.Reason, "invalid PVEVNC ticket") {
		e.Hints = ticketHints
		return nil, e
	}
	c.addHints(e)
	return nil, e
}

var (
	proxyHints = []string{"let the proxy pass websockets on (the Upgrade and Connection headers), or name Proxmox itself in the host's url",
		"an address behind which several nodes stand must keep to one of them"}
	ticketHints = []string{"its ticket lives 40 s: are the clocks of the nodes right? does a proxy cut the websocket?"}
)

// proxmoxSays reports whether Proxmox itself refused a websocket, and not a proxy. A
// proxy may have replaced Proxmox's name in the headers by its own.
func proxmoxSays(status int, body []byte) bool {
	switch status {
	case http.StatusBadRequest:
		return bytes.HasPrefix(body, []byte("{")) // Proxmox lists wrong parameters
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError, http.StatusNotImplemented:
		return true
	}
	return status >= 595 && status <= 599
}

// noAnswer is the error for a websocket request without an answer. The request before it
// took the same way, so an ended connection is about websockets. Proxmox itself ends it
// if its termproxy is on another node or has given up.
func (c *Client) noAnswer(ctx context.Context, op string, err error) error {
	said := c.explain(ctx, op, err)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		var e *Error
		if errors.As(said, &e) && e.Kind == Unreachable {
			e.Reason, e.Hints = "the connection to "+c.host()+" was closed where it should have become a websocket", proxyHints
		}
	}
	return said
}

// loginHeader is the header that go-proxmox and the transport would add to a request.
func (c *Client) loginHeader(ctx context.Context, op string) (http.Header, error) {
	h := http.Header{}
	if s := c.http.session; s != nil {
		t, err := s.get(ctx, c.http.once, "")
		if err != nil {
			return nil, c.explain(ctx, op, err)
		}
		h.Set("Cookie", "PVEAuthCookie="+t.Ticket)
		h.Set("User-Agent", s.agent)
		return h, nil
	}
	h.Set("Authorization", "PVEAPIToken="+c.secret)
	h.Set("User-Agent", c.agent)
	return h, nil
}

// consoleRefused adds hints to the error of a refused console.
func consoleRefused(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	switch {
	case strings.Contains(e.Reason, "not running"):
		out.Hints = append(out.Hints, "a console shows running containers only; start it first")
	case e.Kind == Forbidden:
		out.Hints = append(out.Hints, otherWayHint)
	case e.Kind == Unreachable && e.Status != 0 && len(e.Hints) == 0:
		out.Hints = []string{"list --check shows whether the container's node is up and can be reached"}
	case e.Kind == NotFound:
		out.Hints = append(out.Hints, "list --check shows whether it has moved to another node since")
	}
	return &out
}

// notShaken is the error for a console that did not answer OK. If it closed instead, its
// ticket was refused, which older versions do to every token. But if this login has
// opened a console before, the token is not the cause.
func (c *Client) notShaken(op string, err error) error {
	var wrong *answered
	if errors.As(err, &wrong) {
		return &Error{Kind: Refused, Op: op, Reason: fmt.Sprintf("the console answers %q instead of OK", wrong.said)}
	}
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		return &Error{Kind: Timeout, Op: op, Err: err, Reason: fmt.Sprintf("it was opened, and says nothing for %s", consoleConnect)}
	case c.shown.Load():
		return &Error{Kind: Unreachable, Op: op, Err: err, Reason: "the connection to it was cut before it answered", Hints: proxyHints[:1]}
	case c.login.token != "":
		return &Error{Kind: Unauthorized, Op: op, Err: err,
			Reason: "this Proxmox does not take API tokens for consoles",
			Hints: []string{"upgrade pve-container to 5.3.4 (VE 8) or 6.1.3 (VE 9) and later",
				"or log in by user and password: set INFRAHAUS_USER and INFRAHAUS_PASSWORD",
				"or go in by SSH: INFRAHAUS_SSH_TRANSPORT=guest or node",
				"if it does take them: does a proxy cut the websocket?"}}
	}
	return &Error{Kind: Unauthorized, Op: op, Err: err, Reason: "the console closed instead of taking its ticket",
		Hints: ticketHints}
}
