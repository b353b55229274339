// Package config finds out what the user wants of the tool: flags over
// environment over file over defaults. It reads the config file and the
// environment, and runs a token_command; it must not know what a host's
// settings are used for, and it never talks to one.
package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// Overrides is what comes before the file.
type Overrides struct {
	ConfigFile string              // --config; it must exist. "": the usual place, which need not
	NewFile    bool                // ConfigFile need not exist: Add makes it
	StateDir   string              // --state-dir
	Host       string              // --host
	Getenv     func(string) string // nil: os.Getenv
}

// Config is what the file and the environment say together. Hosts are asked
// for by Host: only then are their secrets looked up.
type Config struct {
	Paths         Paths
	File          string // the file that was read; "" if there was none
	DefaultHost   string
	Publish       bool
	RedisURL      Secret // may hold a password
	DatabaseURL   Secret // of the shared catalogue; zero: the one in the state folder
	TemplatesRoot string // "" unless TEMPLATES_ROOT or templates_root says one
	SandboxPVE    string // the version of Proxmox VE that --sandbox plays; "": what the sandbox has
	ConfigRepoURL string // what CONFIG_REPO_URL says, for the guest's config.env
	Templates     TemplateSettings
	Warnings      []string

	git     reference // the token for templates, for gitHost only
	gitHost string

	hosts     map[string]*fileHost
	databases map[string]*databaseFile
	decoder   *decoder // knows where in the file things are; of no use without one
	named     string   // --config
	exposed   string   // why others could have written the file; "" if they could not
	chosen    string   // --host
	env       func(string) string
}

// Host is one Proxmox API endpoint with all its settings: the file's, replaced by the
// environment's where both have one.
type Host struct {
	Name        string
	URL         string // https://host:port, no path
	Token       Secret // user@realm!name=secret; else User and Password
	User        string // user@realm
	Password    Secret
	Fingerprint string // SHA-256, AB:CD:…, upper case; "" for none
	CAFile      string
	Insecure    bool   // certificates are not verified; every run warns about it
	Node        string // "": choose
	Storage     string
	Bridge      string
	SSH         SSH
	MadeToken   string // user@realm!name of the token that init made, "" if it made none
	Warnings    []string
}

// SSH says how to get inside a guest.
type SSH struct {
	Transport    string // auto, guest, node or api
	Node         string // user@host:port of the Proxmox node, or for several as in At; "" if not configured
	IdentityFile string // a private key's path, or
	IdentityKey  Secret // its text
	KnownHosts   string // path; "": the user's own
	Jump         string // user@host:port to reach guests through, "" for none
}

// SandboxHost is the name of the embedded sandbox; no host of the file may
// have it.
const SandboxHost = "sandbox"

// Error is a config that cannot be used. If it names a file, Line and Col start at 1; 0
// is unknown.
type Error struct {
	File      string
	Line, Col int
	Text      string
	Next      string // the next step for the user
	Err       error  // ErrNoHost, or nil
}

// ErrNoHost is in the chain of the error that no host is configured at all.
var ErrNoHost = errors.New("no host is configured")

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	switch {
	case e.File == "":
		return e.Text
	case e.Line == 0:
		return e.File + ": " + e.Text
	case e.Col == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Text)
}

// ExitStatus is that of a config that is wrong.
func (e *Error) ExitStatus() int { return exit.Usage }

// NextSteps is the next step for the user, if there is one.
func (e *Error) NextSteps() []string {
	if e.Next == "" {
		return nil
	}
	if errors.Is(e.Err, ErrNoHost) {
		return []string{e.Next, "to set one up: infrahaus init"}
	}
	return []string{e.Next}
}

// Load reads the config file, if there is one, and the environment. It runs no command
// and makes no connection.
func Load(o Overrides) (*Config, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	c := &Config{chosen: o.Host, env: o.Getenv, decoder: &decoder{}}
	var err error
	if c.Paths, err = paths(o); err != nil {
		return nil, err
	}
	if err := c.readFile(o.ConfigFile, o.NewFile); err != nil {
		return nil, err
	}
	if s := first(o.Getenv, "INFRAHAUS_REDIS_URL", "REDIS_URL"); s != "" {
		c.RedisURL = NewSecret(s)
	}
	if err := c.databaseFromEnvironment(); err != nil {
		return nil, err
	}
	if s := o.Getenv("TEMPLATES_ROOT"); s != "" {
		c.TemplatesRoot = s
	}
	if s := o.Getenv("CONFIG_REPO_URL"); s != "" {
		c.ConfigRepoURL = s
	}
	return c, nil
}

// first returns the first of the variables that is set and not blank.
func first(env func(string) string, names ...string) string {
	for _, n := range names {
		if s := strings.TrimSpace(env(n)); s != "" {
			return s
		}
	}
	return ""
}
