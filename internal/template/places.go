package template

import (
	"maps"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Place is where a value of a template comes from.
type Place struct {
	From     string `json:"from"`               // one of the words below
	Template string `json:"template,omitempty"` // the name of the parent that says it
	File     string `json:"file,omitempty"`     // below the folder as the user named it
	Line     int    `json:"line,omitempty"`     // from 1; 0 for a file as a whole

	name string // of the file, in the template's folder
}

// The words of Place.From.
const (
	FromTemplate = "template" // the template itself
	FromParent   = "parent"   // a template that it extends
	FromTool     = "default"  // nobody says it: it is this tool's default
)

// String is FILE:LINE in the template's folder, with the parent's name before it, or
// "default".
func (p Place) String() string {
	text := p.name
	if p.Line > 0 {
		text += ":" + strconv.Itoa(p.Line)
	}
	switch p.From {
	case FromParent:
		return p.Template + ": " + text
	case FromTemplate:
		return text
	}
	return FromTool
}

// Place is where the value at a path of template.yaml comes from, such as resources.cores.
// An item of a list is known by its name: PlaceOf.
func (t *Template) Place(path string) Place {
	if p, ok := t.places[path]; ok {
		return p
	}
	return Place{From: FromTool}
}

// PlaceOf is where an item of a list comes from: of files and directories by its target, of
// packages.MANAGER, scripts, services, repositories, tags and the like by its name.
func (t *Template) PlaceOf(list, name string) Place { return t.Place(itemKey(list, name)) }

func itemKey(list, name string) string { return list + " " + name }

// note remembers where the template itself says something.
func (l *loader) note(key, file string, line int) {
	if l.t.places == nil {
		l.t.places = map[string]Place{}
	}
	l.t.places[key] = Place{From: FromTemplate, File: file, name: file, Line: line}
}

// noteItem remembers where template.yaml has an item of a list.
func (l *loader) noteItem(list, name, at string, d *decoder) {
	if n := d.node(at); n != nil && name != "" {
		l.note(itemKey(list, name), d.file, n.Line)
	}
}

// notePlaces remembers where each value of template.yaml is, and for what is inherited, where
// the parent has it.
func (l *loader) notePlaces(doc *document, d *decoder) {
	for path, key := range d.keys {
		if d.given(path) && !strings.Contains(path, "[") {
			l.note(path, d.file, key.Line)
		}
	}
	for _, list := range []string{"tags", "sshKeys", "features.mount", "requires.privileges"} {
		for i := 0; d.values[index(list, i)] != nil; i++ {
			n := d.values[index(list, i)]
			if n.Kind == yaml.AliasNode {
				n = n.Alias
			}
			l.noteItem(list, n.Value, index(list, i), d)
		}
	}
	for _, list := range []string{"network", "mounts", "devices"} {
		for i := 0; d.values[index(list, i)] != nil; i++ {
			l.note(index(list, i), d.file, d.values[index(list, i)].Line)
		}
	}
	for manager, entries := range map[string][]packageDoc{"apt": doc.Packages.Apt, "apk": doc.Packages.Apk, "dnf": doc.Packages.Dnf, "npm": doc.Packages.Npm, "pip": doc.Packages.Pip} {
		for i, e := range entries {
			l.noteItem("packages."+manager, e.spec(manager), index("packages."+manager, i), d)
		}
	}
	for i, c := range doc.Packages.Custom {
		l.noteItem("packages.custom", c.Name, index("packages.custom", i), d)
	}
	for i, s := range doc.Scripts {
		l.noteItem("scripts", strings.TrimPrefix(s.Name, "scripts/"), index("scripts", i), d)
	}
	for i, s := range doc.Services {
		l.noteItem("services", s.Name, index("services", i), d)
	}
	for i, r := range doc.Repositories {
		l.noteItem("repositories", r.Name, index("repositories", i), d)
	}
	for i, c := range doc.Credentials {
		l.noteItem("credentials", c.Service, index("credentials", i), d)
	}
	l.inheritPlaces(d)
}

// inheritPlaces adds the places of what the parent says and the template does not.
func (l *loader) inheritPlaces(d *decoder) {
	if l.parent == nil {
		return
	}
	own := l.t.places
	l.t.places = map[string]Place{}
	for key, p := range l.parent.places {
		list, _, _ := strings.Cut(strings.FieldsFunc(key, func(r rune) bool { return r == '[' || r == '.' })[0], " ")
		whole := list == "network" || list == "mounts" || list == "devices" // they are replaced as a whole
		if list == "name" || list == "extends" || whole && d.given(list) {
			continue
		}
		if p.From == FromTemplate {
			p.From, p.Template = FromParent, l.parent.Name
		}
		l.t.places[key] = p
	}
	maps.Copy(l.t.places, own)
}

// placesBelow completes the files of the template's own places with its folder.
func (t *Template) placesBelow(dir string) {
	for key, p := range t.places {
		if p.From == FromTemplate {
			p.File = filepath.Join(dir, p.name)
			t.places[key] = p
		}
	}
}
