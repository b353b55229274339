// Package fetch brings templates to this machine that live elsewhere: in a git repository
// or in an archive. It knows sources, pins, the cache, the lock file and signatures. It
// must not know what is in a template, and never runs anything that it fetches.
package fetch

import (
	"encoding/hex"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Kind is what is at the address of a source.
type Kind int

// The kinds of sources.
const (
	Git Kind = iota
	Archive
)

// Source is the address of a template, taken apart.
//
//	git+https://HOST/REPO.git//DIR@REF      also git+ssh://USER@HOST/… and git+file:///…
//	https://HOST/FILE.tar.gz//DIR#sha256=…
type Source struct {
	Kind   Kind
	Scheme string // https, ssh or file
	User   string // of ssh, "" for the user's own settings
	Host   string // host[:port]; "" for file
	Path   string // of the repository or archive, decoded; begins with /
	Dir    string // the template's folder in it; "" for the top
	Ref    string // of git: a branch, a tag, refs/… or a whole commit; "" for the default branch
	SHA256 string // of an archive: its checksum, lower case; "" if none is given
}

var (
	commitShape = lazy.Regexp(`^[0-9a-f]{40}$`)
	userShape   = lazy.Regexp(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	hostShape   = lazy.Regexp(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	refShape    = lazy.Regexp(`^[A-Za-z0-9_][A-Za-z0-9._/+#=%-]*$`)
)

const sumMark = "#sha256="

// endings are those of archives that can be unpacked.
var endings = []string{".tar.gz", ".tgz", ".tar.zst", ".tar", ".zip"}

// IsRemote reports whether a template's name is an address, valid or not, and not a name or
// a path.
func IsRemote(ref string) bool {
	scheme, _, ok := strings.Cut(ref, "://")
	return ok && (strings.HasPrefix(scheme, "git+") || scheme == "http" || scheme == "https" || scheme == "ssh" || scheme == "git")
}

// Parse takes an address apart. Its errors never repeat a password that the address holds.
func Parse(text string) (Source, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	s := Source{Kind: Archive, Scheme: scheme}
	if name, ok := strings.CutPrefix(scheme, "git+"); ok {
		s.Kind, s.Scheme = Git, name
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return s, badSource(text, "it has a space or an unprintable character", "write %20 for a space")
	}
	authority, location, _ := strings.Cut(rest, "/")
	if err := s.checkScheme(text); err != nil {
		return s, err
	}
	if err := s.authority(authority); err != nil {
		return s, err
	}
	return s, s.location(text, "/"+location)
}

func (s *Source) checkScheme(text string) error {
	switch {
	case s.Kind == Git && (s.Scheme == "https" || s.Scheme == "ssh" || s.Scheme == "file"), s.Kind == Archive && s.Scheme == "https":
		return nil
	case s.Scheme == "http" || s.Scheme == "git":
		return badSource(text, s.Scheme+" is not encrypted, so that anybody on the way could change the template", "write https instead")
	case s.Kind == Archive && s.Scheme == "ssh":
		return badSource(text, "it is neither a git repository nor an archive", "for a git repository write git+ssh://…")
	}
	return badSource(text, strconv.Quote(s.Scheme)+" is not known", "one of git+https, git+ssh, git+file and https")
}

// authority reads [user@]host[:port].
func (s *Source) authority(text string) error {
	if s.Scheme == "file" {
		if text != "" {
			return badSource("git+file", "it names a host", "write three slashes: git+file:///path/to/repository")
		}
		return nil
	}
	login, host, ok := cutLast(text, "@")
	if !ok {
		login, host = "", text
	}
	switch {
	case s.Scheme == "ssh" && ok && !userShape().MatchString(login):
		return badSource(s.Scheme+"://…@"+host, "its user holds more than a name", "write git+ssh://USER@HOST/…; ssh asks your agent for the key")
	case s.Scheme != "ssh" && ok:
		return badSource(s.Scheme+"://…@"+host, "it holds a login, which every process on this machine and your shell's history could show",
			"leave it out, and set INFRAHAUS_GIT_HOST="+host+" and INFRAHAUS_GIT_TOKEN, or templates.git_host and templates.git_token_file in the config")
	}
	s.User = login
	name, port := host, ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		name, port = h, p
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return badSource(host, strconv.Quote(p)+" is no port", "")
		}
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if net.ParseIP(name) == nil && (!hostShape().MatchString(name) || len(name) > 253) {
		return badSource(host, strconv.Quote(name)+" is no host", "")
	}
	if s.Host = name; strings.Contains(name, ":") {
		s.Host = "[" + name + "]"
	}
	if port != "" && !(s.Scheme == "https" && port == "443") && !(s.Scheme == "ssh" && port == "22") {
		s.Host += ":" + strings.TrimLeft(port, "0")
	}
	return nil
}

// location reads /path[//dir] and what pins it: @ref of a repository, #sha256= of an archive.
func (s *Source) location(text, rest string) error {
	if s.Kind == Git {
		if before, ref, ok := cutLast(rest, "@"); ok {
			if rest, s.Ref = before, ref; !isRef(ref) {
				return badSource(text, strconv.Quote(ref)+" is no branch, tag or commit", "write %40 for an @ in a path")
			}
		}
	} else if before, sum, ok := strings.Cut(rest, sumMark); ok {
		raw, err := hex.DecodeString(sum)
		if rest, s.SHA256 = before, strings.ToLower(sum); err != nil || len(raw) != 32 {
			return badSource(text, "its sha256 is not 64 hexadecimal digits", "sha256sum FILE prints it")
		}
	}
	if strings.ContainsAny(rest, "?#") {
		return badSource(before(text, "?#"), "it has a query or a fragment, which may hold a secret", "give the plain address; an archive may end in "+sumMark+"…")
	}
	place, dir, _ := strings.Cut(rest, "//")
	var err error
	if s.Path, err = url.PathUnescape(place); err == nil {
		s.Dir, err = url.PathUnescape(strings.Trim(dir, "/"))
	}
	switch {
	case err != nil:
		return badSource(text, "a % is not followed by two hexadecimal digits", "write %25 for a %")
	case s.Path == "/" || path.Clean(s.Path) != strings.TrimSuffix(s.Path, "/"):
		return badSource(text, "it names no repository or archive, or its path has empty parts, . or ..", "such as git+https://git.example.org/ops/templates.git//web@v1")
	case s.Dir != "" && (path.Clean(s.Dir) != s.Dir || s.Dir == "." || strings.HasPrefix(s.Dir, "..")):
		return badSource(text, "the folder after // has empty parts, . or ..", "")
	case strings.ContainsFunc(s.Path+s.Dir, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' }):
		return badSource(text, "its path has an unprintable character or a backslash", "")
	case s.Kind == Archive && !hasEnding(s.Path):
		return badSource(text, "it does not end in "+strings.Join(endings, ", "), "for a git repository write git+https://…")
	}
	s.Path = strings.TrimSuffix(s.Path, "/")
	return nil
}

func isRef(ref string) bool {
	return refShape().MatchString(ref) && !strings.Contains(ref, "..") && !strings.Contains(ref, "//") && !strings.HasSuffix(ref, "/") && !strings.HasSuffix(ref, ".lock")
}

func hasEnding(name string) bool {
	for _, e := range endings {
		if strings.HasSuffix(strings.ToLower(name), e) {
			return true
		}
	}
	return false
}

// String is the address in its shortest form. Parse reads it back to the same Source.
func (s Source) String() string {
	out := s.Repository()
	if s.Dir != "" {
		out += "//" + escape(s.Dir)
	}
	if s.Ref != "" {
		out += "@" + s.Ref
	}
	if s.SHA256 != "" {
		out += sumMark + s.SHA256
	}
	return out
}

// Repository is the address of the whole repository or archive.
func (s Source) Repository() string {
	out := s.Scheme + "://"
	if s.Kind == Git {
		out = "git+" + out
	}
	if s.User != "" {
		out += s.User + "@"
	}
	return out + s.Host + escape(s.Path)
}

// escape writes a path so that it can stand in an address.
func escape(p string) string {
	return strings.NewReplacer("@", "%40", "#", "%23", "?", "%3F").Replace((&url.URL{Path: p}).EscapedPath())
}

// Pinned reports whether the source names its content: a commit or a checksum.
func (s Source) Pinned() bool { return s.ID() != "" }

// ID is the commit or checksum of a pinned source, "" for any other.
func (s Source) ID() string {
	if s.Kind == Git && commitShape().MatchString(s.Ref) {
		return s.Ref
	}
	return s.SHA256
}

// Pin is the source with the content id, a commit or a checksum, instead of a branch or tag.
func (s Source) Pin(id string) Source {
	if s.Kind == Git {
		s.Ref = id
	} else {
		s.SHA256 = id
	}
	return s
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func before(s, chars string) string {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i]
	}
	return s
}
