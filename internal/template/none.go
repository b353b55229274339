package template

import (
	"crypto/sha256"
	"encoding/hex"
)

// None is the name of the template of a container that is only its OS. It is in no folder
// and in no list. Find knows it before all others, so that a record that names it never means
// a template that somebody calls none later: such a one is found by its path alone.
const None = "none"

// none makes the template None. It has no OS: whoever uses it has to say one.
func none() *Template {
	l := &loader{t: &Template{Name: None, ConfigPath: None, Source: "built-in"}}
	doc := newDocument()
	doc.Features.Nesting = true // as in Proxmox's own form: systemd of a new OS wants it
	l.container(doc, newDecoder(yamlFile))
	sum := sha256.Sum256(nil) // never another one: nothing in it can change
	l.t.Digest = hex.EncodeToString(sum[:])
	return l.t
}

// IsNone reports whether this is the template None, and not a folder of that name.
func (t *Template) IsNone() bool { return t.Name == None && t.Path == "" }
