package config

import "context"

// Quick is Host for a caller that can neither wait nor ask: it returns false instead of an
// error, for a host whose secret a command would have to print, and for one that is logged
// in to with a password.
func (c *Config) Quick(name string) (*Host, bool) {
	e, err := c.environment()
	if err != nil {
		return nil, false
	}
	in := c.hosts[name]
	if in != nil && e.token.IsZero() && len(in.TokenCommand)+len(in.PasswordCommand) > 0 {
		return nil, false
	}
	h, err := c.Host(context.Background(), name)
	return h, err == nil && !h.Token.IsZero()
}

// Defaults returns a host's settings for new containers, without any secret.
func (c *Config) Defaults(name string) (node, storage, bridge string) {
	h, _, _, err := c.place(name)
	if err != nil {
		return "", "", ""
	}
	return h.Node, h.Storage, h.Bridge
}
