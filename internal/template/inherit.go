package template

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// The rules by which a template and its parent become one. docs/templates.md lists them.

// forget empties what is not inherited by being in the document already: the names, and the
// lists, whose items have places in the template's own file only.
func (doc *document) forget() {
	fresh := newDocument()
	doc.Name, doc.Extends = "", ""
	doc.Network, doc.Mounts, doc.Devices = fresh.Network, nil, nil
	doc.Features.Mount, doc.Requires.Privileges = nil, nil
	doc.Tags, doc.SSHKeys, doc.Variables, doc.Packages = nil, nil, nil, packagesDoc{}
	doc.Update = updateDoc{}
	doc.Repositories, doc.Files, doc.Scripts, doc.Services, doc.Credentials = nil, nil, nil, nil, nil
}

// inherit completes the document where a list of the parent's holds unless it is given.
func (l *loader) inherit(doc *document, d *decoder) {
	if l.parent == nil {
		return
	}
	was := l.parent.doc
	if !d.given("network") {
		doc.Network = was.Network
	}
	if !d.given("mounts") {
		doc.Mounts = was.Mounts
	}
	if !d.given("devices") {
		doc.Devices = was.Devices
	}
	doc.Features.Mount = both(was.Features.Mount, doc.Features.Mount)
	doc.Requires.Privileges = both(was.Requires.Privileges, doc.Requires.Privileges)
}

// both are the parent's items, then the template's own, each once.
func both(was, own []string) (out []string) {
	for _, s := range slices.Concat(was, own) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// merged are the parent's items in their order, each replaced by the template's own of the
// same key, then the other own ones.
func merged[T any](was, own []T, key func(T) string) []T {
	of := func(list []T, k string) int {
		return slices.IndexFunc(list, func(o T) bool { return key(o) == k })
	}
	var out []T
	for _, item := range was {
		if i := of(own, key(item)); i >= 0 {
			item = own[i]
		}
		out = append(out, item)
	}
	for _, item := range own {
		if of(was, key(item)) < 0 {
			out = append(out, item)
		}
	}
	return out
}

// inheritVariables adds the parent's variables. The public half of a generated key goes with
// its variable.
func (l *loader) inheritVariables(own []Variable, d *decoder) []Variable {
	if l.parent == nil {
		return own
	}
	has := func(name string) bool {
		return slices.ContainsFunc(own, func(v Variable) bool { return v.Name == name })
	}
	var was []Variable
	for _, v := range l.parent.Variables {
		if v.From != "" && has(v.From) {
			continue
		}
		for _, o := range own {
			at := d.keys[join("variables", o.Name)]
			switch {
			case o.Name != v.Name && strings.EqualFold(o.Name, v.Name):
				d.at(at, "rename it", "variables %q and %q of the parent are both $%s", o.Name, v.Name, EnvName(v.Name))
			case o.Name == v.Name && v.From != "":
				d.at(at, "rename it", "variable %q is the public half of the parent's %q", o.Name, v.From)
			}
		}
		was = append(was, v)
	}
	return merged(was, own, func(v Variable) string { return v.Name })
}

// inheritServices adds the parent's services, whose port may be a variable that is another
// one now.
func (l *loader) inheritServices(own []Service, d *decoder) []Service {
	if l.parent == nil {
		return own
	}
	out := merged(l.parent.Services, own, func(s Service) string { return s.Name })
	for _, s := range out {
		if slices.ContainsFunc(own, func(o Service) bool { return o.Name == s.Name }) {
			continue
		}
		for _, name := range append([]string{s.portVar}, portVars(s.also)...) {
			checkPortVar(join(join("variables", name), "type"), name, l.t.Variables, d)
		}
	}
	return out
}

func portVars(ports []portDoc) (names []string) {
	for _, p := range ports {
		names = append(names, p.variable)
	}
	return names
}

// inheritScripts adds the parent's scripts. All of them run in numeric order, those without
// a number last.
func (l *loader) inheritScripts() {
	if l.parent == nil {
		return
	}
	for i := range l.parent.Scripts {
		l.parent.Scripts[i].inherited = true
	}
	l.t.Scripts = merged(l.parent.Scripts, l.t.Scripts, func(s Script) string { return s.Name })
	slices.SortStableFunc(l.t.Scripts, func(a, b Script) int {
		x, y := numbered().MatchString(a.Name), numbered().MatchString(b.Name)
		switch {
		case x && y:
			return byNumber(a.Name, b.Name)
		case x:
			return -1
		case y:
			return 1
		}
		return 0
	})
}

// byNumber compares the names of two numbered scripts.
func byNumber(a, b string) int {
	x, y := ordinal(a), ordinal(b)
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y), strings.Compare(a, b))
}

// inheritFiles adds the parent's files and directories. A repository of the same name takes
// its files along.
func (l *loader) inheritFiles(d *decoder) {
	if l.parent == nil {
		return
	}
	gone := map[string]bool{}
	for _, was := range l.parent.Repositories {
		if slices.ContainsFunc(l.t.Repositories, func(r Repository) bool { return r.Name == was.Name }) {
			for _, target := range was.files {
				gone[target] = true
			}
		}
	}
	own := map[string]bool{}
	for _, f := range l.t.Files {
		own[f.Target] = true
	}
	conflict := func(why string) {
		if why != "" {
			d.bad("files", "give one of them another target", "the parent's: %s", why)
		}
	}
	var files []File
	for _, f := range l.parent.Files {
		f.inherited = true
		switch {
		case own[f.Target]:
		case gone[f.Target]:
			continue
		default:
			conflict(l.claim(f.Target, cmp.Or(f.Source, "a content")))
		}
		files = append(files, f)
	}
	var directories []Directory
	for _, f := range l.parent.Directories {
		if !slices.ContainsFunc(l.t.Directories, func(o Directory) bool { return o.Target == f.Target }) {
			conflict(l.claimFolder(f.Target))
		}
		directories = append(directories, f)
	}
	l.t.Files = merged(files, l.t.Files, func(f File) string { return f.Target })
	l.t.Directories = merged(directories, l.t.Directories, func(f Directory) string { return f.Target })
	l.t.Repositories = merged(l.parent.Repositories, l.t.Repositories, func(r Repository) string { return r.Name })
}

// inheritedPackages are the parent's packages, to which the template's own are added.
func (l *loader) inheritedPackages() Packages {
	p := Packages{Names: map[string][]string{}}
	if l.parent == nil {
		return p
	}
	maps.Copy(p.Names, l.parent.Packages.Names)
	p.Notify = maps.Clone(l.parent.Packages.Notify)
	return p
}

// inheritsPackage reports whether the parent lists a package already.
func (l *loader) inheritsPackage(manager, name string) bool {
	return l.parent != nil && slices.Contains(l.parent.Packages.Names[manager], name)
}

// sum is the digest of the folder, and of what it extends.
func (l *loader) sum() string {
	sum := l.tree.sum()
	if l.parent == nil {
		return sum
	}
	both := sha256.Sum256([]byte(sum + "\n" + l.parent.Digest + "\n"))
	return hex.EncodeToString(both[:])
}
