// Package pve talks to Proxmox VE over HTTP in this program's own terms: typed errors
// that keep Proxmox's messages, tasks that are followed to their end, and a preflight
// that checks everything possible before anything is created. It is the only importer of
// go-proxmox and adds what go-proxmox loses. It must not know templates, the inside of
// guests, records or displays.
package pve

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/luthermonson/go-proxmox"
)

// Options are the address of Proxmox and a login: either Token, or User and Password.
type Options struct {
	URL         string        // https://host:8006; scheme, port and /api2/json may be left out
	Token       string        // user@realm!name=secret
	User        string        // user@realm; the realm defaults to pam
	Password    string        // for User
	Fingerprint string        // SHA-256 of the server's certificate, with or without colons
	CAFile      string        // PEM file with the CA of the server's certificate
	Insecure    bool          // do not verify at all
	UserAgent   string        // "" is infrahaus
	Timeout     time.Duration // limit for one request; 0 is 30 s, the limit of Proxmox itself

	// Met is called once with the identity that Proxmox has shown, before its first
	// answer is used. It may use the client. If it returns an error, every request fails
	// with that error.
	Met func(context.Context, Identity) error

	// Sent is told of every request that may change something, before it is sent. The path
	// is without /api2/json. nil: nobody wants to know.
	Sent func(method, path string)
	// Gate is asked before every request that may change something; its error is the
	// request's, and nothing is sent. nil: all may pass.
	Gate func(context.Context) error
}

// Client is one login at one Proxmox endpoint. It is safe for concurrent use.
type Client struct {
	api     *proxmox.Client
	base    string // …/api2/json
	login   login
	secret  string // the token with its secret, "" with a ticket
	agent   string // User-Agent
	timeout time.Duration
	pings   time.Duration // interval of pings on a console
	http    *transport
	shown   atomic.Bool // a console was opened, so the login is sufficient for one
	memo    *memo       // see Share; nil: every question is asked
	claims  claims
	loads   turns // of downloads
}

// login identifies the user, as far as Proxmox's rules depend on it.
type login struct {
	token string // user@realm!name, "" with a ticket
	user  string // user@realm
}

// name returns the login in Proxmox's form.
func (l login) name() string {
	if l.token != "" {
		return l.token
	}
	return l.user
}

// root reports whether Proxmox's rules treat the login as root@pam. That needs a ticket:
// they treat a token of root as root@pam!name and refuse it.
func (l login) root() bool { return l.token == "" && l.user == rootUser }

// rootUser needs no entry in an ACL; its tokens may need one.
const rootUser = "root@pam"

// New checks the options and makes a client. It reads CAFile and does no other I/O.
func New(o Options) (*Client, error) {
	base, err := baseURL(o.URL)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := tlsFrom(o)
	if err != nil {
		return nil, err
	}
	nameWithoutZone(tlsConfig, base)
	c := &Client{base: base, timeout: o.Timeout, pings: consolePing}
	if c.timeout <= 0 {
		c.timeout = 30 * time.Second
	}
	agent := o.UserAgent
	if agent == "" {
		agent = "infrahaus"
	}
	c.agent = agent
	c.http = newTransport(tlsConfig)
	c.http.sent, c.http.gate = o.Sent, o.Gate
	c.http.met, c.http.unverified = o.Met, o.Insecure && o.Fingerprint == "" && o.CAFile == ""
	opts := []proxmox.Option{
		proxmox.WithHTTPClient(&http.Client{Transport: c.http, CheckRedirect: noRedirects}),
		proxmox.WithUserAgent(agent),
		proxmox.WithLogger(silent{}),
	}
	switch {
	case o.Token != "":
		id, secret := SplitToken(o.Token)
		user, name := cutLast(id, "!")
		if secret == "" || name == "" || !strings.Contains(user, "@") {
			return nil, &Error{Kind: Invalid, Op: "use the API token", Field: "token", Reason: "it must read user@realm!name=secret"}
		}
		c.login, c.secret = login{token: id, user: user}, o.Token
		opts = append(opts, proxmox.WithAPIToken(id, secret))
	case o.User != "" && o.Password != "":
		user := o.User
		if !strings.Contains(user, "@") {
			user += "@pam"
		}
		c.login = login{user: user}
		c.http.session = &session{user: user, password: o.Password, base: base, agent: agent}
	default:
		return nil, &Error{Kind: Invalid, Op: "log in", Field: "token", Reason: "neither an API token nor a user with a password is given",
			Hints: []string{"set INFRAHAUS_TOKEN in the form user@realm!name=secret"}}
	}
	c.api = proxmox.NewClient(base, opts...)
	return c, nil
}

// SplitToken splits user@realm!name=secret at the = after the token's name, because a
// user's name may contain a =, too.
func SplitToken(token string) (id, secret string) {
	user, rest := cutLast(token, "!")
	name, secret, _ := strings.Cut(rest, "=")
	return user + "!" + name, secret
}

// cutLast is strings.Cut at the last sep; after is "" if there is none.
func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+len(sep):]
}

// Login returns the login in Proxmox's form: user@realm, or user@realm!token.
func (c *Client) Login() string { return c.login.name() }

// URL is the API's base address.
func (c *Client) URL() string { return c.base }

func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// baseURL completes a user's text to https://host:8006/api2/json. It accepts plain http
// only for loopback.
func baseURL(s string) (string, error) {
	bad := func(reason string) error {
		return &Error{Kind: Invalid, Op: "use the Proxmox address " + s, Field: "url", Reason: reason,
			Hints: []string{"it reads https://host:8006"}}
	}
	text := strings.TrimSpace(s)
	if text == "" {
		return "", &Error{Kind: Invalid, Op: "find Proxmox", Field: "url", Reason: "no address is given",
			Hints: []string{"set INFRAHAUS_URL, such as https://pve.example.com:8006"}}
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", bad("it is no URL")
	}
	if u.User != nil {
		return "", &Error{Kind: Invalid, Op: "use the Proxmox address", Field: "url", Reason: "it carries a user or password"}
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", bad("only https is spoken")
	}
	if u.Port() == "" && u.Scheme == "https" {
		u.Host += ":8006"
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api2/json")
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: path + "/api2/json"}).String(), nil // the % of a zone is escaped again
}

// silent discards go-proxmox's log. At debug level it contains request bodies, and that
// of a create has the root password.
type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Errorf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}

var _ proxmox.LeveledLoggerInterface = silent{}
