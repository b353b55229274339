package template

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxChain is how many templates may extend one another, the first included. People have to
// read all of them to know what a container will be.
const maxChain = 5

// lineage is where a template is, and which templates led to it. Its parent is looked for
// from there.
type lineage struct {
	sources []Source
	dir     string   // its folder as the user named it; "" if it is in root
	root    fs.FS    // what it is part of: a built-in catalogue, a fetched folder
	at      string   // its folder in root
	under   string   // the folder of root, for the places of problems
	place   string   // of what was fetched: its address, pinned to the content
	closed  bool     // it came from elsewhere: its parent is in root, or has an address
	chain   []link   // the templates that extend it, and itself
	beside  []Beside // the folders of those, as far as they are folders of this machine
	carried *carried // of an archive: its parent is the next one there; nil: it is looked for
}

// link is one template of a chain.
type link struct{ id, name string }

// with adds a template to the chain.
func (in lineage) with(id, name string) lineage {
	in.chain = append(slices.Clone(in.chain), link{id, name})
	return in
}

// inFolder is the lineage of a template in a folder.
func (in lineage) inFolder(dir string) lineage {
	in.beside = append(slices.Clone(in.beside), Beside{dir, in.closed})
	if in.closed {
		return in
	}
	in.dir, in.root, in.at = dir, nil, ""
	return in
}

// ancestor is a template that can be loaded as a parent.
type ancestor struct {
	link
	fsys fs.FS
	load func(lineage) (*Template, error)
	err  error // it cannot be fetched
}

// refusal is the reason why something cannot be a parent.
type refusal struct{ why, better string }

// find looks for the parent: as a path from the template's folder, or as a name in the
// sources.
func (in lineage) find(ref string) (ancestor, *refusal) {
	switch {
	case in.carried != nil:
		return in.carried.parent()
	case ref == "":
		return ancestor{}, &refusal{"it is empty", "a name, or a path from this folder, such as ../base"}
	case strings.Contains(ref, "://"):
		return in.elsewhere(ref)
	case filepath.IsAbs(ref) || strings.HasPrefix(ref, "/"):
		return ancestor{}, &refusal{"an absolute path is another one on the next machine", "a name, or a path from this folder, such as ../base"}
	case explicit(ref) && in.dir != "":
		return folderAncestor(filepath.Join(in.dir, filepath.FromSlash(ref)))
	case explicit(ref):
		return in.rootAncestor(path.Join(in.at, ref))
	case in.closed:
		return ancestor{}, &refusal{"a name means another template on each machine, and this one is remote", "a path from this folder, such as ./base, or an address"}
	}
	return in.named(ref)
}

// folderAncestor is the template in a folder of this machine.
func folderAncestor(dir string) (ancestor, *refusal) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	id, name := realPath(abs), filepath.Base(abs)
	return ancestor{link: link{id, name}, fsys: os.DirFS(dir), load: func(in lineage) (*Template, error) {
		return loadDir(dir, name, in)
	}}, nil
}

// realPath is a path without links, by which a template is known.
func realPath(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// rootID tells a folder of a root from every other one.
func (in lineage) rootID(at string) string { return "in:" + in.place + ":" + at }

// rootAncestor is the template in a folder of what this template is part of.
func (in lineage) rootAncestor(at string) (ancestor, *refusal) {
	if in.root == nil || !fs.ValidPath(at) {
		return ancestor{}, &refusal{"the path leads out of what this template came with", "a folder inside of it, such as ./base"}
	}
	sub, err := fs.Sub(in.root, at)
	if err != nil {
		return ancestor{}, &refusal{plain(err), ""}
	}
	return ancestor{link: link{in.rootID(at), path.Base(at)}, fsys: sub, load: func(in lineage) (*Template, error) {
		in.at = at
		if in.under != "" {
			in.beside = append(slices.Clone(in.beside), Beside{filepath.Join(in.under, at), in.closed})
		}
		t, err := load(sub, path.Base(at), in)
		var faulty *Error
		stoppedBelow(filepath.Join(in.under, at), err)
		if errors.As(err, &faulty) {
			below(filepath.Join(in.under, at), faulty.Problems)
		}
		if t != nil {
			t.placesBelow(filepath.Join(in.under, at))
		}
		return t, err
	}}, nil
}

// named looks for a name as Find does: for a folder's name, then for the name in a file.
func (in lineage) named(ref string) (ancestor, *refusal) {
	var names []string
	for _, s := range in.sources {
		all := s.names()
		if slices.Contains(all, ref) {
			return s.ancestor(ref)
		}
		names = append(names, all...)
	}
	if s, name, ok := declared(ref, in.sources); ok {
		return s.ancestor(name)
	}
	better := "a name that infrahaus template list shows, or a path from this folder, such as ../base"
	if near := nearest(ref, names); near != "" {
		better = fmt.Sprintf("did you mean %q?", near)
	}
	return ancestor{}, &refusal{"there is no such template", better}
}

// declared looks for a template by the name in its file. Only names are read: to load all
// templates would follow their parents, too.
func declared(ref string, sources []Source) (s Source, folder string, ok bool) {
	for _, s := range sources {
		for _, name := range s.names() {
			if sub, err := fs.Sub(s.fsys(), name); err == nil && declaredName(sub) == ref {
				return s, name, true
			}
		}
	}
	return s, "", false
}

// ancestor is the template in a folder of the source.
func (s Source) ancestor(name string) (ancestor, *refusal) {
	if s.FS == nil {
		return folderAncestor(filepath.Join(s.Dir, name))
	}
	a, no := lineage{root: s.FS}.rootAncestor(name)
	load := a.load
	a.load = func(in lineage) (*Template, error) {
		in.dir, in.root, in.under = "", s.FS, ""
		return load(in)
	}
	return a, no
}

// declaredName is the name in a template.yaml, or "".
func declaredName(fsys fs.FS) string {
	data, err := readLimited(fsys, yamlFile, maxDocument)
	var doc yaml.Node
	if err != nil || yaml.Unmarshal(data, &doc) != nil || len(doc.Content) != 1 {
		return ""
	}
	for i, n := range doc.Content[0].Content {
		if i%2 == 1 && doc.Content[0].Content[i-1].Value == "name" {
			return n.Value
		}
	}
	return ""
}

// extend loads the parent that the document names, and puts what the template inherits into
// doc. It reports whether the template can be built.
func (l *loader) extend(data []byte, doc *document) bool {
	first, d := newDocument(), newDecoder(yamlFile)
	d.parse(data, first)
	if !d.given("extends") {
		return true
	}
	ref, n := first.Extends, d.node("extends")
	if len(d.problems) > 0 && ref == "" {
		return false // build's own reading reports it
	}
	refuse := func(no refusal) bool {
		l.report(Problem{File: yamlFile, Line: n.Line, Col: n.Column, Message: fmt.Sprintf("extends: %q cannot be extended: %s", ref, no.why), Suggestion: no.better})
		return false
	}
	a, no := l.in.find(ref)
	switch {
	case no != nil:
		return refuse(*no)
	case a.err != nil:
		return l.stop("extend", ref, n, a.err)
	}
	switch names := l.in.names(a.name); {
	case slices.ContainsFunc(l.in.chain, func(o link) bool { return o.id == a.id }):
		return refuse(refusal{"they extend one another: " + names, "remove extends from one of them"})
	case len(l.in.chain) >= maxChain:
		why, better := tooLong(names)
		return refuse(refusal{why: why, better: better})
	case exists(a.fsys, confFile) && !exists(a.fsys, yamlFile):
		return refuse(refusal{"it is a " + confFile, "infrahaus template import makes a " + yamlFile + " of it"})
	case !isTemplate(a.fsys):
		return refuse(refusal{"there is no folder with a " + yamlFile, "a name, or a path from this folder, such as ../base"})
	}
	up := l.in
	up.dir = ""
	t, err := a.load(up.with(a.id, a.name))
	var faulty *Error
	switch {
	case errors.As(err, &faulty):
		refuse(refusal{"it is faulty itself", "what is wrong with it is listed too"})
		for _, p := range faulty.Problems {
			p.placed = true
			l.report(p)
		}
		return false
	case err != nil:
		return l.stop("extend", ref, n, err)
	}
	l.parent = t
	*doc = *t.doc
	doc.forget()
	return true
}

// names is the chain for people, with the next template.
func (in lineage) names(next string) string {
	var names []string
	for _, o := range in.chain {
		names = append(names, o.name)
	}
	return strings.Join(append(names, next), " → ")
}
