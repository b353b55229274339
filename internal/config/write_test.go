package config

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var fresh = NewHost{
	Name: "two", URL: "https://two.example.com:8006", Token: NewSecret("infrahaus@pve!cli=01234567-89ab"), MadeToken: "infrahaus@pve!cli",
	Fingerprint: strings.Repeat("AB:", 31) + "AB", Node: "pve1", Storage: "local-lvm", Bridge: "vmbr0", SSH: SSH{Transport: "node", Node: "root@two.example.com"},
}

const freshText = `  two:
    url: https://two.example.com:8006
    fingerprint: AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB
    token_file: two.token
    made_token: infrahaus@pve!cli
    node: pve1
    storage: local-lvm
    bridge: vmbr0
    ssh:
      transport: node
      node: root@two.example.com
`

// loadIn loads a config of which dir has all files.
func loadIn(t *testing.T, dir string) *Config {
	t.Helper()
	c, err := Load(Overrides{ConfigFile: filepath.Join(dir, "config.yaml"), NewFile: true, Getenv: func(k string) string {
		return map[string]string{"HOME": dir}[k]
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAdd(t *testing.T) {
	for _, tt := range []struct {
		name, old, want, chosen string
		host                    func(*NewHost)
	}{
		{"no file", "", "hosts:\n" + freshText, "", nil},
		{"only comments", "# mine\n# all mine\n", "# mine\n# all mine\n\nhosts:\n" + freshText, "", nil},
		{"no hosts yet", "# mine\npublish: true # yes\nhosts:\n", "# mine\npublish: true # yes\nhosts:\n" + freshText, "", nil},
		{"one host", `# the lab
hosts:
  # in the cellar
  one:
    url: https://one.example.com # with a comment
    token_env: ONE # not here
`, `# the lab
default_host: one
hosts:
  # in the cellar
  one:
    url: https://one.example.com # with a comment
    token_env: ONE # not here
` + freshText, "one", nil},
		{"one line", `hosts: {one: {url: https://one.example.com, token_env: ONE}}`,
			"default_host: one\nhosts:\n  one: {url: 'https://one.example.com', token_env: ONE}\n" + freshText, "one", nil},
		{"a new default", "default_host: one # for now\nhosts:\n  one:\n    url: one.example.com\n    token_env: ONE\n",
			"default_host: two # for now\nhosts:\n  one:\n    url: one.example.com\n    token_env: ONE\n" + freshText, "two", func(h *NewHost) { h.Default = true }},
		{"the default stays", "default_host: one\nhosts:\n  one:\n    url: one.example.com\n    token_env: ONE\n",
			"default_host: one\nhosts:\n  one:\n    url: one.example.com\n    token_env: ONE\n" + freshText, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "config.yaml")
			if tt.old != "" {
				if err := os.WriteFile(path, []byte(tt.old), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			h := fresh
			if tt.host != nil {
				tt.host(&h)
			}
			s, err := loadIn(t, dir).Add(h)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != tt.want || s.Default != tt.chosen || s.File != path {
				t.Errorf("%v %+v\n%s\nwant\n%s", err, s, got, tt.want)
			}
			if (tt.old != "") != (len(s.Copies) == 1) {
				t.Errorf("copies: %v", s.Copies)
			}
			for _, copied := range s.Copies {
				if b, err := os.ReadFile(copied); err != nil || string(b) != tt.old {
					t.Errorf("the copy has %q, %v", b, err)
				}
			}
			entries, _ := os.ReadDir(dir)
			if len(entries) != 2+len(s.Copies) {
				t.Errorf("something is left: %v", entries)
			}
			for _, e := range entries {
				if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
				}
			}
			back, err := loadIn(t, dir).Host(context.Background(), "two")
			if err != nil || back.Token.Reveal() != h.Token.Reveal() || back.URL != h.URL || back.Node != "pve1" || back.SSH.Node != "root@two.example.com" || back.MadeToken != h.MadeToken {
				t.Errorf("%+v %v", back, err)
			}
		})
	}
}

func TestAddRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	const old = "hosts:\n  one:\n    url: one.example.com\n    token_env: ONE\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, url, want string }{
		{"one", "https://other:8006", "there is a host one already"},
		{"other", "https://one.example.com:8006", "host one has the url https://one.example.com:8006 already"},
		{"sandbox", "https://other:8006", `"sandbox" is the embedded sandbox's name`},
		{"a b", "https://other:8006", `"a b" cannot be a host's name`},
	} {
		h := fresh
		h.Name, h.URL = tt.name, tt.url
		if _, err := loadIn(t, dir).Add(h); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s at %s: %v", tt.name, tt.url, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("something was written: %v", entries)
	}
}

// A config behind a link, as in a folder of dotfiles, is changed where it is. A token of
// an earlier host of the name is kept.
func TestAddThroughLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir, dots := t.TempDir(), t.TempDir()
	real, link := filepath.Join(dots, "infrahaus.yaml"), filepath.Join(dir, "config.yaml")
	for path, text := range map[string]string{real: "publish: true\n", filepath.Join(dir, "two.token"): "old@pve!cli=secret\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	s, err := loadIn(t, dir).Add(fresh)
	if err != nil || len(s.Copies) != 2 {
		t.Fatalf("%+v %v", s, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is gone")
	}
	if _, err := loadIn(t, dir).Host(context.Background(), "two"); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(s.Copies[0]); string(b) != "old@pve!cli=secret\n" {
		t.Errorf("the old token is not kept: %q", b)
	}
}
