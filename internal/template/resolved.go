package template

import "slices"

// Resolved is what a variable would be in a create, and where that comes from.
type Resolved struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"` // "" for a secret, and for what is not known yet
	From  string `json:"from"`            // command line, default, generated at create, must be set, nothing
}

// ResolvedValues resolves the variables as far as that is possible before a create. set are the
// values of the command line. The error is a *VariableError.
func (t *Template) ResolvedValues(set map[string]string) ([]Resolved, error) {
	free := *t
	free.Variables = slices.Clone(t.Variables)
	for i := range free.Variables {
		free.Variables[i].Required = false // that one is missing is shown, not refused
	}
	values, err := free.Resolve(set, nil)
	if err != nil {
		return nil, err
	}
	var out []Resolved
	for _, v := range t.Variables {
		o := Resolved{Name: v.Name, From: "nothing"}
		_, given := set[v.Name]
		switch {
		case given:
			o.From = "command line"
		case v.From != "":
			o.From = v.From
		case v.Generate.Any():
			o.From = "generated at create"
		case v.HasDefault:
			o.From = "default"
		case v.Required:
			o.From = "must be set"
		}
		if text, _ := values.Get(v.Name); !v.Secret && !v.Generate.Any() {
			o.Value = text
		}
		out = append(out, o)
	}
	return out, nil
}

// settings are the places of the settings in template.yaml, and the keys of template.conf.
var settings = []struct{ name, yaml, conf string }{
	{"os", "os", "TEMPLATE_OS"}, {"cores", "resources.cores", "TEMPLATE_CPU"}, {"memory", "resources.memory", "TEMPLATE_RAM"},
	{"swap", "resources.swap", ""}, {"disk", "resources.disk", "TEMPLATE_DISK"}, {"unprivileged", "unprivileged", "TEMPLATE_UNPRIVILEGED"},
	{"network", "network", ""},
}

// NamesAddress reports whether the template says how the first interface gets its IPv4
// address. Without a word it is DHCP. True for a template that was not read from a file.
func (t *Template) NamesAddress() bool {
	return t.says == nil || t.says("network.ip") || t.says("network[0].ip")
}

// Defaults are the settings that the template leaves to the defaults, by name. Nil for one
// that was not read from a file.
func (t *Template) Defaults() (names []string) {
	if t.says == nil {
		return nil
	}
	for _, s := range settings {
		if !t.says(s.yaml) && !t.says(s.conf) {
			names = append(names, s.name)
		}
	}
	return names
}
