package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"unicode/utf8"
)

// The files that make a folder a template.
const (
	yamlFile = "template.yaml"
	confFile = "template.conf"
	confRoot = "container-configs"
)

// Load reads the template in fsys. name is used in errors, and as the template's name if
// its file has none. The error is an *Error with every problem.
func Load(fsys fs.FS, name string) (*Template, error) {
	in := lineage{root: fsys, at: "."}
	return load(fsys, name, in.with(in.rootID("."), name))
}

// load is Load for a template whose parent may be elsewhere.
func load(fsys fs.FS, name string, in lineage) (*Template, error) {
	l := &loader{fsys: fsys, in: in, t: &Template{Name: name, ConfigPath: name}}
	switch {
	case exists(fsys, yamlFile):
		l.yaml()
	case exists(fsys, confFile):
		l.conf()
	default:
		l.report(Problem{Message: "the folder has no " + yamlFile + " and no " + confFile, Suggestion: misnamed(fsys)})
	}
	if l.stopped != nil {
		return nil, l.stopped
	}
	if len(l.problems) > 0 {
		sort.SliceStable(l.problems, func(i, j int) bool { return before(l.problems[i], l.problems[j]) })
		return nil, &Error{Template: name, Problems: l.problems, review: l.lintAll, warnings: l.warnings}
	}
	l.t.Warnings, l.t.review = l.warnings, l.lintAll
	l.t.levels = []level{{name, fsys, l.tree, l.fetchedKeys}}
	if l.t.Beside = in.beside; l.parent != nil {
		l.t.Beside = l.parent.Beside
		l.t.levels = append(l.t.levels, l.parent.levels...)
	}
	return l.t, nil
}

// loader collects a template and its problems.
type loader struct {
	fsys     fs.FS
	in       lineage
	parent   *Template // that it extends
	stopped  error     // its parent cannot be had, which is no fault of the template
	tree     *tree
	doc      *decoder // of template.yaml, for the places of its values
	t        *Template
	problems []Problem
	warnings []Problem
	targets  map[string]string // of files, to their sources
	folders  map[string]string // that targets need, to one that does
	keys     []string          // files that only a repository names

	fetchedKeys map[string][]byte // the keys of repositories that have an address, by checksum
}

func (l *loader) report(p Problem) {
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, p)
	}
}

func (l *loader) warn(p Problem) {
	if len(l.warnings) < maxProblems {
		l.warnings = append(l.warnings, p)
	}
}

// doubt warns about something that will most likely fail in the guest. create continues
// with such a template; validate rejects it.
func (l *loader) doubt(p Problem) {
	p.Doubt = true
	l.warn(p)
}

// grumble is report for our own format and warn for the original's, whose readers skip
// what they cannot use.
func (l *loader) grumble(p Problem) {
	if l.t.Legacy {
		p.Message += "; skipped"
		l.warn(p)
		return
	}
	l.report(p)
}

func (l *loader) yaml() {
	l.tree = readTree(l.fsys, l.report, yamlFile, "files", "scripts", "packages")
	data, err := readLimited(l.fsys, yamlFile, maxDocument+1)
	if err != nil {
		l.report(Problem{File: yamlFile, Message: "cannot be read: " + plain(err)})
		return
	}
	doc, d := newDocument(), newDecoder(yamlFile)
	l.doc = d
	l.t.says = func(path string) bool { return path != "" && d.given(path) }
	whole := l.extend(data, doc)
	d.parse(data, doc)
	if whole {
		l.inherit(doc, d)
		l.build(doc, d)
		l.t.Digest = l.sum()
	} else {
		l.tree = nil // without its parent, a review would find what is not so
	}
	l.problems = append(l.problems, d.problems...)
}

// build makes the template from the document. Problems with a line go to d, problems of
// the folder to l.
func (l *loader) build(doc *document, d *decoder) {
	t := l.t
	if doc.Name != "" {
		t.Name, t.ConfigPath = doc.Name, doc.Name
	}
	t.Description, t.Extends, t.Tags, t.SyncOnBoot = doc.Description, doc.Extends, doc.Tags, doc.SyncOnBoot
	t.MaxAge = ageOf(doc.MaxAge)
	t.Fetched = l.pins()
	l.container(doc, d)
	t.Variables = l.inheritVariables(variables(doc.Variables, d, l.warn), d)
	t.Services = l.inheritServices(services(doc.Services, t.Variables, d), d)
	l.credentials(doc.Credentials, d)
	if was := l.parent; was != nil {
		t.Tags, t.SSHKeys = both(was.Tags, t.Tags), both(was.SSHKeys, t.SSHKeys)
		t.Credentials = merged(was.Credentials, t.Credentials, func(c Credential) string { return c.Service })
		own := t.says
		t.says = func(path string) bool { return own(path) || was.says(path) }
	}
	t.doc, t.words = doc, func() string { return said(d.values[""]) }
	l.notes(doc.Notes, d)
	l.packages(doc.Packages, "packages")
	l.update(doc.Update, d)
	l.scripts(doc.Scripts, doc.Update, d)
	l.inheritScripts()
	l.repositories(doc.Repositories, d)
	l.files(doc.Files, d)
	l.inheritFiles(d)
	l.checkReruns(doc, d)
	l.stages(doc, d)
	l.notePlaces(doc, d)
}

func exists(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && !info.IsDir()
}

// isTemplate reports whether a folder is a template, valid or not.
func isTemplate(fsys fs.FS) bool { return exists(fsys, yamlFile) || exists(fsys, confFile) }

func misnamed(fsys fs.FS) string {
	if exists(fsys, "template.yml") {
		return "rename template.yml to " + yamlFile
	}
	return ""
}

func readLimited(fsys fs.FS, name string, limit int64) ([]byte, error) {
	// Check the type before opening: opening a pipe waits for its writer.
	if info, err := fs.Stat(fsys, name); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not an ordinary file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("not an ordinary file")
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// lines returns the lines of a text file, without a byte order mark and carriage returns.
func lines(data []byte) []string {
	data = bytes.TrimPrefix(data, mark)
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return strings.Split(string(data), "\n")
}

// before sorts problems: the template's own file first, then by place.
func before(a, b Problem) bool {
	own := func(p Problem) bool { return path.Base(p.File) == yamlFile || path.Base(p.File) == confFile }
	if own(a) != own(b) {
		return own(a)
	}
	if a.File != b.File {
		return a.File < b.File
	}
	return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
}

// badText returns the reason why data is not text, or "".
func badText(data []byte) string {
	switch {
	case !utf8.Valid(data):
		return "it is not UTF-8"
	case bytes.IndexByte(data, 0) >= 0:
		return fmt.Sprintf("it holds a NUL byte at %d", bytes.IndexByte(data, 0))
	}
	return ""
}
