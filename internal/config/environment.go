package config

import "strings"

// environment holds the checked settings for a host from the environment.
type environment struct {
	url, urlFrom        string
	token, password     Secret
	user                string
	fingerprint, caFile string
	insecure, setTrust  bool
	node                string
	transport, sshNode  string
	identity            string // a path, or the key's text
	knownHosts          string
}

// environment reads the tool's own variables and, if those are unset, the names that
// users already have for other tools.
func (c *Config) environment() (environment, error) {
	e := environment{
		caFile: c.env("INFRAHAUS_CA_FILE"), node: first(c.env, "INFRAHAUS_NODE"),
		identity: c.env("INFRAHAUS_SSH_IDENTITY"), knownHosts: c.env("INFRAHAUS_SSH_KNOWN_HOSTS"),
	}
	for _, name := range []string{"INFRAHAUS_URL", "PROXMOX_VE_ENDPOINT", "PVE_HOST"} {
		if s := first(c.env, name); s != "" {
			e.url, e.urlFrom = s, name
			break
		}
	}
	var failed error
	check := func(name string, text *string, f func(string) (string, error)) {
		if *text == "" || failed != nil {
			return
		}
		out, err := f(*text)
		if err != nil {
			failed = &Error{Text: "cannot use " + name + ": " + err.Error(), Next: hintOf(err)}
			return
		}
		*text = out
	}
	check(e.urlFrom, &e.url, endpoint)
	e.fingerprint = first(c.env, "INFRAHAUS_FINGERPRINT")
	check("INFRAHAUS_FINGERPRINT", &e.fingerprint, fingerprint)
	check("INFRAHAUS_NODE", &e.node, proxmoxName)
	e.transport = first(c.env, "INFRAHAUS_SSH_TRANSPORT")
	check("INFRAHAUS_SSH_TRANSPORT", &e.transport, transport)
	e.sshNode = first(c.env, "INFRAHAUS_SSH_NODE")
	check("INFRAHAUS_SSH_NODE", &e.sshNode, nodeAddress)
	e.insecureFrom(c, &failed)
	e.loginFrom(c, check)
	return e, failed
}

func (e *environment) insecureFrom(c *Config, failed *error) {
	text := first(c.env, "INFRAHAUS_INSECURE")
	on, err := boolean(text)
	if err != nil && *failed == nil {
		*failed = &Error{Text: "cannot use INFRAHAUS_INSECURE: " + err.Error(), Next: hintOf(err)}
	}
	e.insecure, e.setTrust = on, text != ""
}

// loginFrom takes one login. The tool's own names come before all others, and a token
// comes before a password.
func (e *environment) loginFrom(c *Config, check func(string, *string, func(string) (string, error))) {
	e.user = first(c.env, "INFRAHAUS_USER")
	check("INFRAHAUS_USER", &e.user, user)
	text, from := first(c.env, "INFRAHAUS_TOKEN"), "INFRAHAUS_TOKEN"
	password := c.env("INFRAHAUS_PASSWORD") // not trimmed: a password may end in a blank
	switch {
	case text != "" || password != "":
	case first(c.env, "PROXMOX_VE_API_TOKEN") != "":
		text, from = first(c.env, "PROXMOX_VE_API_TOKEN"), "PROXMOX_VE_API_TOKEN"
	default:
		if password = c.env("PVE_ROOT_PASSWORD"); password != "" && e.user == "" {
			e.user = "root@pam"
		}
	}
	check(from, &text, token)
	if text != "" {
		e.token = NewSecret(text)
		return
	}
	e.password = NewSecret(strings.TrimRight(password, "\r\n"))
}

// place replaces the file's address and trust by the environment's, key by key.
func (e environment) place(h *Host) {
	h.URL = coalesce(e.url, h.URL)
	h.Fingerprint = coalesce(e.fingerprint, h.Fingerprint)
	h.CAFile = coalesce(e.caFile, h.CAFile)
	h.Node = coalesce(e.node, h.Node)
	if e.setTrust {
		h.Insecure = e.insecure
	}
}

// withoutPlace keeps the settings that belong to the user and not to the other host.
func (e environment) withoutPlace() environment {
	return environment{transport: e.transport, identity: e.identity}
}
