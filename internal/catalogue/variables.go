package catalogue

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Variable is one template variable of a container on record.
type Variable struct {
	Name   string          `json:"name"`
	Value  *string         `json:"value,omitempty"` // nil for a secret
	Secret bool            `json:"secret"`
	From   template.Origin `json:"from"`
}

// Variables returns the variables on record, sorted by name, without secret values. It is
// empty for an adopted container. It calls find only for the record of an older version.
func (r *Record) Variables(ctx context.Context, find func(ref string, known map[string]string) (*template.Template, error)) ([]Variable, error) {
	out := []Variable{}
	values, err := r.unsealVariables(ctx)
	if err != nil || len(values.Values) == 0 {
		return out, err
	}
	var saved savedJob
	raw, err := r.store.Job(ctx, r.recordID)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &saved)
	}
	if err != nil {
		return out, err
	}
	t := &template.Template{}
	if values.From == nil {
		if found, err := find(saved.Template, saved.known()); err == nil {
			t = found
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values.Values)) {
		v := Variable{Name: name, Secret: slices.Contains(values.Secret, name), From: values.origin(name, t, saved.Digest)}
		if text := event.RedactURLs(values.Values[name]); !v.Secret {
			v.Value = &text
		}
		out = append(out, v)
	}
	return out, nil
}

// origin is where a value on record comes from. An older version did not record it. Then a
// value counts as the default only if the template has not changed since and has that
// default: a value that somebody may have set must not change by itself.
func (v sealedValues) origin(name string, t *template.Template, digest string) template.Origin {
	if from, ok := v.From[name]; ok {
		return from
	}
	for _, d := range t.Variables {
		switch {
		case d.Name != name:
		case d.Generate.Any() || d.From != "":
			return template.FromGenerated
		case t.Digest == digest && d.Default == v.Values[name]:
			return template.FromDefault
		}
	}
	return template.FromSet
}

// given returns the values on record that stay: of the variables that the template still
// has, those that were set or generated, except unset. What set says comes on top.
func (m *Remembered) given(t *template.Template, today Today) (values map[string]string, made []string) {
	values = map[string]string{}
	for _, v := range t.Variables {
		text, ok := m.values.Values[v.Name]
		from := m.values.origin(v.Name, t, m.saved.Digest)
		if _, set := today.Set[v.Name]; !ok || set || from == template.FromDefault || slices.Contains(today.Unset, v.Name) {
			continue
		}
		values[v.Name] = text
		if from == template.FromGenerated {
			made = append(made, v.Name)
		}
	}
	maps.Copy(values, today.Set)
	return values, made
}

// NewValues are the variables, secret ones too, whose value differs from the one on record.
func (m *Remembered) NewValues() []plan.NewValue {
	var out []plan.NewValue
	for _, v := range m.Values.All() {
		was, known := m.values.Values[v.Name]
		if known && was == v.Text || !known && v.Text == "" {
			continue
		}
		n := plan.NewValue{Name: v.Name, Secret: v.Secret || slices.Contains(m.values.Secret, v.Name), From: v.From}
		if known {
			n.WasFrom = m.values.origin(v.Name, m.Template, m.saved.Digest)
		}
		if !n.Secret {
			n.Was, n.Value = was, v.Text
		}
		out = append(out, n)
	}
	return out
}

// EnvNames are the variables on record that the environment of a container from an application
// image has.
func (m *Remembered) EnvNames() []string {
	names := slices.Collect(maps.Keys(m.values.Env))
	for name, text := range m.values.Values {
		if text != "" || m.values.From[name] != template.FromDefault {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// NewEnv reports whether --env has changed.
func (m *Remembered) NewEnv() bool { return !maps.Equal(m.Env, m.values.Env) }

// NewOrigins reports whether a value comes from elsewhere than on record: the record has to
// be written although the value is the same.
func (m *Remembered) NewOrigins() bool {
	return slices.ContainsFunc(m.Values.All(), func(v template.Value) bool { return m.values.From[v.Name] != v.From })
}
