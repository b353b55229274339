package template

import (
	"fmt"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// The values of template.yaml that may take more than one shape.

// defaultDoc is text, a number or a boolean, taken as it is written, or a list of these.
type defaultDoc struct {
	text string
	set  bool
	list bool
}

func (s *defaultDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	switch {
	case n.Kind == yaml.SequenceNode:
		var items []string
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
				d.at(item, "", "%s: it must be a word, not %s", index(path, i), kind(item))
				continue
			}
			items = append(items, item.Value)
			if !isWord(item.Value) {
				d.at(item, "an item of a list is one word", "%s: %q is empty or has white space", index(path, i), item.Value)
			}
		}
		s.text, s.set, s.list = strings.Join(items, " "), true, true
	case n.Kind != yaml.ScalarNode:
		d.bad(path, "", "it must be text, a number, true or false, or a list of these, not %s", kind(n))
	case n.ShortTag() != "!!null":
		s.text, s.set = n.Value, true
	}
}

func (*defaultDoc) jsonSchema() map[string]any {
	scalar := []string{"string", "number", "boolean"}
	return map[string]any{"anyOf": []any{
		map[string]any{"type": scalar},
		map[string]any{"type": "array", "items": map[string]any{"type": scalar}},
	}}
}

// isWord reports whether text can be an item of a list.
func isWord(text string) bool {
	return text != "" && len(strings.Fields(text)) == 1 && strings.TrimSpace(text) == text
}

// boundDoc is a number, taken as it is written.
type boundDoc struct{ text string }

func (b *boundDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	switch {
	case n.ShortTag() == "!!null":
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!str" || !number().MatchString(n.Value):
		d.bad(path, "such as 10 or 0.5", "it must be a number, not %s", kind(n))
	default:
		b.text = n.Value
	}
}

func (*boundDoc) jsonSchema() map[string]any { return map[string]any{"type": "number"} }

// modeDoc is 0644, 644, "0644" or 0o644: always octal.
type modeDoc struct{ mode fs.FileMode }

var modePattern = lazy.Regexp(`^(0o|0)?([0-7]{3,4})$`)

func (m *modeDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	if n.ShortTag() == "!!null" {
		return
	}
	match := modePattern().FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || match == nil {
		d.bad(path, "such as 0644", "it must be permissions in octal, not %s", kind(n))
		return
	}
	bits, _ := strconv.ParseUint(match[2], 8, 12)
	m.mode = fs.FileMode(bits)
}

func (*modeDoc) jsonSchema() map[string]any {
	return map[string]any{"type": []string{"string", "integer"}, "pattern": modePattern().String()}
}

// portDoc is a port or ${variable}.
type portDoc struct {
	port     int
	variable string
}

var portVariable = lazy.Regexp(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

func (p *portDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	if n.ShortTag() == "!!null" {
		return
	}
	if m := portVariable().FindStringSubmatch(n.Value); m != nil {
		p.variable = m[1]
		return
	}
	port, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || port < 1 || port > 65535 {
		d.bad(path, "1..65535, or ${variable}", "it must be a port, not %s", kind(n))
		return
	}
	p.port = port
}

func (*portDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "integer", "minimum": 1, "maximum": 65535},
		map[string]any{"type": "string", "pattern": portVariable().String()},
	}}
}

// pathDoc is the path of an HTTP request; true is /.
type pathDoc struct{ path string }

var pathPattern = lazy.Regexp(`^/[!-~]*$`)

func (p *pathDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.bad(path, "such as /health", "it must be a path, not %s", kind(n))
	case n.ShortTag() == "!!null" || n.Value == "false":
	case n.Value == "true":
		p.path = "/"
	case !pathPattern().MatchString(n.Value):
		d.bad(path, "such as /health", "%q is not a path that starts with /", n.Value)
	default:
		p.path = n.Value
	}
}

func (*pathDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "boolean"},
		map[string]any{"type": "string", "pattern": pathPattern().String()},
	}}
}

// durationDoc is seconds or a text such as 2m30s.
type durationDoc struct{ d time.Duration }

const minTimeout, maxTimeout = time.Second, time.Hour

func (t *durationDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	if n.ShortTag() == "!!null" {
		return
	}
	v, err := time.ParseDuration(n.Value)
	if n.ShortTag() == "!!int" {
		v, err = time.ParseDuration(n.Value + "s")
	}
	switch {
	case n.Kind != yaml.ScalarNode || err != nil:
		d.bad(path, "seconds, or a text such as 90s or 2m", "it must be a time, not %s", kind(n))
	case v < minTimeout || v > maxTimeout:
		d.bad(path, "", "%s is not within %s..%s", n.Value, minTimeout, maxTimeout)
	default:
		t.d = v
	}
}

func (*durationDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "integer", "minimum": 1, "maximum": int(maxTimeout.Seconds())},
		map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`},
	}}
}

// customDoc is a package with an installer of its own, as a mapping or as the
// line name|check|install[|timeout] of a .custom file.
type customDoc struct {
	Name    string      `yaml:"name" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._+-]*$" hint:"letters, digits and . _ + -" desc:"The name of the package, for messages." example:"caddy"`
	Check   string      `yaml:"check" required:"true" hint:"a shell command that succeeds where it is installed" desc:"A shell command that succeeds where it is installed." example:"command -v caddy"`
	Install string      `yaml:"install" required:"true" hint:"a shell command" desc:"A shell command that installs it." example:"curl -fsSL https://example.org/caddy.sh | sh"`
	Timeout durationDoc `yaml:"timeout" desc:"Default: 300 s." example:"600"`
	Notify  notifyDoc   `yaml:"notify" desc:"What depends on the package: as for files." example:"caddy"`
}

type customFields customDoc

func (c *customDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		pkg, problem := parseCustom(n.Value)
		if problem != "" {
			d.bad(path, "name|check|install or name|check|install|seconds", "%s", problem)
			return
		}
		*c = customDoc{Name: pkg.Name, Check: pkg.Check, Install: pkg.Install, Timeout: durationDoc{pkg.Timeout}}
		return
	}
	f := customFields(*c)
	d.object(path, n, reflect.ValueOf(&f).Elem(), depthOf(path))
	*c = customDoc(f)
}

func (*customDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{map[string]any{"type": "string"}, schemaOf(reflect.TypeFor[customFields]())}}
}

var customName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

// parseCustom reads one line of a .custom file. The installer may hold pipes
// itself, as `curl … | bash` does: only a whole number after the last one is
// the timeout in seconds.
func parseCustom(line string) (CustomPackage, string) {
	parts := strings.SplitN(line, "|", 3)
	if len(parts) < 3 {
		return CustomPackage{}, fmt.Sprintf("%q has fewer than three parts", line)
	}
	p := CustomPackage{Name: strings.TrimSpace(parts[0]), Check: strings.TrimSpace(parts[1]), Install: strings.TrimSpace(parts[2]), Timeout: customTimeout}
	if i := strings.LastIndexByte(p.Install, '|'); i >= 0 {
		if n, err := strconv.Atoi(strings.TrimSpace(p.Install[i+1:])); err == nil {
			p.Install, p.Timeout = strings.TrimSpace(p.Install[:i]), time.Duration(n)*time.Second
			if p.Timeout < minTimeout || p.Timeout > maxTimeout {
				return p, fmt.Sprintf("a timeout of %d seconds is not within %s..%s", n, minTimeout, maxTimeout)
			}
		}
	}
	switch {
	case !customName().MatchString(p.Name):
		return p, fmt.Sprintf("%q is no package name", p.Name)
	case p.Check == "" || p.Install == "":
		return p, fmt.Sprintf("%q has an empty part", line)
	}
	return p, ""
}

// depthOf is how deep a path is, for values that decode themselves.
func depthOf(path string) int { return strings.Count(path, ".") + strings.Count(path, "[") + 1 }
