package template

import (
	"io/fs"
)

// Source is one place where templates are looked for: a folder of folders.
// Either Dir or FS is set; a Dir that is missing is empty.
type Source struct {
	Name string // user, TEMPLATES_ROOT, built-in
	Dir  string
	FS   fs.FS
}

// Entry is one line of a catalogue.
type Entry struct {
	Name        string `json:"name"` // what --template takes
	Description string `json:"description,omitempty"`
	OS          string `json:"os,omitempty"`
	Source      string `json:"source"`
	Path        string `json:"path,omitempty"`
	Error       string `json:"error,omitempty"` // why it cannot be used
}

// Find looks for a template: a path first (a folder, or the template.yaml in
// it), then each source in turn. An unknown one is a *NotFoundError, a faulty
// one an *Error.
func Find(ref string, sources []Source) (*Template, error) {
	return nil, &NotFoundError{Ref: ref}
}

// List is every template of the sources, each name once: the first source that
// has it hides the others, as in Find. Faulty ones are listed with their error.
func List(sources []Source) []Entry { return nil }

// Load reads the template in fsys. name is what to call it in errors, and its
// name where the folder's file gives none. The error is an *Error that holds
// every problem, not just the first.
func Load(fsys fs.FS, name string) (*Template, error) { return nil, nil }
