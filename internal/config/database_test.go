package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDatabase(t *testing.T) {
	const secret = "s3cret-pass"
	const team = "databases:\n  team:\n    url_env: TEAM\n"
	for _, tt := range []struct {
		name, file string
		env        map[string]string
		want       string // the URL
		fails      string // a part of the error
	}{
		{"nothing", "", nil, "", ""},
		{"a URL", "database: postgres://u:" + secret + "@h/d\n", nil, "postgres://u:" + secret + "@h/d", ""},
		{"a variable", "database: env:DATABASE_URL\n", map[string]string{"DATABASE_URL": "postgres://h/x"}, "postgres://h/x", ""},
		{"a variable alone is another program's", "", map[string]string{"DATABASE_URL": "postgres://h/x"}, "", ""},
		{"a variable that is not set", "database: env:DATABASE_URL\n", nil, "", "DATABASE_URL is not set"},
		{"a name", team + "database: team\n", map[string]string{"TEAM": "postgres://h/team"}, "postgres://h/team", ""},
		{"a name that is wrong", team + "database: taem\n", nil, "", `there is no database "taem"`},
		{"another program's kind", "database: mysql://u:" + secret + "@h/d\n", nil, "", "names no database"},
		{"our own variable comes first", "database: postgres://h/file\n", map[string]string{"INFRAHAUS_DATABASE_URL": "postgres://h/env"}, "postgres://h/env", ""},
		{"our own variable is wrong", "", map[string]string{"INFRAHAUS_DATABASE_URL": "http://u:" + secret + "@h"}, "", "cannot use INFRAHAUS_DATABASE_URL"},
		{"our own variable says local", "database: postgres://h/file\n", map[string]string{"INFRAHAUS_DATABASE_URL": "local"}, "", ""},
		{"two places", "databases:\n  team:\n    url: postgres://h/a\n    url_env: TEAM\n", nil, "", "it must say once"},
		{"the name local", "databases:\n  local:\n    url: postgres://h/a\n", nil, "", "cannot be the name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			path := filepath.Join(home, "config.yaml")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Load(Overrides{ConfigFile: path, Getenv: func(name string) string {
				if name == "HOME" {
					return home
				}
				return tt.env[name]
			}})
			switch {
			case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), secret)):
				t.Errorf("err = %v", err)
			case tt.fails == "" && (err != nil || c.DatabaseURL.Reveal() != tt.want):
				t.Errorf("%v, %v", c, err)
			}
		})
	}
}

func TestNamedDatabase(t *testing.T) {
	c := &Config{env: func(name string) string { return map[string]string{"A": "postgres://h/a"}[name] }, decoder: &decoder{}}
	if s, err := c.NamedDatabase("env:A"); err != nil || s.Reveal() != "postgres://h/a" {
		t.Errorf("%v %v", s.Reveal(), err)
	}
	if s, err := c.NamedDatabase("local"); err != nil || !s.IsZero() {
		t.Errorf("%v %v", s, err)
	}
	for _, word := range []string{"postgres://u:s3cret@h/d", "env:B", "env:", "nobody", "u:s3cret@h"} {
		if _, err := c.NamedDatabase(word); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", word, err)
		}
	}
}
