package config

import (
	"strings"
	"testing"
)

// TestKeysHaveTexts fails for a key of the config file that help and docs do not explain,
// for a text of a key that is gone, and for an example that the file may not have.
func TestKeysHaveTexts(t *testing.T) {
	used := map[string]bool{}
	for _, k := range Keys() {
		used[strings.TrimPrefix(k.Path, "hosts.NAME.")] = true
		if k.Text == "" || k.Example == "" {
			t.Errorf("%s has no text or no example in keyTexts", k.Path)
			continue
		}
		if _, err := load(t, exampleOf(k), ""); err != nil {
			t.Errorf("the example of %s: %v\n%s", k.Path, err, exampleOf(k))
		}
	}
	for path := range keyTexts {
		if !used[path] {
			t.Errorf("keyTexts explains %s, which is no key", path)
		}
	}
}

// exampleOf is a config file with the example of one key, and what that key needs beside it.
func exampleOf(k Key) string {
	parts := strings.Split(strings.Replace(k.Path, "NAME", "homelab", 1), ".")
	var b strings.Builder
	for i, p := range parts {
		b.WriteString(strings.Repeat("  ", i) + p + ":")
		if i < len(parts)-1 {
			b.WriteString("\n")
		}
	}
	b.WriteString(" " + k.Example + "\n")
	switch {
	case k.Path == "default_host":
		b.WriteString("hosts: {homelab: {}}\n")
	case k.Path == "redis.url_env", k.Path == "redis.url_file":
		return "" // they would be looked up
	case strings.HasPrefix(k.Path, "templates.git_token"):
		b.WriteString("  git_host: git.example.org\n")
	case k.Path == "templates.require_signature":
		b.WriteString("  allowed_signers: allowed_signers\n")
	case strings.HasPrefix(k.Path, "hosts.NAME.password"):
		b.WriteString("    user: root@pam\n")
	}
	return b.String()
}

// TestVariablesAreRead: each variable that help explains changes a setting, and the key
// that it replaces exists.
func TestVariablesAreRead(t *testing.T) {
	keys := map[string]bool{"": true}
	for _, k := range Keys() {
		keys[k.Path] = true
	}
	for _, v := range Variables() {
		if v.Text == "" || v.Example == "" || !keys[v.Key] {
			t.Errorf("%s: text %q, example %q, key %q", v.Name, v.Text, v.Example, v.Key)
		}
		asked := map[string]bool{}
		c, err := Load(Overrides{Getenv: func(name string) string {
			asked[name] = true
			if name == "HOME" {
				return t.TempDir()
			}
			return ""
		}})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.environment() // asks for those of a host
		_, _, _ = c.GitLogin(t.Context())
		if !asked[v.Name] && v.Name != "INFRAHAUS_ENCRYPTION_KEY" {
			t.Errorf("nobody reads %s", v.Name)
		}
	}
}
