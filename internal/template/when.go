package template

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Facts are what a condition can ask of a guest besides its variables.
type Facts struct {
	OS             string // debian, alpine …
	OSVersion      string // 12, 3.22 …
	Init           string // systemd or openrc
	PackageManager string // apt, apk or dnf
}

// factNames are the names of the facts in conditions.
var factNames = []string{"os", "osVersion", "init", "packageManager"}

func (f Facts) get(name string) string {
	return map[string]string{"os": f.OS, "osVersion": f.OSVersion, "init": f.Init, "packageManager": f.PackageManager}[name]
}

// When is a list of conditions, of which all must hold. None always holds.
type When []Condition

// Condition is one comparison.
type Condition struct {
	text   string // as it is written
	name   string // of a variable or a fact
	not    bool
	values []string // any of these; nil: whether there is a value at all
}

func (w When) String() string {
	texts := make([]string, len(w))
	for i, c := range w {
		texts[i] = c.text
	}
	return strings.Join(texts, " and ")
}

// MarshalJSON writes the conditions as they are written.
func (w When) MarshalJSON() ([]byte, error) {
	texts := make([]string, len(w))
	for i, c := range w {
		texts[i] = c.text
	}
	return json.Marshal(texts)
}

// Decide reports whether the conditions hold. Before anyone has looked into the guest,
// facts is nil; then known may be false. If they do not hold, why has the reason.
func (w When) Decide(v Values, facts *Facts) (holds, known bool, why string) {
	known = true
	for _, c := range w {
		is, told, because := c.decide(v, facts)
		if told && !is {
			return false, true, because
		}
		known = known && told
	}
	return true, known, ""
}

func (c Condition) decide(v Values, facts *Facts) (holds, known bool, why string) {
	text, secret, there := "", false, false
	for _, val := range v.All() {
		if val.Name != c.name {
			continue
		}
		if val.Pending && c.values != nil {
			return false, false, ""
		}
		text, secret, there = val.Text, val.Secret, true
		if val.Pending {
			text = "made" // a generated value is not empty
		}
	}
	if !there {
		if facts == nil {
			return false, false, ""
		}
		text = facts.get(c.name)
	}
	if c.values == nil {
		holds = text != "" && text != "false"
	} else {
		holds = slices.Contains(c.values, text)
	}
	switch {
	case holds != c.not:
		return true, true, ""
	case text == "":
		why = c.name + " is empty"
	case secret && c.values == nil:
		why = c.name + " is set"
	case secret:
		why = c.text + " does not hold"
	default:
		why = c.name + " is " + text
	}
	return false, true, why
}

// whenDoc is one condition, or a list of them.
type whenDoc struct {
	list When
	at   []string // the path of each
}

var conditionPattern = lazy.Regexp(`^(!?)\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:(!?=)\s*([^=!|].*))?$`)

func (w *whenDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	const form = "such as tls, !tls, os = alpine or db != none|sqlite"
	switch {
	case n.ShortTag() == "!!null":
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				d.at(item, form, "%s: it must be a condition, not %s", index(path, i), kind(item))
				continue
			}
			d.values[index(path, i)] = item
			w.one(d, index(path, i), item.Value, form)
		}
	case n.Kind != yaml.ScalarNode:
		d.bad(path, form, "it must be a condition or a list of conditions, not %s", kind(n))
	default:
		w.one(d, path, n.Value, form)
	}
}

func (w *whenDoc) one(d *decoder, path, text, form string) {
	m := conditionPattern().FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || m[1] != "" && m[3] != "" {
		if strings.Contains(text, "==") {
			form = "such as " + strings.Join(strings.Fields(strings.ReplaceAll(text, "==", " = ")), " ")
		}
		d.bad(path, form, "%q is no condition", text)
		return
	}
	c := Condition{text: strings.TrimSpace(text), name: m[2], not: m[1] != "" || m[3] == "!="}
	if m[3] != "" {
		for value := range strings.SplitSeq(m[4], "|") {
			if value = strings.TrimSpace(value); value == "" {
				d.bad(path, form, "%q compares with nothing", text)
				return
			}
			c.values = append(c.values, value)
		}
	}
	w.list, w.at = append(w.list, c), append(w.at, path)
}

func (*whenDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string"},
		map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
	}}
}

// checkWhen checks the names and values of conditions.
func (l *loader) checkWhen(doc whenDoc, d *decoder) {
	names := slices.Clone(factNames)
	for _, v := range l.t.Variables {
		names = append(names, v.Name)
	}
	for i, c := range doc.list {
		v, fact := l.t.variable(c.name), contains(factNames, c.name)
		switch {
		case v.Name == "" && !fact:
			suggestion := "declare it under variables, or use one of " + strings.Join(factNames, ", ")
			if near := nearest(c.name, names); near != "" {
				suggestion = fmt.Sprintf("did you mean %q?", near)
			}
			d.bad(doc.at[i], suggestion, "there is no variable or fact %q", c.name)
		case v.Name != "" && fact:
			d.bad(doc.at[i], "rename the variable", "%q is a variable and a fact of the container", c.name)
		case v.Type == "enum" || v.Type == "bool":
			values := v.Values
			if v.Type == "bool" {
				values = []string{"true", "false"}
			}
			for _, value := range c.values {
				if !contains(values, value) {
					d.bad(doc.at[i], oneOf(value, values), "%s is never %q", c.name, value)
				}
			}
		}
	}
}
