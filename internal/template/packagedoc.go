package template

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// packageDoc is a package: its name, or a mapping with more about it.
type packageDoc struct {
	Name    string    `yaml:"name" required:"true" pattern:"^[A-Za-z0-9@][A-Za-z0-9@/_.:~+=*<>,!^[\\]-]*$" hint:"a name, with or without a version" desc:"The package, with or without a version. An entry may also be this name alone." example:"nginx"`
	Version string    `yaml:"version" pattern:"^[A-Za-z0-9][A-Za-z0-9.:~+*^_-]*$" hint:"such as 1.22.1-9 or 1.22.*" desc:"The version to install, as its manager writes it. Another one that is installed is a difference for sync." example:"1.22.*"`
	Notify  notifyDoc `yaml:"notify" desc:"What depends on the package, and what to do with it after the package was installed: as for files." example:"nginx"`
}

// pins is what stands between a name and its version, by manager.
var pins = map[string]string{"apt": "=", "apk": "=", "dnf": "-", "npm": "@", "pip": "=="}

// spec is the package as its manager takes it.
func (p packageDoc) spec(manager string) string {
	if p.Version == "" {
		return p.Name
	}
	return p.Name + pins[manager] + p.Version
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
