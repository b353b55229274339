package template

import (
	"fmt"
	"slices"
	"strings"
)

// Credential is what a template's scripts promise to save about one service.
type Credential struct {
	Service string   `json:"service"`
	Keys    []string `json:"keys"`
}

// credentialDoc is one entry of credentials.
type credentialDoc struct {
	Service string   `yaml:"service" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._@-]*$" hint:"as save_credential names it" desc:"The service, as save_credential names it." example:"postgresql"`
	Keys    []string `yaml:"keys" required:"true" pattern:"^[A-Za-z_][A-Za-z0-9_]*$" hint:"[PASSWORD]" desc:"The names of the values." example:"[USERNAME, PASSWORD]"`
}

// address is what ${address} stands for in notes.
const address = "address"

// credentials checks what the template promises.
func (l *loader) credentials(docs []credentialDoc, d *decoder) {
	for i, doc := range docs {
		at := index("credentials", i)
		if slices.ContainsFunc(l.t.Credentials, func(c Credential) bool { return c.Service == doc.Service }) {
			d.bad(join(at, "service"), "one entry a service", "%q is promised twice", doc.Service)
		}
		if len(doc.Keys) == 0 && d.given(join(at, "keys")) {
			d.bad(join(at, "keys"), "keys: [PASSWORD]", "it is empty")
		}
		l.t.Credentials = append(l.t.Credentials, Credential(doc))
	}
}

// notes checks the text for people: it must not show a secret, and a name in it that is
// neither a variable nor address is most likely a slip.
func (l *loader) notes(text string, d *decoder) {
	l.t.Notes = strings.TrimRight(text, "\n")
	if why := badText([]byte(text)); why != "" {
		d.bad("notes", "", "it cannot be used: %s", why)
		return
	}
	for _, m := range reference().FindAllStringSubmatch(text, -1) {
		if v := l.t.variable(m[1]); v.Hidden() && !strings.HasPrefix(m[0], "$$") {
			d.bad("notes", "name the command that reveals it: infrahaus credentials NAME --reveal", "${%s} is secret, and notes are shown to all", m[1])
		}
	}
	for _, s := range l.strangers(text) {
		if s.name != address {
			suggestion := "declare it under variables"
			if s.near != "" {
				suggestion = fmt.Sprintf("did you mean ${%s}?", s.near)
			}
			d.bad("notes", suggestion, "there is no variable %q", s.name)
		}
	}
}

// NotesFor is the text for people about a container with these values and this address.
func (t *Template) NotesFor(v Values, at string) string {
	text, err := v.Expand([]byte(t.Notes))
	if err != nil {
		return ""
	}
	if t.variable(address).Name != "" {
		return string(text)
	}
	return strings.ReplaceAll(string(text), "${"+address+"}", at)
}

// Missing are the promised credentials that are not among those found, as SERVICE: KEY.
func (t *Template) Missing(found map[string]map[string]string) (missing []string) {
	for _, c := range t.Credentials {
		for _, key := range c.Keys {
			if _, ok := found[c.Service][key]; !ok {
				missing = append(missing, c.Service+": "+key)
			}
		}
	}
	return missing
}
