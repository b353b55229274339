package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Value is one variable with what it is set to.
type Value struct {
	Name    string
	Text    string
	Secret  bool // must not be shown: secret or generated
	From    Origin
	Pending bool // would be generated; Text is ""
}

// Origin is where a value comes from.
type Origin string

// The origins. A variable that has no default, and that nobody set, is empty by default.
const (
	FromSet       Origin = "set"
	FromGenerated Origin = "generated"
	FromDefault   Origin = "default"
)

// Values are a template's variables, resolved, in the template's order.
type Values struct{ list []Value }

// Resolve fills in the variables from set, the defaults and, for those that ask for it,
// from make. Values made on an earlier run are passed in set, so that they stay. With make
// nil nothing is made and such values are Pending: for --plan. A variable without any of
// these is the empty text. The error is a *VariableError with every problem.
func (t *Template) Resolve(set map[string]string, make *Maker) (Values, error) {
	var out Values
	problems := t.strangers(set)
	for _, v := range t.Variables {
		val, why := v.resolve(set, make)
		if why == "" && v.From != "" {
			why = t.publicHalf(v, &val, out, make)
		}
		if why == missing {
			problems = append(problems, Problem{Message: v.Name + " must be set", Suggestion: v.missing()})
		} else if why != "" {
			problems = append(problems, Problem{Message: v.Name + ": " + why, Suggestion: v.Description})
		}
		out.list = append(out.list, val)
	}
	if problems != nil {
		return Values{}, &VariableError{Template: t.Name, Problems: problems}
	}
	return out, nil
}

// missing is the reason why a required variable without a value cannot be resolved.
const missing = "must be set"

// resolve fills in one variable. It returns the reason if that is impossible.
func (v Variable) resolve(set map[string]string, make *Maker) (Value, string) {
	text, given := set[v.Name]
	val := Value{Name: v.Name, Text: v.normal(text), Secret: v.Hidden(), From: FromDefault}
	switch {
	case given:
		val.From = FromSet
		return val, v.refuse(val.Text)
	case v.Generate.Any() && make == nil:
		val.Pending, val.From = true, FromGenerated
	case v.Generate.Any():
		made, err := make.value(v.Generate)
		if err != nil {
			return val, "cannot be made: " + err.Error()
		}
		val.Text, val.From = made, FromGenerated
	case v.HasDefault:
		val.Text = v.Default
	case v.Required:
		return val, missing
	}
	return val, ""
}

// publicHalf makes the public half of a generated key, unless it is set. The key precedes
// it in out.
func (t *Template) publicHalf(v Variable, val *Value, out Values, make *Maker) string {
	private, _ := out.Get(v.From)
	switch {
	case val.Text != "":
		return ""
	case make == nil:
		val.Pending = true
		return ""
	}
	text, err := make.partner(t.variable(v.From).Generate.Kind, private)
	if err != nil {
		return "cannot be made: " + v.From + " " + err.Error()
	}
	val.Text, val.From = text, FromGenerated
	return ""
}

// variable is the variable of that name, or the zero Variable.
func (t *Template) variable(name string) Variable {
	for _, v := range t.Variables {
		if v.Name == name {
			return v
		}
	}
	return Variable{}
}

// missing suggests how to set a variable. A secret does not belong on a command
// line, where every process sees it.
func (v Variable) missing() string {
	s := "--set " + v.Name + "=…"
	if v.Secret {
		s = "--set-file " + v.Name + "=PATH"
	}
	if v.Description != "" {
		s += ": " + v.Description
	}
	return s
}

// CheckNames returns a *VariableError for names that are no variables of the template.
func (t *Template) CheckNames(names []string) error {
	set := map[string]string{}
	for _, name := range names {
		set[name] = ""
	}
	if problems := t.strangers(set); problems != nil {
		return &VariableError{Template: t.Name, Problems: problems}
	}
	return nil
}

// strangers are the names in set that the template does not have.
func (t *Template) strangers(set map[string]string) []Problem {
	names := make([]string, len(t.Variables))
	for i, v := range t.Variables {
		names[i] = v.Name
	}
	var unknown []string
	for name := range set {
		if !contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	var problems []Problem
	for _, name := range unknown {
		p := Problem{Message: fmt.Sprintf("there is no variable %q", name), Suggestion: "the template has none"}
		if near := nearest(name, names); near != "" {
			p.Suggestion = fmt.Sprintf("did you mean %q?", near)
		} else if len(names) > 0 {
			p.Suggestion = "it has " + strings.Join(names, ", ")
		}
		problems = append(problems, p)
	}
	return problems
}

// All are the values in the template's order.
func (v Values) All() []Value { return v.list }

// Made marks values that Resolve was given as made on an earlier run.
func (v Values) Made(names ...string) {
	for i := range v.list {
		if slices.Contains(names, v.list[i].Name) {
			v.list[i].From = FromGenerated
		}
	}
}

// Get is one value's text.
func (v Values) Get(name string) (string, bool) {
	for _, val := range v.list {
		if val.Name == name {
			return val.Text, true
		}
	}
	return "", false
}

// Env is the environment of scripts, as NAME=text: db_name and INFRAHAUS_VAR_DB_NAME for
// each variable. The texts are not quoted for a shell.
func (v Values) Env() []string {
	var out []string
	for _, val := range v.list {
		out = append(out, val.Name+"="+val.Text, EnvName(val.Name)+"="+val.Text)
	}
	return out
}

// Secrets returns the texts that must be redacted: secret and generated ones.
func (v Values) Secrets() []string {
	var out []string
	for _, val := range v.list {
		if val.Secret && val.Text != "" {
			out = append(out, val.Text)
		}
	}
	return out
}

// Keep returns the values that a later run needs to make the same container: all that
// were set or generated, by name.
func (v Values) Keep() map[string]string {
	out := map[string]string{}
	for _, val := range v.list {
		if !val.Pending {
			out[val.Name] = val.Text
		}
	}
	return out
}

var reference = lazy.Regexp(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Expand replaces every ${name} of a variable in text once; it does not expand the values
// that it inserts. $${name} becomes ${name} if name is a variable or looks like a
// misspelt one. Any other ${…} stays, because a shell may expand it later.
func (v Values) Expand(text []byte) ([]byte, error) {
	var pending string
	names := make([]string, len(v.list))
	for i, val := range v.list {
		names[i] = val.Name
	}
	out := reference().ReplaceAllFunc(text, func(m []byte) []byte {
		name := string(m[strings.IndexByte(string(m), '{')+1 : len(m)-1])
		i := slices.Index(names, name)
		switch literal := m[1] == '$'; {
		case literal && (i >= 0 || slip(name, names) != ""):
			return m[1:]
		case i < 0:
			return m
		}
		if v.list[i].Pending {
			pending = name
		}
		return []byte(v.list[i].Text)
	})
	if pending != "" {
		return nil, fmt.Errorf("cannot fill in ${%s}: its value is not made yet", pending)
	}
	return out, nil
}
