package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file is config.yaml as it is written.
type file struct {
	Version       string                   `yaml:"version"`
	DefaultHost   string                   `yaml:"default_host"`
	Publish       bool                     `yaml:"publish"`
	Redis         redisFile                `yaml:"redis"`
	TemplatesRoot string                   `yaml:"templates_root"`
	ConfigRepoURL string                   `yaml:"config_repo_url"`
	Templates     templatesFile            `yaml:"templates"`
	Sandbox       sandboxFile              `yaml:"sandbox"`
	Database      string                   `yaml:"database"`
	Hosts         map[string]*fileHost     `yaml:"hosts"`
	Databases     map[string]*databaseFile `yaml:"databases"`
}

type sandboxFile struct {
	PVE string `yaml:"pve"`
}

type redisFile struct {
	URL     string `yaml:"url"`
	URLFile string `yaml:"url_file"`
	URLEnv  string `yaml:"url_env"`
}

// fileHost is one host as written in the file; its secrets are not looked up yet.
type fileHost struct {
	URL             string   `yaml:"url"`
	Token           string   `yaml:"token"`
	TokenFile       string   `yaml:"token_file"`
	TokenCommand    []string `yaml:"token_command"`
	TokenEnv        string   `yaml:"token_env"`
	User            string   `yaml:"user"`
	Password        string   `yaml:"password"`
	PasswordFile    string   `yaml:"password_file"`
	PasswordCommand []string `yaml:"password_command"`
	PasswordEnv     string   `yaml:"password_env"`
	Fingerprint     string   `yaml:"fingerprint"`
	CAFile          string   `yaml:"ca_file"`
	Insecure        bool     `yaml:"insecure"`
	Node            string   `yaml:"node"`
	Storage         string   `yaml:"storage"`
	Bridge          string   `yaml:"bridge"`
	SSH             sshFile  `yaml:"ssh"`
	MadeToken       string   `yaml:"made_token"` // the id of the token that init made for this host
}

type sshFile struct {
	Transport  string `yaml:"transport"`
	Node       string `yaml:"node"`
	Identity   string `yaml:"identity"`
	KnownHosts string `yaml:"known_hosts"`
	Jump       string `yaml:"jump"`
}

// readFile reads the config file. "" means the usual path, where no file has to exist.
// If mayLack is set, none has to exist at a given path either.
func (c *Config) readFile(path string, mayLack bool) error {
	c.named = path
	if path == "" {
		path = c.Paths.ConfigFile()
	}
	f, err := openFile(path, c.named != "" && !mayLack)
	if f == nil {
		return err
	}
	defer f.Close()
	d := &decoder{file: path, where: map[string]*yaml.Node{}}
	var in file
	if err := d.read(f, &in); err != nil {
		return err
	}
	c.File, c.decoder, c.hosts = path, d, in.Hosts
	c.exposed = exposed(f)
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o044 != 0 && in.holdsSecret() && runtime.GOOS != "windows" {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s holds a secret and others may read it: chmod 600 %s", path, path))
	}
	c.DefaultHost, c.Publish, c.ConfigRepoURL = in.DefaultHost, in.Publish, in.ConfigRepoURL
	c.SandboxPVE = in.Sandbox.PVE
	c.TemplatesRoot = c.path(in.TemplatesRoot)
	if err := c.checkHosts(in); err != nil {
		return err
	}
	if err := c.readTemplates(in.Templates); err != nil {
		return err
	}
	if err := c.readDatabase(in); err != nil {
		return err
	}
	return c.readRedis(in.Redis)
}

func (c *Config) readRedis(in redisFile) error {
	// The environment comes first: a value of the file that it replaces is not looked up.
	if first(c.env, "INFRAHAUS_REDIS_URL", "REDIS_URL") != "" {
		return nil
	}
	s, err := c.secret(context.Background(), "redis.url", reference{text: in.URL, file: in.URLFile, env: in.URLEnv})
	c.RedisURL = s
	return err
}

// checkHosts checks every host as far as possible without looking up a secret, so that a
// mistake in a host that is not used today is found today.
func (c *Config) checkHosts(in file) error {
	for _, name := range c.HostNames() {
		path := "hosts." + name
		if e := wrongHostName(name, "give it another name"); e != nil {
			return c.decoder.at(path, e.Next, "%s", e.Text)
		}
		if c.hosts[name] == nil {
			c.hosts[name] = &fileHost{}
		}
		h := c.hosts[name]
		if err := c.checkHost(path, h); err != nil {
			return err
		}
	}
	if name := in.DefaultHost; name != "" && name != SandboxHost && c.hosts[name] == nil {
		return c.decoder.at("default_host", c.suggestHost(name), "there is no host %q", name)
	}
	return nil
}

func (c *Config) checkHost(path string, h *fileHost) error {
	check := func(key, text string, f func(string) (string, error)) error {
		if text == "" {
			return nil
		}
		if _, err := f(text); err != nil {
			return c.decoder.at(path+"."+key, hintOf(err), "%s", err)
		}
		return nil
	}
	for _, err := range []error{
		check("url", h.URL, endpoint),
		check("token", h.Token, token),
		check("user", h.User, user),
		check("made_token", h.MadeToken, tokenID),
		check("fingerprint", h.Fingerprint, fingerprint),
		check("node", h.Node, proxmoxName),
		check("storage", h.Storage, proxmoxName),
		check("bridge", h.Bridge, proxmoxName),
		check("ssh.transport", h.SSH.Transport, transport),
		check("ssh.node", h.SSH.Node, nodeAddress),
		check("ssh.jump", h.SSH.Jump, jump),
	} {
		if err != nil {
			return err
		}
	}
	tokens, passwords := h.tokenRef().count(), h.passwordRef().count()
	switch {
	case tokens > 1:
		return c.decoder.at(path, "keep one of token, token_file, token_command, token_env", "the token is given more than once")
	case passwords > 1:
		return c.decoder.at(path, "keep one of password, password_file, password_command, password_env", "the password is given more than once")
	case tokens > 0 && passwords > 0:
		return c.decoder.at(path, "keep one of them", "it has a token and a password")
	case passwords > 0 && h.User == "":
		return c.decoder.at(path, "add user: root@pam", "it has a password but no user")
	}
	return nil
}

func (f file) holdsSecret() bool {
	for _, h := range f.Hosts {
		if h != nil && (h.Token != "" || h.Password != "" || strings.Contains(h.SSH.Identity, pemMark)) {
			return true
		}
	}
	for _, d := range f.Databases {
		if d != nil && strings.Contains(d.URL, "@") {
			return true
		}
	}
	return strings.Contains(f.Redis.URL, "@") || strings.Contains(f.Database, "@") || f.Templates.GitToken != ""
}

// exposed returns the reason why other users could have written the file, or "". They
// could if they may write the file itself, or replace it by another.
func exposed(f *os.File) string {
	if runtime.GOOS == "windows" {
		return ""
	}
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	if why := writable(f.Name(), info); why != "" {
		return why
	}
	real, err := filepath.EvalSymlinks(f.Name())
	if err != nil {
		return err.Error()
	}
	dirs := []string{filepath.Dir(f.Name())}
	if d := filepath.Dir(real); d != dirs[0] {
		dirs = append(dirs, d)
	}
	for _, dir := range slices.Compact(dirs) {
		info, err := os.Stat(dir)
		if err != nil {
			return err.Error()
		}
		if info.Mode()&os.ModeSticky != 0 {
			continue // only owners may replace files there
		}
		if why := writable(dir, info); why != "" {
			return why
		}
	}
	return ""
}

func writable(path string, info os.FileInfo) string {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Sprintf("others may write %s (mode %04o)", path, mode)
	}
	if uid, ok := owner(info); ok && uid != 0 && uid != os.Geteuid() {
		return path + " belongs to somebody else"
	}
	return ""
}

// path resolves a path from the file: ~ is the home folder, and a relative path starts at
// the folder of the file.
func (c *Config) path(p string) string {
	switch {
	case p == "" || filepath.IsAbs(p):
		return p
	case p == "~" || strings.HasPrefix(p, "~/"):
		return filepath.Join(c.Paths.Home, p[1:])
	}
	return filepath.Join(filepath.Dir(c.File), p)
}
