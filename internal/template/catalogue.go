package template

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Source is one place with templates: a folder of folders, in Dir or FS, or everything that
// has an address, with Fetch. A missing Dir counts as empty.
type Source struct {
	Name string // its name in lists: user, TEMPLATES_ROOT, built-in, remote
	Dir  string
	FS   fs.FS
	// Fetch brings the folder of a template to this machine. ok is false for what is no
	// address. Lock files of the folders beside may say which content is meant.
	Fetch func(ref string, beside []Beside) (f Fetched, ok bool, err error)
	// Key brings a small file from an https address, which has this checksum.
	Key func(address, sha256 string) ([]byte, error)
}

// Beside is the folder of a template that led to another one. Of several, the outermost is
// the first.
type Beside struct {
	Dir    string
	Remote bool // it was fetched itself
}

// Fetched is the folder of a template that came from elsewhere. Nobody may write in it.
type Fetched struct {
	Dir      string
	Name     string // the template's name if its file has none
	Source   string // its address, as it was asked for
	Resolved string // the same, pinned to the content
	Loose    bool   // neither the address nor a lock file says which content it is
	// Check refuses content that is not locked or signed as it has to be.
	Check func(digest string) error
}

// fetch asks the sources for a template that has an address.
func fetch(ref string, sources []Source, beside []Beside) (f Fetched, ok bool, err error) {
	for _, s := range sources {
		if s.Fetch == nil {
			continue
		}
		if f, ok, err = s.Fetch(ref, beside); ok || err != nil {
			return f, ok, err
		}
	}
	return f, false, nil
}

// check has a template checked that is not used, and may be faulty: then it has no digest.
func (f Fetched) check(sources []Source) error {
	_, err := f.load(lineage{sources: sources})
	var faulty *Error
	switch {
	case !errors.As(err, &faulty):
		return err
	case f.Check == nil:
		return nil
	}
	return f.Check("")
}

// load loads the template and has it checked. in is where it was named.
func (f Fetched) load(in lineage) (*Template, error) {
	in.root, in.at, in.under, in.place, in.closed = os.DirFS(f.Dir), ".", f.Dir, f.Resolved, true
	if root, err := os.OpenRoot(f.Dir); err == nil {
		in.root = root.FS() // a link must not lead out of what was fetched
	}
	if len(in.chain) == 0 {
		in = in.with(in.rootID("."), f.Name)
	}
	t, err := loadDir(f.Dir, f.Name, in)
	var faulty *Error
	if errors.As(err, &faulty) {
		faulty.Template = f.Source
	}
	if err != nil {
		return nil, err
	}
	if f.Check != nil {
		if err := f.Check(t.Digest); err != nil {
			return nil, err
		}
	}
	t.Path, t.Resolved, t.Source, t.loose = f.Source, f.Resolved, Remote, f.Loose
	return t, nil
}

// Entry is one line of a catalogue.
type Entry struct {
	Name        string   `json:"name"` // the value for --template
	Description string   `json:"description,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	OS          string   `json:"os,omitempty"`
	Source      string   `json:"source"`
	Path        string   `json:"path,omitempty"`
	Error       string   `json:"error,omitempty"` // why it cannot be used
}

// Remote is the Template.Source of one that was fetched.
const Remote = "remote"

// Find looks for a template: as an address, then as None, then as a path (a folder, or the
// template.yaml in it), then in each source, by the folder's name and then by the name in the file. The
// error is *NotFoundError for an unknown template, *Error for a faulty one, or that of Fetch.
func Find(ref string, sources []Source) (*Template, error) {
	if f, ok, err := fetch(ref, sources, nil); err != nil {
		return nil, err
	} else if ok {
		return f.load(lineage{sources: sources})
	}
	if ref == None {
		return none(), nil
	}
	if dir, ok := pathOf(ref); ok {
		return LoadDir(dir, sources...)
	}
	if explicit(ref) {
		return nil, notThere(ref)
	}
	var names []string
	for _, s := range sources {
		for _, name := range s.names() {
			if name == ref {
				return s.load(name, sources)
			}
			names = append(names, name)
		}
	}
	// Records keep the name in the template's own file.
	if s, name, ok := declared(ref, sources); ok {
		return s.load(name, sources)
	}
	return nil, &NotFoundError{Ref: ref, Nearest: nearest(ref, names), Names: names}
}

// LoadDir loads the template in a folder of this machine. It reads nothing outside of the
// folder, not even through links, except for the template that it extends, which is a path or
// in one of the sources.
func LoadDir(dir string, sources ...Source) (*Template, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	name := filepath.Base(abs)
	t, err := loadDir(dir, name, lineage{sources: sources}.with(realPath(abs), name))
	if err != nil {
		return nil, err
	}
	t.Path, t.Source = abs, "path"
	return t, nil
}

// loadDir loads the template in a folder, whose name is that in its file, or else name.
func loadDir(dir, name string, in lineage) (*Template, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &Error{Template: dir, unread: true, Problems: []Problem{{Message: "the folder cannot be read: " + plain(err)}}}
	}
	t, err := load(root.FS(), name, in.inFolder(dir)) // the root stays open: files are read later
	stoppedBelow(dir, err)
	var faulty *Error
	if errors.As(err, &faulty) {
		faulty.Template = dir
		below(dir, faulty.Problems)
		below(dir, faulty.warnings)
		faulty.review = reviewBelow(dir, faulty.review)
	}
	if err != nil {
		return nil, err // the root stays open for a review, too
	}
	below(dir, t.Warnings)
	t.placesBelow(dir)
	t.review = reviewBelow(dir, t.review)
	return t, nil
}

func reviewBelow(dir string, review func() []Problem) func() []Problem {
	if review == nil {
		return nil
	}
	return func() []Problem {
		found := review()
		below(dir, found)
		return found
	}
}

// List returns the templates of all sources. Of several templates with one name it has
// only the one of the first source, as Find does. It lists faulty templates with their
// error.
func List(sources []Source) []Entry {
	var out []Entry
	seen := map[string]bool{}
	for _, s := range sources {
		for _, name := range s.names() {
			if seen[name] {
				continue
			}
			seen[name] = true
			e := Entry{Name: name, Source: s.Name}
			if s.Dir != "" {
				e.Path = filepath.Join(s.Dir, name)
			}
			t, err := s.load(name, sources)
			switch away := (*FetchError)(nil); {
			case errors.As(err, &away): // it may be right
				e.Description, e.OS = s.said(name)
			case err != nil:
				e.Error = err.Error()
			default:
				e.Description, e.Tags, e.OS = t.Description, t.Tags, t.OS
			}
			out = append(out, e)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// said are the description and the first OS that a template's own file says.
func (s Source) said(name string) (description, os string) {
	sub, err := fs.Sub(s.fsys(), name)
	if err != nil {
		return "", ""
	}
	data, err := readLimited(sub, yamlFile, maxDocument)
	if err != nil {
		return "", ""
	}
	doc := newDocument()
	newDecoder(yamlFile).parse(data, doc)
	if len(doc.OS) > 0 {
		os = doc.OS[0]
	}
	return doc.Description, os
}

// explicit reports whether ref cannot be a name.
func explicit(ref string) bool {
	return ref == "" || ref == "." || ref == ".." || strings.ContainsRune(ref, '/') || strings.ContainsRune(ref, filepath.Separator)
}

// pathOf is the folder of the template at the path ref, if there is one.
func pathOf(ref string) (dir string, ok bool) {
	info, err := os.Stat(ref)
	if err != nil || ref == "" {
		return "", false
	}
	if !info.IsDir() {
		base := filepath.Base(ref)
		return filepath.Dir(ref), explicit(ref) && (base == yamlFile || base == confFile)
	}
	return ref, explicit(ref) || isTemplate(os.DirFS(ref))
}

func notThere(ref string) error {
	what := "there is no such folder"
	if _, err := os.Stat(ref); err == nil {
		what = "it is neither a folder nor a " + yamlFile
	} else if !errors.Is(err, fs.ErrNotExist) {
		what = plain(err)
	}
	if ref == "" {
		what = "no name is given"
	}
	return &NotFoundError{Ref: ref, Reason: what}
}

func (s Source) fsys() fs.FS {
	if s.FS != nil {
		return s.FS
	}
	return os.DirFS(s.Dir)
}

// names returns the folders that are templates and can be found by their name, sorted.
func (s Source) names() []string {
	if s.FS == nil && s.Dir == "" {
		return nil
	}
	entries, err := fs.ReadDir(s.fsys(), ".")
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if sub, err := fs.Sub(s.fsys(), e.Name()); err == nil && !strings.HasPrefix(e.Name(), ".") && e.Name() != None && isTemplate(sub) {
			out = append(out, e.Name())
		}
	}
	return out
}

func (s Source) load(name string, sources []Source) (*Template, error) {
	if s.FS == nil {
		t, err := LoadDir(filepath.Join(s.Dir, name), sources...)
		if t != nil {
			t.Source = s.Name
		}
		return t, err
	}
	sub, err := fs.Sub(s.FS, name)
	if err != nil {
		return nil, fmt.Errorf("cannot read template %s: %w", name, err)
	}
	in := lineage{sources: sources, root: s.FS, at: name}
	t, err := load(sub, name, in.with(in.rootID(name), name))
	if t != nil {
		t.Source = s.Name
	}
	return t, err
}
