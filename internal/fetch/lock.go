package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// LockName is the file that pins the templates and OCI images that a folder names.
const LockName = "infrahaus.lock"

const maxLock = 1 << 20 // bytes

// Entry is one template of a lock file.
type Entry struct {
	Source string `yaml:"source" json:"source"`
	Commit string `yaml:"commit,omitempty" json:"commit,omitempty"` // of a git repository
	SHA256 string `yaml:"sha256,omitempty" json:"sha256,omitempty"` // of an archive
	Digest string `yaml:"digest" json:"digest"`                     // of the template, as `template digest` prints it
}

// ID is the commit or checksum.
func (e Entry) ID() string { return e.Commit + e.SHA256 }

// Image is one OCI image of a lock file.
type Image struct {
	Image  string `yaml:"image" json:"image"`   // its whole name with a tag: docker.io/library/nginx:1.29
	Digest string `yaml:"digest" json:"digest"` // sha256:…, of what the tag stood for
}

// Lock is the content of a lock file. The nil Lock is a file that is not there.
type Lock struct {
	Path    string
	Entries []Entry
	Images  []Image
}

// lockFile is a lock as it is written.
type lockFile struct {
	Version   int     `yaml:"version"`
	Templates []Entry `yaml:"templates"`
	Images    []Image `yaml:"images,omitempty"`
}

const lockHead = "# Pins the templates that are fetched from elsewhere, and OCI images. Written by: infrahaus template lock\n"

var (
	imageShape  = lazy.Regexp(`^[a-zA-Z0-9][a-zA-Z0-9._:-]*(/[a-z0-9._-]+)+:[a-zA-Z0-9_][a-zA-Z0-9._-]*$`)
	digestShape = lazy.Regexp(`^sha256:[0-9a-f]{64}$`)
)

// ReadLock reads the lock file of a folder. It is nil if there is none.
func ReadLock(dir string) (*Lock, error) {
	path := filepath.Join(dir, LockName)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{Message: "cannot read " + path, Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLock+1))
	if err != nil || len(data) > maxLock {
		return nil, badLock(path, "it cannot be read, or is larger than 1 MiB")
	}
	return parseLock(path, data)
}

func parseLock(path string, data []byte) (*Lock, error) {
	var in lockFile
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&in); err != nil {
		return nil, badLock(path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if in.Version != 1 {
		return nil, badLock(path, fmt.Sprintf("it is of version %d, and this infrahaus knows version 1", in.Version))
	}
	l := &Lock{Path: path}
	for _, e := range in.Templates {
		s, err := Parse(e.Source)
		if err != nil {
			return nil, badLock(path, err.Error())
		}
		right := s.Kind == Git && commitShape().MatchString(e.Commit) && e.SHA256 == "" || s.Kind == Archive && len(e.SHA256) == 64 && e.Commit == ""
		switch {
		case !right:
			return nil, badLock(path, e.Source+" needs a whole commit, or for an archive a sha256")
		case l.Find(s.String()) != nil:
			return nil, badLock(path, e.Source+" is there twice")
		}
		l.Entries = append(l.Entries, e)
	}
	for _, i := range in.Images {
		switch {
		case !imageShape().MatchString(i.Image) || !digestShape().MatchString(i.Digest):
			return nil, badLock(path, fmt.Sprintf("the image %.80q needs its registry, its path and a tag, and a whole digest (sha256:…)", i.Image))
		case l.Image(i.Image) != "":
			return nil, badLock(path, i.Image+" is there twice")
		}
		l.Images = append(l.Images, i)
	}
	return l, nil
}

func badLock(path, why string) *Error {
	return &Error{Message: "cannot use " + path + ": " + why, Hints: []string{"take it from version control again, or remove it and lock its templates anew"}}
}

// Find returns a copy of the entry of an address in its shortest form, nil if there is none.
func (l *Lock) Find(source string) *Entry {
	if l == nil {
		return nil
	}
	for _, e := range l.Entries {
		if e.Source == source {
			return &e
		}
	}
	return nil
}

// Image is the digest of an image by its whole name with a tag, "" if it is not locked.
func (l *Lock) Image(name string) (digest string) {
	if l == nil {
		return ""
	}
	for _, i := range l.Images {
		if i.Image == name {
			return i.Digest
		}
	}
	return ""
}

// SetImage adds or replaces an image.
func (l *Lock) SetImage(name, digest string) {
	l.Images = slices.DeleteFunc(l.Images, func(old Image) bool { return old.Image == name })
	l.Images = append(l.Images, Image{name, digest})
	slices.SortFunc(l.Images, func(a, b Image) int { return strings.Compare(a.Image, b.Image) })
}

// Set adds or replaces the entry of an address. resolved is the same, pinned to its content,
// and digest is the template's.
func (l *Lock) Set(source, resolved, digest string) (Entry, error) {
	pinned, err := Parse(resolved)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Source: source, Digest: digest}
	if pinned.Kind == Git {
		e.Commit = pinned.ID()
	} else {
		e.SHA256 = pinned.ID()
	}
	l.Entries = slices.DeleteFunc(l.Entries, func(old Entry) bool { return old.Source == e.Source })
	l.Entries = append(l.Entries, e)
	slices.SortFunc(l.Entries, func(a, b Entry) int { return strings.Compare(a.Source, b.Source) })
	return e, nil
}

// Write replaces the file. What is the same gives the same bytes.
func (l *Lock) Write() error {
	var b bytes.Buffer
	b.WriteString(lockHead)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(lockFile{1, l.Entries, l.Images}), enc.Close()); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(l.Path), ".infrahaus.lock-")
	if err != nil {
		return l.unwritten(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), l.Path)
	}
	return l.unwritten(err)
}

func (l *Lock) unwritten(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Message: "cannot write " + l.Path, Err: err, Status: 1}
}

// missing is the error of --locked for a source without an entry.
func (f *Fetcher) missing(s Source) error {
	return &Error{Message: fmt.Sprintf("cannot use %s with --locked: %s", s, notIn(f.o.Locks, f.o.Again != nil)), steps: []step{{"", f.again(s)}}}
}

// MissingImage is the error of --locked for an image that none of the locks has. name is as the
// user knows it.
func MissingImage(name string, locks []*Lock) error {
	return &Error{Message: fmt.Sprintf("cannot use %s with --locked: %s", name, notIn(locks, len(locks) > 1)), steps: []step{{"", []string{"template", "lock", name}}}}
}

// notIn says where an entry was looked for. beside: also beside the template.
func notIn(locks []*Lock, beside bool) string {
	var files []string
	for _, l := range locks {
		if l != nil && !slices.Contains(files, l.Path) {
			files = append(files, l.Path)
		}
	}
	switch {
	case len(files) == 1:
		return files[0] + " does not have it"
	case len(files) > 1:
		return "neither " + strings.Join(files, " nor ") + " has it"
	case beside:
		return "there is no " + LockName + " in this folder, and none beside the template"
	}
	return "there is no " + LockName + " in this folder"
}

// again is the command that locks a source as it is now.
func (f *Fetcher) again(s Source) []string {
	words := f.o.Again
	if words == nil {
		words = []string{s.String()}
	}
	return append([]string{"template", "lock"}, words...)
}

// differs is the error of a source that is not as the lock file says.
func (f *Fetcher) differs(found *Found, s Source, how string) error {
	return &Error{Message: fmt.Sprintf("cannot use %s: %s says otherwise: %s", s, found.lock.Path, how), steps: []step{{"to accept it as it is now: ", f.again(s)}}}
}

// CheckDigest compares the template with the digest of the lock file, if it has an entry.
func (f *Fetcher) CheckDigest(found *Found, digest string) error {
	if e := found.locked; e != nil && e.Digest != digest {
		s, err := Parse(found.Source)
		if err != nil {
			return err
		}
		return f.differs(found, s, "its digest is "+digest+" and not "+e.Digest)
	}
	return nil
}
