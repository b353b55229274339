package template

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// packageDoc is a package: its name, or a mapping with more about it.
type packageDoc struct {
	Name   string    `yaml:"name" required:"true" pattern:"^[A-Za-z0-9@][A-Za-z0-9@/_.:~+=*<>,!^[\\]-]*$" hint:"a name, with or without a version" desc:"The package, with or without a version. An entry may also be this name alone." example:"nginx"`
	Notify notifyDoc `yaml:"notify" desc:"What depends on the package, and what to do with it after the package was installed: as for files." example:"nginx"`
}

// packageFields is packageDoc without its methods.
type packageFields packageDoc

func (p *packageDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		p.Name = n.Value
		name, _ := reflect.TypeFor[packageDoc]().FieldByName("Name")
		d.check(path, reflect.ValueOf(p.Name), name.Tag)
		return
	}
	f := packageFields(*p)
	d.object(path, n, reflect.ValueOf(&f).Elem(), depthOf(path))
	*p = packageDoc(f)
}

func (*packageDoc) jsonSchema() map[string]any {
	object := structSchema(reflect.TypeFor[packageFields]())
	pattern := fieldTag(reflect.TypeFor[packageFields](), "Name", "pattern")
	return map[string]any{"anyOf": []any{map[string]any{"type": "string", "pattern": pattern}, object}}
}
