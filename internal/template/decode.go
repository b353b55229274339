package template

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/yamltext"
)

// Limits of a template.yaml, so that a hostile one costs little.
const (
	maxDocument = 1 << 20 // bytes
	maxNodes    = 20_000  // visited while decoding; an alias counts each time it is used
	maxDepth    = 32
	maxProblems = 50
)

// decoder fills a document from YAML nodes and records every problem with its place. The
// tags of the fields define the allowed values (see document). The JSON Schema is made
// from the same tags, so it cannot differ.
type decoder struct {
	file     string
	problems []Problem
	values   map[string]*yaml.Node // by path: resources.cores, files[0].target
	keys     map[string]*yaml.Node
	visited  int
	hint     string // of the field that is read
}

// union is a value that can have more than one form.
type union interface {
	fromYAML(d *decoder, path string, n *yaml.Node)
	jsonSchema() map[string]any
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, values: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}}
}

func (d *decoder) at(n *yaml.Node, suggestion, format string, args ...any) {
	if len(d.problems) >= maxProblems {
		return
	}
	p := Problem{File: d.file, Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	if n != nil {
		p.Line, p.Col = n.Line, n.Column
	}
	d.problems = append(d.problems, p)
}

// bad records a problem of the value at path.
func (d *decoder) bad(path, suggestion, format string, args ...any) {
	d.at(d.node(path), suggestion, path+": "+format, args...)
}

// node is the value at path, or the nearest one around it.
func (d *decoder) node(path string) *yaml.Node {
	for ; path != ""; path = parent(path) {
		if n := d.values[path]; n != nil {
			return n
		}
		if n := d.keys[path]; n != nil {
			return n
		}
	}
	return d.values[""]
}

// given reports whether the file has a value at path, and not null.
func (d *decoder) given(path string) bool {
	n := d.values[path]
	return n != nil && n.ShortTag() != "!!null"
}

func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// parse reads the only document in data into v, which holds the defaults.
func (d *decoder) parse(data []byte, v any) {
	if len(data) > maxDocument {
		d.at(nil, "", "it is larger than %d KiB", maxDocument>>10)
		return
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		d.syntax(string(data), err)
		return
	}
	if err := dec.Decode(&more); err == nil {
		d.at(&more, "keep the first and remove the --- line and what follows", "it holds more than one document")
	}
	if len(doc.Content) != 1 || doc.Content[0].ShortTag() == "!!null" { // else nothing required would be missed
		d.at(nil, "", "it is empty")
		return
	}
	d.decode("", doc.Content[0], reflect.ValueOf(v).Elem(), 0)
}

// syntax records an error of the YAML parser.
func (d *decoder) syntax(data string, err error) {
	p := Problem{File: d.file, Message: "it is empty"}
	if !errors.Is(err, io.EOF) {
		f := yamltext.Explain(data, err)
		p.Line, p.Col, p.Message, p.Suggestion = f.Line, f.Col, f.Text, f.Next
	}
	d.problems = append(d.problems, p)
}

// resolve follows aliases. If the document is too large with its aliases counted, it
// records that and returns nil.
func (d *decoder) resolve(n *yaml.Node, depth int) *yaml.Node {
	for range maxDepth {
		if d.visited++; d.visited > maxNodes || depth > maxDepth {
			break
		}
		if n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	if d.visited <= maxNodes || d.visited == maxNodes+1 {
		d.at(n, "", "it is nested too deeply or too large")
		d.visited = maxNodes + 1
	}
	return nil
}

func (d *decoder) decode(path string, n *yaml.Node, v reflect.Value, depth int) {
	target := d.resolve(n, depth)
	if target == nil {
		return
	}
	d.values[path] = n
	n = target
	if u, ok := v.Addr().Interface().(union); ok {
		u.fromYAML(d, path, n)
		return
	}
	if n.ShortTag() == "!!null" {
		return // as if the key were missing
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(path, n, v.Elem(), depth+1)
	case reflect.Struct:
		d.object(path, n, v, depth)
	case reflect.Map:
		d.mapping(path, n, v, depth)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.bad(path, "write it as a list: "+asList(n), "it must be a list, not %s", kind(n))
			return
		}
		for i, item := range n.Content {
			e := reflect.New(v.Type().Elem()).Elem()
			d.decode(fmt.Sprintf("%s[%d]", path, i), item, e, depth+1)
			v.Set(reflect.Append(v, e))
		}
	default:
		d.scalar(path, n, v)
	}
}

// pair is one entry of a mapping.
type pair struct{ key, value *yaml.Node }

// pairs returns the entries of a mapping with its merge keys (<<) resolved; its own
// entries replace merged ones. It records duplicate keys and keys that are not text.
func (d *decoder) pairs(path string, n *yaml.Node, depth int) []pair {
	var own, merged []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, val := n.Content[i], n.Content[i+1]
		switch {
		case k.ShortTag() == "!!merge":
			merged = append(merged, d.merged(path, val, depth+1)...)
		case k.Kind != yaml.ScalarNode:
			d.at(k, "", "a key must be a word, not %s", kind(k))
		case seen[k.Value]:
			d.at(k, "remove one of them", "%s is given twice", join(path, k.Value))
		default:
			seen[k.Value] = true
			own = append(own, pair{k, val})
		}
	}
	for _, p := range merged {
		if !seen[p.key.Value] {
			seen[p.key.Value] = true
			own = append(own, p)
		}
	}
	return own
}

func (d *decoder) merged(path string, n *yaml.Node, depth int) []pair {
	if n = d.resolve(n, depth); n == nil {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.pairs(path, n, depth)
	case yaml.SequenceNode:
		var all []pair
		for _, item := range n.Content {
			all = append(all, d.merged(path, item, depth+1)...)
		}
		return all
	}
	d.at(n, "", "<< takes a mapping, not %s", kind(n))
	return nil
}

func (d *decoder) object(path string, n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		what := "it"
		if path != "" {
			what = path
		}
		d.at(n, asMapping(path, n), "%s must be a mapping of keys to values, not %s", what, kind(n))
		return
	}
	fields := map[string]int{}
	var names []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		fields[name] = i
		names = append(names, name)
	}
	given := map[string]bool{}
	for _, p := range d.pairs(path, n, depth) {
		i, ok := fields[p.key.Value]
		if !ok {
			d.unknown(path, p.key, names)
			continue
		}
		given[p.key.Value] = p.value.ShortTag() != "!!null"
		sub := join(path, p.key.Value)
		d.keys[sub] = p.key
		before := len(d.problems)
		d.hint = v.Type().Field(i).Tag.Get("hint")
		d.decode(sub, p.value, v.Field(i), depth+1)
		if len(d.problems) == before && given[p.key.Value] {
			d.check(sub, v.Field(i), v.Type().Field(i).Tag)
		}
	}
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if name := tag.Get("yaml"); tag.Get("required") == "true" && !given[name] && !given[tag.Get("unless")] {
			d.at(n, tag.Get("hint"), "%s is missing", join(path, name))
		}
	}
}

func (d *decoder) unknown(path string, key *yaml.Node, names []string) {
	suggestion := "known here: " + strings.Join(sorted(names), ", ")
	if near := meant(key.Value, names); near != "" {
		suggestion = fmt.Sprintf("did you mean %q?", near)
	}
	d.at(key, suggestion, "unknown key %q", join(path, key.Value))
}

// mapping fills a map whose keys the template chooses. inOrder returns them in the order
// of the file.
func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		d.bad(path, "", "it must be a mapping of names to values, not %s", kind(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range d.pairs(path, n, depth) {
		sub := join(path, p.key.Value)
		d.keys[sub] = p.key
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(sub, p.value, e, depth+1)
		v.SetMapIndex(reflect.ValueOf(p.key.Value), e)
	}
}

// inOrder returns the keys of the mapping at path in the order of the file.
func inOrder[T any](d *decoder, path string, m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := d.keys[join(path, names[i])], d.keys[join(path, names[j])]
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	return names
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!null":
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

func noun(k reflect.Kind) string {
	switch k {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	}
	return "text"
}
