package fetch

import (
	"errors"
	"strings"
	"testing"
)

const sumOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	commit := strings.Repeat("0a", 20)
	for text, want := range map[string]Source{
		"git+https://git.example.org/ops/t.git":                   {Scheme: "https", Host: "git.example.org", Path: "/ops/t.git"},
		"git+https://git.example.org/ops/t.git//web@v1.2":         {Scheme: "https", Host: "git.example.org", Path: "/ops/t.git", Dir: "web", Ref: "v1.2"},
		"git+https://git.example.org:8443/t//a/b@feature/x":       {Scheme: "https", Host: "git.example.org:8443", Path: "/t", Dir: "a/b", Ref: "feature/x"},
		"git+https://git.example.org/t@" + commit:                 {Scheme: "https", Host: "git.example.org", Path: "/t", Ref: commit},
		"git+https://[2001:db8::1]/t":                             {Scheme: "https", Host: "[2001:db8::1]", Path: "/t"},
		"git+ssh://git@git.example.org/ops/t.git@main":            {Scheme: "ssh", User: "git", Host: "git.example.org", Path: "/ops/t.git", Ref: "main"},
		"git+ssh://git.example.org:2222/t":                        {Scheme: "ssh", Host: "git.example.org:2222", Path: "/t"},
		"git+file:///srv/t//web@main":                             {Scheme: "file", Path: "/srv/t", Dir: "web", Ref: "main"},
		"git+file:///srv/my%20t%40home":                           {Scheme: "file", Path: "/srv/my t@home"},
		"https://example.org/t-1.0.tar.gz#sha256=" + sumOfNothing: {Kind: Archive, Scheme: "https", Host: "example.org", Path: "/t-1.0.tar.gz", SHA256: sumOfNothing},
		"https://example.org/t.tgz//web":                          {Kind: Archive, Scheme: "https", Host: "example.org", Path: "/t.tgz", Dir: "web"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%q comes back as %q", text, got.String())
		}
		if !IsRemote(text) {
			t.Errorf("%q counts as a name", text)
		}
	}
}

func TestParseShortens(t *testing.T) {
	for text, want := range map[string]string{
		"git+https://GIT.example.org:443/t/":                                   "git+https://git.example.org/t",
		"git+ssh://git@host:22/t//web/":                                        "git+ssh://git@host/t//web",
		"https://example.org/t.tar.gz#sha256=" + strings.ToUpper(sumOfNothing): "https://example.org/t.tar.gz#sha256=" + sumOfNothing,
	} {
		if s, err := Parse(text); err != nil || s.String() != want {
			t.Errorf("Parse(%q) is %q, %v; want %q", text, s, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"http://example.org/t.tar.gz":               "not encrypted",
		"git+http://example.org/t":                  "not encrypted",
		"git://example.org/t":                       "not encrypted",
		"git+ftp://example.org/t":                   `"ftp" is not known`,
		"ssh://git@example.org/t":                   "neither a git repository nor an archive",
		"https://github.com/ops/templates":          "does not end in .tar.gz",
		"git+https://me:geheim@example.org/t":       "it holds a login",
		"git+https://geheim@example.org/t":          "it holds a login",
		"https://me:geheim@example.org/t.tar.gz":    "it holds a login",
		"git+ssh://git:geheim@example.org/t":        "holds more than a name",
		"https://example.org/t.tar.gz?token=geheim": "a query or a fragment",
		"https://example.org/t.tar.gz#geheim":       "a query or a fragment",
		"git+https://example.org/t?ref=geheim":      "a query or a fragment",
		"https://example.org/t.tar.gz#sha256=abc":   "64 hexadecimal digits",
		"git+https://example.org/":                  "names no repository",
		"git+https://example.org/a/../b":            "empty parts, . or ..",
		"git+https://example.org/t//../b":           "empty parts, . or ..",
		"git+https://example.org/t//a//b":           "empty parts, . or ..",
		"git+https://example.org/t@a..b":            "no branch, tag or commit",
		"git+https://example.org/t@-x":              "no branch, tag or commit",
		"git+https://example.org/t@":                "no branch, tag or commit",
		"git+https://exa mple.org/t":                "a space",
		"git+https://-x/t":                          "is no host",
		"git+https:///t":                            "is no host",
		"git+https://example.org:0/t":               "is no port",
		"git+ssh://-oProxyCommand=x@example.org/t":  "holds more than a name",
		"git+ssh://-oProxyCommand=x/t":              "is no host",
		"git+file://srv/t":                          "write three slashes",
		"git+https://example.org/%2e%2e/t":          "empty parts, . or ..",
		"git+https://example.org/a%0ab":             "an unprintable character",
		"git+https://example.org/a%zz":              "two hexadecimal digits",
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%q): %v, which is no refusal", text, err)
			continue
		}
		said := err.Error() + strings.Join(e.Hints, " ")
		if !strings.Contains(said, why) {
			t.Errorf("Parse(%q): %s\nwant %q", text, said, why)
		}
		if strings.Contains(said, "geheim") {
			t.Errorf("Parse(%q) repeats a secret: %s", text, said)
		}
	}
	for _, name := range []string{"nginx", "./web", "/srv/t", "git", "C:/x", "../git+file"} {
		if IsRemote(name) {
			t.Errorf("%q counts as an address", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("git+https://git.example.org/ops/t.git//web@v1.2")
	f.Add("git+ssh://git@host:2222/t@refs/tags/x")
	f.Add("git+file:///srv/t%40")
	f.Add("https://example.org/t.tar.gz//a#sha256=" + sumOfNothing)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again != s {
			t.Errorf("%q is %+v, and its text %q is %+v, %v", text, s, s.String(), again, err)
		}
		if strings.Contains(s.Dir, "..") && strings.HasPrefix(s.Dir, "..") || strings.HasPrefix(s.Dir, "/") {
			t.Errorf("%q leads to the folder %q", text, s.Dir)
		}
	})
}
