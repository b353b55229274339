package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const commented = `# my hosts
version: 1
default_host: homelab # the one in the cellar

hosts:
  # bought in 2020
  # never rebooted
  homelab:
    url: https://pve:8006   # aligned
    token_env: T

    ssh:
      identity: |
        -----BEGIN X-----
        abc
  # at work
  "office":
    url: https://office:8006

    node: pve1
# the end
redis: {url: redis://h}
`

func TestRenameHost(t *testing.T) {
	for _, c := range []struct{ text, from, to, want string }{
		{commented, "homelab", "cellar", strings.Replace(strings.Replace(commented, "  homelab:", "  cellar:", 1), "default_host: homelab", "default_host: cellar", 1)},
		{commented, "office", "work.example", strings.Replace(commented, `"office"`, `"work.example"`, 1)},
		{"hosts:\n  a:\n    url: x\n", "a", "on", "hosts:\n  'on':\n    url: x\n"}, // a boolean without quotes
		{"hosts:\n  a:\n    url: x\n", "a", "12", "hosts:\n  '12':\n    url: x\n"},
		{"hosts: {a: {url: x}}\n", "a", "b", ""},
	} {
		got, err := renameHost([]byte(c.text), c.from, c.to)
		if c.want == "" {
			if !errors.Is(err, errUnusual) {
				t.Errorf("%q: %q, %v", c.text, got, err)
			}
			continue
		}
		if err != nil || string(got) != c.want {
			t.Errorf("got %v\n%s\nwant\n%s", err, got, c.want)
		}
	}
}

func TestRemoveHost(t *testing.T) {
	between := func(from, to string) string {
		i, j := strings.Index(commented, from), strings.Index(commented, to)
		return commented[:i] + commented[j:]
	}
	withoutHomelab := strings.Replace(between("  # bought", "  # at work"), "default_host: homelab # the one in the cellar\n", "", 1)
	for _, c := range []struct{ text, name, want string }{
		{commented, "homelab", withoutHomelab},
		{commented, "office", between("  # at work", "# the end")},
		{"hosts:\n  a:\n    url: x\n", "a", "hosts:\n"},
		{"hosts:\n  a: {url: x}\n  b: {url: y}", "b", "hosts:\n  a: {url: x}\n"},
		{"hosts:\n  a: {url: x}\n  b: {url: y}", "a", "hosts:\n  b: {url: y}"},
	} {
		got, err := removeHost([]byte(c.text), c.name)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, got, c.want)
		}
	}
}

func TestEditKeepsACopy(t *testing.T) {
	c := mustLoad(t, commented, "", "T=x")
	kept, err := c.Rename("homelab", "cellar")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{kept: commented, c.File: strings.ReplaceAll(strings.ReplaceAll(commented, "homelab", "cellar"), "\r", "")} {
		got, _ := os.ReadFile(path)
		info, err := os.Stat(path)
		if err != nil || string(got) != want || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v\n%s", path, err, info.Mode(), got)
		}
	}
	for _, bad := range [][2]string{{"nowhere", "x"}, {"office", "sandbox"}, {"office", "a b"}, {"office", "office"}} {
		if _, err := c.Rename(bad[0], bad[1]); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(c.File), "*"))
	if len(left) != 2 {
		t.Errorf("left there: %v", left)
	}
}

// If the editor accepts a file, the other hosts and their keys stay.
func FuzzEdit(f *testing.F) {
	f.Add(commented, "homelab")
	f.Add("hosts:\n  a:\n    url: x\n  b: {url: y}\n", "b")
	f.Add("hosts:\n  ? a\n  : {url: x}\n", "a")
	f.Add("hosts: &h\n  a: {}\n", "a")
	f.Fuzz(func(t *testing.T, text, name string) {
		home := t.TempDir()
		file := filepath.Join(home, "c.yaml")
		os.WriteFile(file, []byte(text), 0o600)
		read := func() (*Config, error) {
			return Load(Overrides{ConfigFile: file, Getenv: func(n string) string { return map[string]string{"HOME": home}[n] }})
		}
		c, err := read()
		if err != nil || c.hosts[name] == nil {
			return
		}
		if _, err := c.Remove(name); err != nil {
			return
		}
		after, err := read()
		if err != nil {
			t.Fatalf("%v after %q", err, text)
		}
		for _, other := range after.HostNames() {
			a, _ := c.KnownAs(other)
			b, _ := after.KnownAs(other)
			a.Default, b.Default = false, false
			if a != b {
				t.Fatalf("host %s changed:\n%+v\n%+v", other, a, b)
			}
		}
		if len(after.hosts) != len(c.hosts)-1 || after.hosts[name] != nil {
			t.Fatalf("hosts: %v", after.HostNames())
		}
	})
}
