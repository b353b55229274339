package template

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// NotifyDo is what is done with a thing that depends on a change.
type NotifyDo string

// The ways to notify. The first two are for a unit, the last is for a script of the
// template.
const (
	Restart NotifyDo = "restart"
	Reload  NotifyDo = "reload"
	Rerun   NotifyDo = "rerun"
)

var notifyDos = []NotifyDo{Restart, Reload, Rerun}

// Notify is one thing that depends on a file, a package or a variable.
type Notify struct {
	Do   NotifyDo `json:"do"`
	Name string   `json:"name"` // a unit, without .service; or a script
}

// notifyDoc is a unit to restart, or a list of units and of mappings such as
// {reload: haproxy}.
type notifyDoc struct{ list []Notify }

var unitName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._@:-]*$`)

func (doc *notifyDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	switch {
	case n.ShortTag() == "!!null":
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			at := index(path, i)
			if item = d.resolve(item, depthOf(at)); item != nil {
				d.values[at] = item
				doc.one(d, at, item)
			}
		}
	default:
		doc.one(d, path, n)
	}
}

// one reads one entry: the name of a unit, or a mapping with one key.
func (doc *notifyDoc) one(d *decoder, path string, n *yaml.Node) {
	const form = "a unit such as nginx, or one of {restart: UNIT}, {reload: UNIT}, {rerun: SCRIPT}"
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null":
		doc.add(d, path, Restart, n.Value)
		return
	case n.Kind != yaml.MappingNode:
		d.bad(path, form, "it must be the name of a unit or a mapping, not %s", kind(n))
		return
	}
	pairs := d.pairs(path, n, depthOf(path))
	if len(pairs) != 1 {
		d.bad(path, form, "an entry has one key, not %d", len(pairs))
		return
	}
	key, value := pairs[0].key, d.resolve(pairs[0].value, depthOf(path)+1)
	if value == nil {
		return
	}
	at := join(path, key.Value)
	d.keys[at], d.values[at] = key, value
	switch {
	case !slices.Contains(notifyDos, NotifyDo(key.Value)):
		d.unknown(path, key, []string{string(Restart), string(Reload), string(Rerun)})
	case value.Kind != yaml.ScalarNode || value.ShortTag() == "!!null":
		d.bad(at, form, "it must be a name, not %s", kind(value))
	default:
		doc.add(d, at, NotifyDo(key.Value), value.Value)
	}
}

func (doc *notifyDoc) add(d *decoder, path string, do NotifyDo, name string) {
	n := Notify{do, name}
	if do == Rerun {
		n.Name = strings.TrimPrefix(name, "scripts/")
	} else {
		n.Name = strings.TrimSuffix(name, ".service")
		if !unitName().MatchString(n.Name) {
			d.bad(path, "the unit's name, such as nginx or php8.2-fpm", "%q is no name of a unit", name)
			return
		}
	}
	if !slices.Contains(doc.list, n) {
		doc.list = append(doc.list, n)
	}
}

func (*notifyDoc) jsonSchema() map[string]any {
	unit := map[string]any{"type": "string", "pattern": unitName().String()}
	properties := map[string]any{string(Restart): unit, string(Reload): unit, string(Rerun): map[string]any{"type": "string"}}
	one := []any{unit, map[string]any{
		"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
	}}
	return map[string]any{"anyOf": append(slices.Clone(one), map[string]any{"type": "array", "items": map[string]any{"anyOf": one}})}
}

// checkReruns reports scripts that would be run again and that the template does not have.
func (l *loader) checkReruns(doc *document, d *decoder) {
	for i, f := range doc.Files {
		l.checkRerun(index("files", i), f.Notify, d)
	}
	for name, v := range doc.Variables {
		l.checkRerun(join("variables", name), v.Notify, d)
	}
	p := doc.Packages
	for manager, list := range map[string][]packageDoc{"apt": p.Apt, "apk": p.Apk, "dnf": p.Dnf, "npm": p.Npm, "pip": p.Pip} {
		for i, e := range list {
			l.checkRerun(index("packages."+manager, i), e.Notify, d)
		}
	}
	for i, c := range p.Custom {
		l.checkRerun(index("packages.custom", i), c.Notify, d)
	}
}

func (l *loader) checkRerun(path string, doc notifyDoc, d *decoder) {
	var names []string
	for _, s := range l.t.Scripts {
		names = append(names, s.Name)
	}
	for _, n := range doc.list {
		if n.Do != Rerun || slices.Contains(names, n.Name) {
			continue
		}
		suggestion := "put it into scripts/"
		if near := nearest(n.Name, names); near != "" {
			suggestion = fmt.Sprintf("did you mean %q?", near)
		}
		d.bad(join(path, "notify"), suggestion, "there is no scripts/%s to run again", n.Name)
	}
}
