package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// Each check takes a setting as people write it and returns it as the rest of the tool
// needs it. No error repeats a secret.

// hinted is an error with the next step for the user.
type hinted struct{ text, next string }

func (e *hinted) Error() string { return e.text }

func bad(next, format string, args ...any) error { return &hinted{fmt.Sprintf(format, args...), next} }

func hintOf(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.next
	}
	return ""
}

const apiPort = "8006" // the port of Proxmox VE's API

// pemMark distinguishes the text of a key from its path.
const pemMark = "-----BEGIN"

var (
	hostName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	dnsName  = lazy.Regexp(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$`)
	// A user's name may contain @ (OIDC and AD have mail addresses): the realm follows
	// the last.
	tokenShape = lazy.Regexp(`^[^\s:/!]+@[A-Za-z][A-Za-z0-9._-]*![A-Za-z][A-Za-z0-9._-]*=\S+$`)
	userShape  = lazy.Regexp(`^[^\s:/!]+@[A-Za-z][A-Za-z0-9._-]*$`)
)

// wrongHostName says why no host can have a name, nil if one can. another is the way to
// choose another name.
func wrongHostName(name, another string) *Error {
	switch {
	case name == SandboxHost:
		return &Error{Text: fmt.Sprintf("%q is the embedded sandbox's name", name), Next: another}
	case !hostName().MatchString(name):
		return &Error{Text: fmt.Sprintf("%q cannot be a host's name", name), Next: "letters, digits, dots and dashes: " + another}
	}
	return nil
}

// endpoint makes https://host:port from a host, an address or a URL. The part after # is
// dropped: people copy the address of Proxmox's own page, which has one.
func endpoint(s string) (string, error) {
	const next = "such as https://pve.example.com:8006"
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
			s = "[" + s + "]"
		}
		s = "https://" + s
	}
	u, err := url.Parse(zonePercent().ReplaceAllString(s, "${1}%25${2}"))
	if err != nil {
		return "", bad(next, "it is not a URL") // the parser's message would repeat a password
	}
	switch {
	case u.Scheme != "https":
		return "", bad(next, "Proxmox answers https only, not %q", u.Scheme)
	case u.User != nil:
		return "", bad("use user and password", "a URL must not hold a login")
	case u.RawQuery != "":
		return "", bad(next, "it must end after the port")
	case !slices.Contains([]string{"", "/", "/api2/json", "/api2/json/"}, u.Path):
		return "", bad(next, "it must end after the port, not in %q", u.Path)
	}
	host, port := u.Hostname(), u.Port()
	if !isHost(host) {
		return "", bad(next, "%q is no host", host)
	}
	if port == "" {
		port = apiPort
	}
	if !isPort(port) {
		return "", bad(next, "%q is no port", port)
	}
	// A URL needs the % of a zone escaped again.
	return (&url.URL{Scheme: "https", Host: net.JoinHostPort(host, port)}).String(), nil
}

// zonePercent matches the zone of an address in brackets, [fe80::1%eth0]. People write a
// plain %; a URL has %25.
var zonePercent = lazy.Regexp(`^(https?://\[[0-9A-Fa-f:.]+)%(?:25)?([^\]%]+\])`)

func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return len(s) <= 253 && dnsName().MatchString(s)
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 65535
}

// token accepts user@realm!name=secret, also in the form of an Authorization header.
func token(s string) (string, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "PVEAPIToken=")
	if !tokenShape().MatchString(s) {
		return "", bad("user@realm!name=secret, such as root@pam!infrahaus=12345678-…", "it is not an API token")
	}
	return s, nil
}

// tokenID accepts user@realm!name. It must not be a whole token, which no error repeats.
func tokenID(s string) (string, error) {
	if !tokenShape().MatchString(s+"=x") || strings.Contains(s[strings.LastIndexByte(s, '!'):], "=") {
		return "", bad("user@realm!name, without the secret", "it is not a token's id")
	}
	return s, nil
}

func user(s string) (string, error) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "=") { // it is a token, which no error may repeat
		return "", bad("user@realm, such as root@pam; a token goes into token", "it is no user")
	}
	if !strings.Contains(s, "@") {
		return "", bad("such as "+s+"@pam", "%q lacks its realm", s)
	}
	if !userShape().MatchString(s) {
		return "", bad("such as root@pam", "%q is no user", s)
	}
	return s, nil
}

// fingerprint accepts SHA-256 in hexadecimal digits, with colons or without.
func fingerprint(s string) (string, error) {
	const next = "64 hexadecimal digits, as pvenode cert info shows them"
	text := strings.TrimSpace(s)
	if i := strings.LastIndexByte(text, '='); i >= 0 { // openssl: sha256 Fingerprint=…
		text = text[i+1:]
	}
	if len(text) > 7 && strings.EqualFold(text[:7], "sha256:") {
		text = text[7:]
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	switch {
	case err != nil:
		return "", bad(next, "%q is no fingerprint", s)
	case len(raw) == 20:
		return "", bad(next, "it is an SHA-1 fingerprint, not SHA-256")
	case len(raw) != 32:
		return "", bad(next, "%q has %d bytes, not 32", s, len(raw))
	}
	parts := make([]string, len(raw))
	for i, b := range raw {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":"), nil
}

// proxmoxName checks the name of a node, a storage or a bridge.
func proxmoxName(s string) (string, error) {
	if !hostName().MatchString(s) {
		return "", bad("letters, digits, dots, dashes and underscores", "%q is not a valid name in Proxmox", s)
	}
	return s, nil
}

func transport(s string) (string, error) {
	if slices.Contains(transports.Names, s) {
		return s, nil
	}
	next := "one of " + strings.Join(transports.Names, ", ")
	if near := nearest(s, transports.Names); near != "" {
		next = fmt.Sprintf("did you mean %q?", near)
	}
	return "", bad(next, "%q is no transport", s)
}

// sshAddress reads [user@]host[:port]; ssh:// may precede it. It sets no defaults for the
// missing parts: ~/.ssh/config may have them, otherwise the user is root and the port 22.
func sshAddress(s string) (string, error) {
	const next = "such as root@pve.example.com:22"
	name, rest, named := strings.Cut(strings.TrimPrefix(strings.TrimSpace(s), "ssh://"), "@")
	if !named {
		name, rest = "", name
	}
	host, port, err := net.SplitHostPort(rest)
	ported := err == nil
	if !ported {
		host = strings.Trim(rest, "[]")
	}
	if named && (name == "" || strings.ContainsAny(name, " :/@") || strings.HasPrefix(name, "-")) || !isHost(host) || ported && !isPort(port) {
		return "", bad(next, "%q is no SSH address", s)
	}
	switch {
	case ported:
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	if named {
		return name + "@" + host, nil
	}
	return host, nil
}

// jump accepts "node", for the value of ssh.node, or an address.
func jump(s string) (string, error) {
	if slices.Contains([]string{"node", "true", "false"}, s) {
		return s, nil
	}
	return sshAddress(s)
}

func boolean(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "0", "false", "no", "off":
		return false, nil
	case "1", "true", "yes", "on":
		return true, nil
	}
	return false, bad("true or false", "%q is neither true nor false", s)
}
