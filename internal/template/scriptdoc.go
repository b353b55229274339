package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Script is one program that is run in the guest.
type Script struct {
	Name      string            `json:"name"` // 10-install.sh
	Enabled   bool              `json:"enabled"`
	When      When              `json:"when,omitempty"`
	Timeout   time.Duration     `json:"timeout,omitempty"` // 0: none
	Env       map[string]string `json:"env,omitempty"`     // before ${name} is filled in
	EverySync bool              `json:"everySync,omitempty"`
	User      string            `json:"user,omitempty"` // "": root
	Stage     Stage             `json:"stage,omitempty"`
	Content   []byte            `json:"-"`

	inherited bool // it is the parent's
}

// MarshalJSON writes the timeout as text.
func (s Script) MarshalJSON() ([]byte, error) {
	type plain Script
	timeout := ""
	if s.Timeout != 0 {
		timeout = seconds(s.Timeout)
	}
	return json.Marshal(struct {
		plain
		Timeout string `json:"timeout,omitempty"`
	}{plain(s), timeout})
}

// Environ is the script's own environment as NAME=text, sorted, with ${name} filled in.
func (s Script) Environ(v Values) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		text, err := v.Expand([]byte(s.Env[name]))
		if err != nil {
			return nil, err
		}
		out = append(out, name+"="+string(text))
	}
	return out, nil
}

// scriptDoc is a name, or a name with how and when it runs.
type scriptDoc struct {
	Name      string            `yaml:"name" required:"true" hint:"a file under scripts/" desc:"A file under scripts/." example:"10-install.sh"`
	Enabled   bool              `yaml:"enabled" desc:"Default: true." example:"false"`
	When      whenDoc           `yaml:"when" desc:"A condition, or a list of which all must hold: the script runs only then. NAME (true, or not empty), !NAME, NAME = value, NAME != value, NAME = one|other. NAME is a variable, or os, osVersion, init or packageManager of the container." example:"[os = debian|ubuntu, packageManager = apt]"`
	Timeout   durationDoc       `yaml:"timeout" desc:"How long it may run; then it is ended with all that it has started, and has failed. Default: no limit." example:"10m"`
	Env       map[string]string `yaml:"env" desc:"Variables of its environment alone. ${name} is replaced by the template's variable." example:"{NODE_ENV: production}"`
	EverySync bool              `yaml:"everySync" desc:"Whether every sync runs it again. That is no difference for sync --plan --exit-code." example:"true"`
	User      string            `yaml:"user" pattern:"^[a-z_][a-z0-9_.-]{0,31}$" hint:"the name of a user" desc:"The user as whom it runs, in this user's home. The user must exist by then. Helper functions that need root do not work. Default: root." example:"www-data"`
	Stage     string            `yaml:"stage" enum:"create,image" desc:"When it runs: at every create, or once for many, in an image that template bake makes. A script of the image knows no variables, no hostname and no address, saves no credentials, and comes before the scripts of the create. Default: create." example:"image"`
}

// scriptFields is scriptDoc without its methods.
type scriptFields scriptDoc

func (s *scriptDoc) fromYAML(d *decoder, path string, n *yaml.Node) {
	s.Enabled = true
	if n.Kind == yaml.ScalarNode {
		s.Name = n.Value
		return
	}
	f := scriptFields(*s)
	d.object(path, n, reflect.ValueOf(&f).Elem(), depthOf(path))
	*s = scriptDoc(f)
}

func (*scriptDoc) jsonSchema() map[string]any {
	return map[string]any{"anyOf": []any{map[string]any{"type": "string"}, schemaOf(reflect.TypeFor[scriptFields]())}}
}

// listedScript checks what an entry of scripts says beside its name.
func (l *loader) listedScript(at string, doc scriptDoc, d *decoder) Script {
	l.checkWhen(doc.When, d)
	for _, name := range inOrder(d, join(at, "env"), doc.Env) {
		path := join(join(at, "env"), name)
		if why := badName(name); why != "" {
			d.at(d.keys[path], "choose another name", "%s: %q %s", join(at, "env"), name, why)
		} else if l.t.variable(name).Name != "" {
			d.at(d.keys[path], "choose another name", "%s: %q is a variable of the template already", join(at, "env"), name)
		}
		if why := badText([]byte(doc.Env[name])); why != "" {
			d.bad(path, "", "it cannot be used: %s", why)
		}
		for _, s := range l.strangers(doc.Env[name]) {
			if s.near == "" {
				continue
			}
			p := Problem{File: d.file, Message: s.message(), Suggestion: s.suggestion()}
			p.Line, p.Col = d.node(path).Line, d.node(path).Column
			l.doubt(p)
		}
	}
	return Script{
		Enabled: doc.Enabled, When: doc.When.list, Timeout: doc.Timeout.d, Env: doc.Env, EverySync: doc.EverySync, User: doc.User,
		Stage: stageOf(doc.Stage),
	}
}

// Note is what sets a script apart, for people: "(not enabled)", "when tls, as www-data".
func (s Script) Note() string {
	var notes []string
	add := func(format string, arg any, ok bool) {
		if ok {
			notes = append(notes, fmt.Sprintf(format, arg))
		}
	}
	add("not enabled%s", "", !s.Enabled)
	add("when %s", s.When, len(s.When) > 0)
	add("as %s", s.User, s.User != "")
	add("at most %s", seconds(s.Timeout), s.Timeout != 0)
	add("at every sync%s", "", s.EverySync)
	add("in a baked image%s", "", s.Stage == StageImage)
	if notes == nil {
		return ""
	}
	text := notes[0]
	for _, n := range notes[1:] {
		text += ", " + n
	}
	return " (" + text + ")"
}
