package config

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// HostNames are the hosts of the file, sorted.
func (c *Config) HostNames() []string { return slices.Sorted(maps.Keys(c.hosts)) }

// HostName is the name of the host that Host("") returns: --host, else the environment's,
// else default_host, else the only one in the file. It is "" if there is none, or if
// there are several and nothing selects one.
func (c *Config) HostName() string {
	if c.chosen != "" {
		return c.chosen
	}
	if e, err := c.environment(); err == nil && e.url != "" {
		return c.nameOf(e.url)
	}
	if c.DefaultHost != "" {
		return c.DefaultHost
	}
	if names := c.HostNames(); len(names) == 1 {
		return names[0]
	}
	return ""
}

// SelectHost returns HostName, or an error that gives the reason why there is none and
// lists the choices.
func (c *Config) SelectHost() (string, error) {
	if _, err := c.environment(); err != nil {
		return "", err
	}
	name := c.HostName()
	if same := c.twins(name); c.chosen == "" && len(same) > 1 {
		return "", &Error{Text: "cannot choose a host: " + strings.Join(same, " and ") + " have the url that the environment gives",
			Next: "say --host with one of them"}
	}
	switch {
	case name == SandboxHost || c.hosts[name] != nil || name != "" && c.chosen == "":
		return name, nil
	case name != "":
		return "", c.unknownHost(name)
	case len(c.hosts) > 0:
		return "", &Error{Text: "cannot choose a host: " + c.File + " has several", Next: "say --host with one of " + strings.Join(c.HostNames(), ", ") + ", or set default_host"}
	}
	return "", &Error{Err: ErrNoHost, Text: "cannot tell which Proxmox host: none is configured", Next: "set INFRAHAUS_URL and INFRAHAUS_TOKEN, or write " + c.Paths.ConfigFile() + ", or try --sandbox"}
}

// nameOf returns the name for the host that the environment configures: its name in the
// file if it is there, otherwise its address.
func (c *Config) nameOf(endpointURL string) string {
	for _, name := range c.HostNames() {
		if u, err := endpoint(c.hosts[name].URL); err == nil && u == endpointURL {
			return name
		}
	}
	u, err := url.Parse(endpointURL)
	if err != nil { // cannot happen, because endpoint made it
		return endpointURL
	}
	if u.Port() == apiPort {
		return u.Hostname()
	}
	return u.Host
}

// twins are the hosts of the file with the URL of the environment, if that selects a host.
func (c *Config) twins(name string) (same []string) {
	e, err := c.environment()
	if err != nil || e.url == "" || c.nameOf(e.url) != name {
		return nil
	}
	for _, n := range c.HostNames() {
		if u, err := endpoint(c.hosts[n].URL); err == nil && u == e.url {
			same = append(same, n)
		}
	}
	return same
}

// Twins are warnings about hosts of the file that have the same URL.
func (c *Config) Twins() (warnings []string) {
	first := map[string]string{}
	for _, n := range c.HostNames() {
		u, err := endpoint(c.hosts[n].URL)
		if err != nil {
			continue
		}
		if other := first[u]; other != "" {
			warnings = append(warnings, fmt.Sprintf("hosts %s and %s have the same url", other, n))
			continue
		}
		first[u] = n
	}
	return warnings
}

// Calls reports whether the settings have a host of that name: in the file, in the
// environment, or the sandbox.
func (c *Config) Calls(name string) bool {
	if name == SandboxHost || c.hosts[name] != nil {
		return true
	}
	e, err := c.environment()
	return err == nil && e.url != "" && c.nameOf(e.url) == name
}

// Trust is the address of a host and the certificates that are trusted there. It contains
// no secret. Unknown fields are "".
type Trust struct {
	URL         string // https://host:port
	Fingerprint string // SHA-256, AB:CD:…
	CAFile      string
}

// Trust returns these fields of Host without reading a secret.
func (c *Config) Trust(name string) Trust {
	h, _, _, err := c.place(name)
	if err != nil {
		return Trust{}
	}
	return Trust{URL: h.URL, Fingerprint: h.Fingerprint, CAFile: h.CAFile}
}

// Host resolves one host; "" means the one that --host, the environment or default_host
// selects. It reads secrets that are kept elsewhere, and runs token_command for at most
// 30 s.
//
// The environment replaces the file's values key by key, with one exception: if --host
// names one host and the environment has the URL of another, the environment's login and
// trust belong to that other host and are ignored. Otherwise a token could reach a host
// for which it was not meant.
func (c *Config) Host(ctx context.Context, name string) (*Host, error) {
	if name == "" {
		var err error
		if name, err = c.SelectHost(); err != nil {
			return nil, err
		}
	}
	h, in, e, err := c.place(name)
	if err != nil {
		return nil, err
	}
	if h.URL == "" {
		return nil, c.about(name, "add url, such as https://pve.example.com:8006", "host %s has no url", name)
	}
	switch {
	case !h.Insecure:
	case h.Fingerprint != "":
		h.Insecure = false
		h.Warnings = append(h.Warnings, "insecure is left aside: the certificate's fingerprint is pinned")
	case h.CAFile != "":
		h.Warnings = append(h.Warnings, "insecure is left aside: ca_file verifies the certificate")
	default:
		h.Warnings = append(h.Warnings, fmt.Sprintf("the certificate of host %s is not verified (insecure): anybody between can read the login; pin its fingerprint instead", name))
	}
	if err := c.login(ctx, h, in, e); err != nil {
		return nil, err
	}
	return h, c.ssh(h, in.SSH, e)
}

// place returns a host without its login and its ways into guests, together with the
// file's and the environment's settings for those.
func (c *Config) place(name string) (*Host, *fileHost, environment, error) {
	e, err := c.environment()
	if err != nil {
		return nil, nil, e, err
	}
	in, known := c.hosts[name]
	mine := e.url != "" && c.nameOf(e.url) == name
	if !known {
		if !mine {
			return nil, nil, e, c.unknownHost(name)
		}
		in = &fileHost{}
	}
	h := &Host{Name: name, Node: in.Node, Storage: in.Storage, Bridge: in.Bridge, Insecure: in.Insecure, CAFile: c.path(in.CAFile), MadeToken: in.MadeToken}
	h.URL, _ = endpoint(in.URL) // checked when the file was read
	h.Fingerprint, _ = optional(in.Fingerprint, fingerprint)
	if e.url != "" && !mine {
		h.Warnings = append(h.Warnings, fmt.Sprintf("%s and the login beside it are left aside: they are not host %s's", e.urlFrom, name))
		e = e.withoutPlace()
	}
	e.place(h)
	return h, in, e, nil
}

// login fills in the token, or the user and the password: the environment's if it has
// one, otherwise the file's.
func (c *Config) login(ctx context.Context, h *Host, in *fileHost, e environment) error {
	path := "hosts." + h.Name
	var err error
	switch {
	case !e.token.IsZero():
		h.Token = e.token
		return nil
	case !e.password.IsZero():
		h.User, h.Password = coalesce(e.user, in.User), e.password
	case in.tokenRef().count() > 0:
		if h.Token, err = c.secret(ctx, path+".token", in.tokenRef()); err != nil {
			return err
		}
		text, err := token(h.Token.Reveal())
		if err != nil {
			return c.about(h.Name, hintOf(err), "the token of host %s cannot be used: %v", h.Name, err)
		}
		h.Token = NewSecret(text)
		return nil
	default:
		h.User = coalesce(e.user, in.User)
		if h.Password, err = c.secret(ctx, path+".password", in.passwordRef()); err != nil {
			return err
		}
	}
	switch {
	case h.Password.IsZero():
		return c.about(h.Name, "set INFRAHAUS_TOKEN, or add token, token_file, token_command or token_env", "host %s has no login", h.Name)
	case h.User == "":
		return &Error{Text: "INFRAHAUS_PASSWORD is set without INFRAHAUS_USER", Next: "set INFRAHAUS_USER, such as root@pam"}
	}
	return nil
}

// WaysIn returns the SSH settings of a host without its login: it reads no secret that is
// kept elsewhere, and runs no token_command.
func (c *Config) WaysIn(name string) (SSH, error) {
	h, in, e, err := c.place(name)
	if err != nil {
		return SSH{}, err
	}
	err = c.ssh(h, in.SSH, e)
	return h.SSH, err
}

func (c *Config) ssh(h *Host, in sshFile, e environment) error {
	s := &h.SSH
	// The file's values were checked when the file was read.
	s.Transport = coalesce(e.transport, in.Transport, transports.Auto)
	s.Node, _ = optional(coalesce(e.sshNode, in.Node), nodeAddress)
	identity := e.identity
	if identity == "" {
		if identity = in.Identity; !strings.Contains(identity, pemMark) {
			identity = c.path(identity)
		}
	}
	if strings.Contains(identity, pemMark) {
		s.IdentityKey = NewSecret(strings.TrimSpace(identity) + "\n")
	} else {
		s.IdentityFile = identity
	}
	if s.KnownHosts = e.knownHosts; s.KnownHosts == "" {
		s.KnownHosts = c.path(in.KnownHosts)
	}
	switch in.Jump {
	case "", "false":
	case "node", "true":
		if s.Jump = s.At(""); s.Jump == "" {
			return c.about(h.Name, "add ssh.node, such as root@pve.example.com", "host %s has ssh.jump, but no node to jump through", h.Name)
		}
	default:
		s.Jump, _ = sshAddress(in.Jump)
	}
	return nil
}

func coalesce(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func optional(s string, f func(string) (string, error)) (string, error) {
	if s == "" {
		return "", nil
	}
	return f(s)
}

// about returns an error about a host, with its place in the file if it is there.
func (c *Config) about(name, next, format string, args ...any) error {
	e := &Error{Text: fmt.Sprintf(format, args...), Next: next}
	if c.hosts[name] != nil {
		n := c.decoder.where["hosts."+name]
		e.File, e.Line, e.Col = c.File, n.Line, n.Column
	}
	return e
}

func (c *Config) unknownHost(name string) error {
	text := fmt.Sprintf("cannot find host %q", name)
	if c.File != "" {
		text += " in " + c.File
	}
	return &Error{Text: text, Next: c.suggestHost(name)}
}

func (c *Config) suggestHost(name string) string {
	names := append(c.HostNames(), SandboxHost)
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known: " + strings.Join(names, ", ")
}
