package config

import (
	"context"
	"strings"
)

// TemplateSettings say how templates are fetched from elsewhere, and which are accepted.
type TemplateSettings struct {
	RequireSignature bool
	AllowedSigners   string   // the path of an allowed_signers file, "" for none
	MinisignKeys     []string // public keys
}

// templatesFile is the part of the file about templates.
type templatesFile struct {
	GitHost          string   `yaml:"git_host"`
	GitToken         string   `yaml:"git_token"`
	GitTokenFile     string   `yaml:"git_token_file"`
	GitTokenCommand  []string `yaml:"git_token_command"`
	GitTokenEnv      string   `yaml:"git_token_env"`
	RequireSignature bool     `yaml:"require_signature"`
	AllowedSigners   string   `yaml:"allowed_signers"`
	MinisignKeys     keyList  `yaml:"minisign_keys"`
}

// keyList is a list of keys: one as a text, or several as a list.
type keyList []string

func (c *Config) readTemplates(in templatesFile) error {
	token := reference{in.GitToken, in.GitTokenFile, in.GitTokenEnv, in.GitTokenCommand}
	switch {
	case token.count() > 1:
		return c.decoder.at("templates", "keep one of git_token, git_token_file, git_token_command, git_token_env", "the token is given more than once")
	case token.count() > 0 && in.GitHost == "":
		return c.decoder.at("templates", "add git_host: the only server that gets it, such as git.example.org", "it has a token but no git_host")
	case in.GitHost != "" && !isGitHost(in.GitHost):
		return c.decoder.at("templates.git_host", "a name or an address, and :PORT where it is not 443", "%q is no host", in.GitHost)
	case in.RequireSignature && in.AllowedSigners == "" && len(in.MinisignKeys) == 0:
		return c.decoder.at("templates.require_signature", "add allowed_signers or minisign_keys", "nobody is named whose signature is accepted")
	}
	c.git, c.gitHost = token, in.GitHost
	c.Templates = TemplateSettings{in.RequireSignature, c.path(in.AllowedSigners), in.MinisignKeys}
	return nil
}

func isGitHost(text string) bool {
	name, port, _ := strings.Cut(text, ":")
	return isHost(name) && (port == "" && !strings.Contains(text, ":") || isPort(port))
}

// GitLogin looks up the token for templates from elsewhere, and the only host[:port] that
// may see it. Both are empty if none is set.
func (c *Config) GitLogin(ctx context.Context) (host string, token Secret, err error) {
	host = first(c.env, "INFRAHAUS_GIT_HOST")
	if text := first(c.env, "INFRAHAUS_GIT_TOKEN"); text != "" {
		if host == "" {
			host = c.gitHost
		}
		switch {
		case host == "":
			return "", Secret{}, &Error{Text: "INFRAHAUS_GIT_TOKEN is set, and INFRAHAUS_GIT_HOST is not", Next: "set INFRAHAUS_GIT_HOST to the only server that gets the token, such as git.example.org"}
		case !isGitHost(host):
			return "", Secret{}, &Error{Text: "INFRAHAUS_GIT_HOST is no host", Next: "a name or an address, and :PORT where it is not 443"}
		}
		return host, NewSecret(text), nil
	}
	if c.git.count() == 0 || host != "" && host != c.gitHost {
		return "", Secret{}, nil
	}
	if token, err = c.secret(ctx, "templates.git_token", c.git); err != nil {
		return "", Secret{}, err
	}
	return c.gitHost, token, nil
}
