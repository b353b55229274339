package config

import (
	"strings"
	"testing"
)

func TestTemplateSettings(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		env  map[string]string
		host string
		why  string // of an error
	}{
		"none":          {"", nil, "", ""},
		"file":          {"templates: {git_host: git.example.org, git_token: geheim}", nil, "git.example.org", ""},
		"port":          {"templates: {git_host: 'git.example.org:8443', git_token: geheim}", nil, "git.example.org:8443", ""},
		"variable":      {"templates: {git_host: git.example.org, git_token_env: MINE}", map[string]string{"MINE": "geheim"}, "git.example.org", ""},
		"not set":       {"templates: {git_host: git.example.org, git_token_env: MINE}", nil, "", "the variable MINE is not set"},
		"environment":   {"", map[string]string{"INFRAHAUS_GIT_HOST": "h:1", "INFRAHAUS_GIT_TOKEN": "geheim"}, "h:1", ""},
		"replaces":      {"templates: {git_host: git.example.org, git_token: other}", map[string]string{"INFRAHAUS_GIT_TOKEN": "geheim"}, "git.example.org", ""},
		"other host":    {"templates: {git_host: git.example.org, git_token: other}", map[string]string{"INFRAHAUS_GIT_HOST": "h"}, "", ""},
		"no host":       {"", map[string]string{"INFRAHAUS_GIT_TOKEN": "geheim"}, "", "INFRAHAUS_GIT_HOST is not"},
		"bad host":      {"", map[string]string{"INFRAHAUS_GIT_HOST": "https://h", "INFRAHAUS_GIT_TOKEN": "geheim"}, "", "is no host"},
		"no host in it": {"templates: {git_token: geheim}", nil, "", "a token but no git_host"},
		"two tokens":    {"templates: {git_host: h, git_token: geheim, git_token_env: X}", nil, "", "more than once"},
		"address":       {"templates: {git_host: 'https://h'}", nil, "", "is no host"},
		"nobody":        {"templates: {require_signature: true}", nil, "", "nobody is named"},
		"empty list":    {"templates: {minisign_keys: []}", nil, "", "must be a list"},
	} {
		t.Run(name, func(t *testing.T) {
			var host string
			var token Secret
			var env []string
			for k, v := range c.env {
				env = append(env, k+"="+v)
			}
			cfg, err := load(t, c.text, "", env...)
			if err == nil {
				host, token, err = cfg.GitLogin(t.Context())
			}
			if (err == nil) != (c.why == "") || err != nil && (!strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "geheim")) {
				t.Fatalf("%v; want %q", err, c.why)
			}
			if want := map[bool]string{true: "geheim"}[c.host != ""]; host != c.host || token.Reveal() != want {
				t.Errorf("the login is %q for %q", token.Reveal(), host)
			}
		})
	}
}

func TestSignersPath(t *testing.T) {
	cfg, err := load(t, "templates: {require_signature: true, allowed_signers: signers, minisign_keys: [RWa, RWb]}", "")
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Templates
	if !s.RequireSignature || !strings.HasSuffix(s.AllowedSigners, "/infrahaus/signers") || strings.Join(s.MinisignKeys, " ") != "RWa RWb" {
		t.Errorf("the settings are %+v", s)
	}
}
