// Package oci knows images of container registries: how they are named, what a registry says
// of one, and how an archive of one is named on a storage of Proxmox. It pulls nothing and
// must not know Proxmox's API.
package oci

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Prefix marks an image where an OS template may be named too, as in oci:nginx:1.29.
const Prefix = "oci:"

// Reference names an image as docker does: with its registry and its whole path, and with a
// tag, a digest or both.
type Reference struct {
	Host    string // docker.io, ghcr.io, localhost:5000
	Path    string // library/nginx
	Tag     string // "" only where there is a digest
	Digest  string // sha256:…; "": none is asked for
	Assumed bool   // nobody said the tag: it is latest
}

// Error is a text that names no image.
type Error struct {
	Text   string
	Reason string // follows the text: "has an upper-case letter: …"
	Better string // "" if the reason is enough
}

func (e *Error) Error() string { return fmt.Sprintf("%q %s", e.Text, e.Reason) }

// pullable is what Proxmox's schema takes of a reference without its tag. A registry that is
// known by an IPv6 address does not match.
var pullable = lazy.Regexp(`^(?:(?:[a-zA-Z\d]|[a-zA-Z\d][a-zA-Z\d-]*[a-zA-Z\d])(?:\.(?:[a-zA-Z\d]|[a-zA-Z\d][a-zA-Z\d-]*[a-zA-Z\d]))*(?::\d+)?/)?` +
	`[a-z\d]+(?:(?:[._]|__|[-]*)[a-z\d]+)*(?:/[a-z\d]+(?:(?:[._]|__|[-]*)[a-z\d]+)*)*$`)

// Is reports whether a text says that it names an image: it begins with oci:.
func Is(text string) bool { return strings.HasPrefix(text, Prefix) }

// Parse reads the name of an image, with or without oci: before it. What is missing is filled
// in as docker does: docker.io, library/ and the tag latest. Its error is an *Error.
func Parse(text string) (Reference, error) {
	name := strings.TrimPrefix(text, Prefix)
	wrong := func(better, format string, args ...any) (Reference, error) {
		return Reference{}, &Error{Text: text, Reason: fmt.Sprintf(format, args...), Better: better}
	}
	if name == "" {
		return wrong("such as oci:nginx:1.29", "names no image")
	}
	// A digest has no slash after it. What stands before a host may be a password: it is not said again.
	if i := strings.LastIndexByte(name[:strings.LastIndexByte(name, '/')+1], '@'); i >= 0 {
		text = "…" + name[i:]
		return wrong(Prefix+name[i+1:], "has a login before the registry, and Proxmox pulls without one")
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII }); i >= 0 {
		return wrong("", "has a character that no image's name can have (at %d)", i+1+len(text)-len(name))
	}
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		return wrong("oci:"+rest, "is an address: leave %s:// out", scheme)
	}
	ref, err := split(name)
	switch {
	case err != nil && strings.Contains(name, "@"):
		return wrong("@sha256: and 64 hexadecimal digits", "has no valid digest, or no valid name before it")
	case errors.Is(err, errTooLong):
		return wrong("", "is longer than 255 characters")
	case err != nil && hasUpper(name):
		return wrong("oci:"+lowered(name), "has an upper-case letter: the names of images are lower case")
	case err != nil:
		return wrong("[HOST/]PATH[:TAG][@sha256:…], such as oci:nginx:1.29", "is no name of an image")
	case ref.Digest != "" && !strings.HasPrefix(ref.Digest, "sha256:"):
		return wrong("@sha256: and 64 hexadecimal digits", "has a digest of another kind than sha256")
	}
	if ref.Tag == "" && ref.Digest == "" {
		ref.Tag, ref.Assumed = "latest", true
	}
	if !pullable().MatchString(ref.Repository()) {
		return wrong("", "names a registry that Proxmox cannot pull from: give it a host name or an IPv4 address")
	}
	return ref, nil
}

// hasUpper looks at the name alone: a tag may have upper-case letters.
func hasUpper(name string) bool { return lowered(name) != name }

// lowered is a name in lower case, with its tag as it was.
func lowered(name string) string {
	end := len(name)
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		end = i
	}
	return strings.ToLower(name[:end]) + name[end:]
}

// Repository is the registry and the path: docker.io/library/nginx.
func (r Reference) Repository() string { return r.Host + "/" + r.Path }

// String is the whole name: docker.io/library/nginx:1.29@sha256:….
func (r Reference) String() string {
	s := r.Tagged()
	if r.Tag == "" {
		s = r.Repository()
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// Tagged is the name as Proxmox pulls it, with a tag and without a digest; "" without a tag.
func (r Reference) Tagged() string {
	if r.Tag == "" {
		return ""
	}
	return r.Repository() + ":" + r.Tag
}

// Short is the name as people write it: nginx:1.29.
func (r Reference) Short() string {
	s, _ := strings.CutPrefix(r.String(), "docker.io/")
	return strings.TrimPrefix(s, "library/")
}

// Pinned is the reference with another digest.
func (r Reference) Pinned(digest string) Reference {
	r.Digest = digest
	return r
}

// unfit are the characters that Proxmox replaces in the name of a file.
var unfit = lazy.Regexp(`[^a-zA-Z0-9_.-]`)

// File is the name that Proxmox itself gives the archive of a pull: nginx_1.29.tar. It says
// neither where the image is from nor which content the tag stood for.
func (r Reference) File() string { return r.stem() + ".tar" }

func (r Reference) stem() string {
	name := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
	if r.Tag != "" {
		name += ":" + r.Tag
	}
	return unfit().ReplaceAllString(name, "_")
}

// FileOf is the name of an archive with a known content: nginx_1.29_sha256-0123456789abcdef.tar.
// Archives of different contents never have the same name.
func (r Reference) FileOf(digest string) string {
	return fmt.Sprintf("%s_%s.tar", r.stem(), shortDigest(digest))
}

// digestLength is the number of hexadecimal digits of a digest in a file's name.
const digestLength = 16

func shortDigest(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return algorithm + "-" + hex[:min(len(hex), digestLength)]
}

// Short is as much of a digest as people compare: sha256: and twelve digits.
func Short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }

// Local reports whether the registry is on the machine that asks for it.
func (r Reference) Local() bool {
	host, _, _ := strings.Cut(r.Host, ":")
	return host == "localhost" || strings.HasPrefix(host, "127.")
}
