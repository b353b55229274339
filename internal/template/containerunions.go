package template

import (
	"errors"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/oci"
)

// The values of the container's part that may take more than one shape.

// osDoc is one OS template, or several by preference.
type osDoc []string

var osPattern = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._-]*(:vztmpl/[A-Za-z0-9][A-Za-z0-9._+~-]*)?$`)

func (o *osDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if n.ShortTag() == "!!null" {
		return
	}
	*o = nil
	for i, item := range items {
		at := path
		if n.Kind == yaml.SequenceNode {
			at = index(path, i)
			d.values[at] = item
		}
		item = d.resolve(item, depthOf(at))
		switch {
		case item == nil:
			return
		case item.Kind != yaml.ScalarNode:
			d.bad(at, "such as debian-12", "it must be text, not %s", kind(item))
		case oci.Is(item.Value):
			d.image(at, item.Value)
		case !osPattern().MatchString(item.Value):
			d.bad(at, "such as os: debian-12, or local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "%q will not do", item.Value)
		}
		*o = append(*o, item.Value)
	}
	if len(items) == 0 {
		d.bad(path, "such as os: debian-12", "it is an empty list")
	}
}

// image checks an image of a registry.
func (d *decoder) image(at, text string) {
	_, err := oci.Parse(text)
	if wrong := (*oci.Error)(nil); errors.As(err, &wrong) {
		d.bad(at, wrong.Better, "%q %s", wrong.Text, wrong.Reason)
	}
}

// imagePattern is only the shape of an image's name: the JSON Schema cannot say more.
const imagePattern = `^oci:[A-Za-z0-9][A-Za-z0-9._/@:-]*$`

func (*osDoc) jsonSchema() map[string]any {
	one := map[string]any{"type": "string", "pattern": "(" + osPattern().String() + ")|(" + imagePattern + ")"}
	return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one, "minItems": 1}}}
}

// networksDoc is one interface, or a list of them. The first has DHCP where nothing else is
// said.
type networksDoc []networkDoc

func (l *networksDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	switch {
	case n.ShortTag() == "!!null":
	case n.Kind != yaml.SequenceNode:
		d.object(path, n, reflect.ValueOf(&(*l)[0]).Elem(), depthOf(path))
	default:
		first := (*l)[0]
		*l = networksDoc{first} // an empty list is as if the key were missing
		for i, item := range n.Content {
			if i > 0 {
				*l = append(*l, networkDoc{IP: "none"})
			}
			at := index(path, i)
			d.decode(at, item, reflect.ValueOf(&(*l)[i]).Elem(), depthOf(at))
		}
	}
}

func (*networksDoc) jsonSchema() map[string]any {
	one := schemaOf(reflect.TypeFor[networkDoc]())
	return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}
}

type deviceFields deviceDoc

func (v *deviceDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		v.Path = n.Value
		return
	}
	f := deviceFields(*v)
	d.object(path, n, reflect.ValueOf(&f).Elem(), depthOf(path))
	*v = deviceDoc(f)
}

func (*deviceDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{map[string]any{"type": "string"}, schemaOf(reflect.TypeFor[deviceFields]())}}
}

// noStartup has no number.
var noStartup = startupDoc{-1, -1, -1}

type startupFields startupDoc

func (s *startupDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	if n.ShortTag() == "!!null" {
		return
	}
	f := startupFields(noStartup)
	if n.Kind == yaml.ScalarNode {
		if _, err := fmt.Sscanf(n.Value+"\n", "%d\n", &f.Order); err != nil || n.ShortTag() != "!!int" || f.Order < 0 {
			d.bad(path, "a number, or {order: 3, up: 30, down: 60}", "it must be a start order, not %s", kind(n))
			return
		}
	} else {
		d.object(path, n, reflect.ValueOf(&f).Elem(), depthOf(path))
	}
	*s = startupDoc(f)
}

func (*startupDoc) jsonSchema() map[string]any {
	order := map[string]any{"type": "integer", "minimum": 0}
	return map[string]any{"anyOf": []any{order, schemaOf(reflect.TypeFor[startupFields]())}}
}
