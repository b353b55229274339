package config

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// The places where a host is configured.
const (
	InFile        = "config"
	InEnvironment = "environment"
	IsSandbox     = "sandbox"
)

// Known is what the settings say of a host, without a secret and without looking one up.
type Known struct {
	Name        string `json:"name"`
	From        string `json:"from"` // InFile, InEnvironment or IsSandbox
	Default     bool   `json:"default,omitempty"`
	URL         string `json:"url,omitempty"`
	Login       string `json:"login,omitempty"` // user@realm!name, user@realm, or where the token is kept
	MadeToken   string `json:"madeToken,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	CAFile      string `json:"caFile,omitempty"`
	Insecure    bool   `json:"insecure,omitempty"`
	Node        string `json:"node,omitempty"`
	Storage     string `json:"storage,omitempty"`
	Bridge      string `json:"bridge,omitempty"`
	Transport   string `json:"transport,omitempty"`
	SSHNode     string `json:"sshNode,omitempty"`
}

// Known lists the hosts of the settings: those of the file, sorted, the one that only the
// environment has, and last the sandbox.
func (c *Config) Known() []Known {
	var out []Known
	names := c.HostNames()
	if e, err := c.environment(); err == nil && e.url != "" && c.hosts[c.nameOf(e.url)] == nil {
		names = append(names, c.nameOf(e.url))
	}
	for _, name := range append(names, SandboxHost) {
		if k, err := c.KnownAs(name); err == nil {
			out = append(out, k)
		}
	}
	return out
}

// KnownAs is one of Known.
func (c *Config) KnownAs(name string) (Known, error) {
	chosen := c.HostName() == name
	if name == SandboxHost {
		return Known{Name: name, From: IsSandbox, Default: chosen, Transport: transports.Auto}, nil
	}
	h, in, e, err := c.place(name)
	if err != nil {
		return Known{}, err
	}
	k := Known{Name: name, From: InFile, Default: chosen, URL: h.URL, Login: in.loginName(), MadeToken: in.MadeToken,
		Fingerprint: h.Fingerprint, CAFile: h.CAFile, Insecure: h.Insecure && h.Fingerprint == "",
		Node: h.Node, Storage: h.Storage, Bridge: h.Bridge,
		Transport: coalesce(e.transport, in.SSH.Transport, transports.Auto), SSHNode: coalesce(e.sshNode, in.SSH.Node)}
	if c.hosts[name] == nil {
		k.From = InEnvironment
	}
	switch {
	case !e.token.IsZero():
		k.Login, _, _ = strings.Cut(e.token.Reveal(), "=")
	case !e.password.IsZero():
		k.Login = coalesce(e.user, in.User)
	}
	return k, nil
}

// loginName is the login without its secret.
func (h *fileHost) loginName() string {
	switch {
	case h.Token != "":
		text, err := token(h.Token)
		if err != nil {
			return ""
		}
		at := strings.LastIndexByte(text, '!') // a user's name may contain a =
		name, _, _ := strings.Cut(text[at:], "=")
		return text[:at] + name
	case h.MadeToken != "":
		return h.MadeToken
	case h.TokenFile != "":
		return "token of the file " + h.TokenFile
	case h.TokenEnv != "" && variableName().MatchString(h.TokenEnv):
		return "token of the variable " + h.TokenEnv
	case len(h.TokenCommand) > 0:
		return "token by the command " + h.TokenCommand[0]
	}
	return h.User
}
