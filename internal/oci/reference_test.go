package oci

import (
	_ "crypto/sha512" // the library refuses digests of algorithms that are not linked in
	"errors"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

var hex64 = strings.Repeat("0123456789abcdef", 4)

func TestParse(t *testing.T) {
	sum := "sha256:" + hex64
	for _, c := range []struct{ text, whole, short, file string }{
		{"nginx", "docker.io/library/nginx:latest", "nginx:latest", "nginx_latest.tar"},
		{"oci:nginx:1.29", "docker.io/library/nginx:1.29", "nginx:1.29", "nginx_1.29.tar"},
		{"bitnami/redis:7", "docker.io/bitnami/redis:7", "bitnami/redis:7", "redis_7.tar"},
		{"index.docker.io/nginx:1", "docker.io/library/nginx:1", "nginx:1", "nginx_1.tar"},
		{"ghcr.io/a/b/c:V1.2_x-y", "ghcr.io/a/b/c:V1.2_x-y", "ghcr.io/a/b/c:V1.2_x-y", "c_V1.2_x-y.tar"},
		{"localhost/app:1", "localhost/app:1", "localhost/app:1", "app_1.tar"},
		{"localhost:5000/library/debian:12", "localhost:5000/library/debian:12", "localhost:5000/library/debian:12", "debian_12.tar"},
		{"127.0.0.1:5000/app", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app:latest", "app_latest.tar"},
		{"registry:5000/app:1", "registry:5000/app:1", "registry:5000/app:1", "app_1.tar"},
		{"nginx@" + sum, "docker.io/library/nginx@" + sum, "nginx@" + sum, "nginx.tar"},
		{"nginx:1.29@" + sum, "docker.io/library/nginx:1.29@" + sum, "nginx:1.29@" + sum, "nginx_1.29.tar"},
		{"my__app/a-b--c:1", "docker.io/my__app/a-b--c:1", "my__app/a-b--c:1", "a-b--c_1.tar"},
	} {
		r, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if r.String() != c.whole || r.Short() != c.short || r.File() != c.file {
			t.Errorf("%s: %s, %s, %s", c.text, r, r.Short(), r.File())
		}
		if again, err := Parse(r.String()); err != nil || again.String() != r.String() {
			t.Errorf("%s: its whole name is read as %s, %v", c.text, again, err)
		}
		if r.Assumed != !strings.ContainsAny(strings.TrimPrefix(c.text, "127.0.0.1:5000"), ":@") {
			t.Errorf("%s: assumed %v", c.text, r.Assumed)
		}
	}
	r, _ := Parse("nginx:1.29@" + sum)
	if got := r.FileOf(r.Digest); got != "nginx_1.29_sha256-0123456789abcdef.tar" || r.Tagged() != "docker.io/library/nginx:1.29" {
		t.Errorf("%s, %s", got, r.Tagged())
	}
	if !mustParse(t, "localhost:5000/a").Local() || !mustParse(t, "127.0.0.1:1/a").Local() || r.Local() {
		t.Error("which registries are local")
	}
}

func mustParse(t *testing.T, text string) Reference {
	t.Helper()
	r, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, reason, better string }{
		{"", "names no image", "oci:nginx:1.29"},
		{"oci:", "names no image", ""},
		{"Nginx", "upper-case", "oci:nginx"},
		{"ghcr.io/Owner/App:V1", "upper-case", "oci:ghcr.io/owner/app:V1"},
		{"ng inx", "no image's name can have (at 3)", ""},
		{"oci:ng\tinx", "no image's name can have (at 7)", ""},
		{"nginx\n", "no image's name can have", ""},
		{"nginx\x00", "no image's name can have", ""},
		{"nginx\x1b[0m", "no image's name can have", ""},
		{"ngïnx", "no image's name can have", ""},
		{"docker://nginx:1", "leave docker:// out", "oci:nginx:1"},
		{"https://ghcr.io/a/b", "leave https:// out", "oci:ghcr.io/a/b"},
		{"me:hunter2@reg.example/a:1", "has a login", "oci:reg.example/a:1"},
		{"https://me:hunter2@reg.example/a", "has a login", "oci:reg.example/a"},
		{"oci:me:hunter2/@x @reg.example/a@sha256:" + hex64, "has a login", "oci:reg.example/a@sha256:" + hex64},
		{"nginx:", "no name of an image", ""},
		{"nginx:-1", "no name of an image", ""},
		{"nginx:" + strings.Repeat("a", 129), "no name of an image", ""},
		{"nginx@sha256:12", "digest", "64"},
		{"nginx@sha512:" + hex64 + hex64, "digest", "sha256"},
		{"nginx@", "digest", ""},
		{"/nginx", "no name of an image", ""},
		{"nginx/", "no name of an image", ""},
		{"a//b", "no name of an image", ""},
		{"../etc/passwd", "no name of an image", ""},
		{"[::1]:5000/app", "Proxmox cannot pull", ""},
		{hex64, "no name of an image", ""},
		{strings.Repeat("a/", 200) + "a", "longer than 255", ""},
		{"a,b", "no name of an image", ""},
	} {
		_, err := Parse(c.text)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Reason, c.reason) || !strings.Contains(e.Better, c.better) {
			t.Errorf("%q: %v, %+v", c.text, err, e)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is said again: %v", err)
		}
	}
}

// FuzzParse checks that what is taken can be a part of a request to Proxmox and of a command
// line on the node, and that its file is one.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"nginx", "oci:a/b:c", "localhost:5000/a@sha256:" + hex64, "$(reboot)", "a b", "a;b", "-x", "[::1]/a", "A", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if s := r.String(); strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@") != "" || s[0] == '-' {
			t.Fatalf("%q is taken as %q", text, s)
		}
		if name := r.File(); strings.ContainsAny(name, "/:@") || len(name) > 255 {
			t.Fatalf("%q has the file %q", text, name)
		}
	})
}

// FuzzLikeTheLibrary compares the parts of a name, or the refusal of it, with the library of
// those who wrote the specification.
func FuzzLikeTheLibrary(f *testing.F) {
	for _, s := range alike {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if i := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 || strings.Contains(text, "@") && strings.Contains(text, "[") {
			return // Parse refuses the first itself
		}
		want, wantErr := reference.ParseNormalizedNamed(text)
		got, err := split(text)
		if (err == nil) != (wantErr == nil) || errors.Is(err, errTooLong) != errors.Is(wantErr, reference.ErrNameTooLong) {
			t.Fatalf("%q: %+v, %v; the library: %v, %v", text, got, err, want, wantErr)
		}
		if err != nil {
			return
		}
		tag, digest := "", ""
		if n, ok := want.(reference.Tagged); ok {
			tag = n.Tag()
		}
		if n, ok := want.(reference.Digested); ok {
			digest = n.Digest().String()
		}
		if all := (Reference{Host: reference.Domain(want), Path: reference.Path(want), Tag: tag, Digest: digest}); got != all {
			t.Fatalf("%q: %+v; the library: %+v", text, got, all)
		}
	})
}

var alike = []string{
	"nginx", "a/b:c", "docker.io/nginx", "index.docker.io/nginx", "index.docker.io/a/b", "localhost/a", "localhost", "Host/a", "host/a", "host/A", "H/A",
	"localhost:5000/a@sha256:" + hex64, "a@sha512:" + hex64 + hex64, "a@sha384:" + hex64, "a@md5:" + hex64, "a:b@sha256:" + hex64, "a@sha256:" + strings.ToUpper(hex64),
	"[::1]/a", "[::1]:5000/a:b", "a:b:c", "a:5000/b", "a:5000", "a.b/c", "a.b/c/d:e", "a..b/c", "-a/b", "a-/b", "a-/b.c", "a--b", "a__b", "a___b", "a._b", "a.", "_a", "a_",
	"a//b", "/a", "a/", "a:", ":a", "@", "a@", "a:-b", "a:_b", "a:" + strings.Repeat("b", 128), "a:" + strings.Repeat("b", 129), "A", "a/B:C", "a:B", "", ".", "..", "./a",
	hex64, hex64 + ":a", "docker.io/" + hex64, strings.Repeat("a/", 122) + "a", strings.Repeat("a/", 120) + "a", strings.Repeat("a", 247), strings.Repeat("a", 248), strings.Repeat("a", 238), strings.Repeat("a", 300) + ":A",
}
