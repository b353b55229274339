package template

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Pin is a template with an address, and the content that was used of it.
type Pin struct {
	Source   string `json:"source"`   // the address, as it is written in extends
	Resolved string `json:"resolved"` // the same, pinned to the content
	Digest   string `json:"-"`
	Loose    bool   `json:"-"` // see Fetched
}

// FetchError is the error of a template whose parent or key cannot be had: it cannot be
// fetched, or is not accepted. The template itself may be right.
type FetchError struct {
	Template string // its folder; "" as long as that is not known
	Address  string
	Err      error

	verb      string // extend, …
	file      string
	line, col int
}

func (e *FetchError) Error() string {
	at := Problem{File: e.file, Line: e.line, Col: e.col}.Where()
	return fmt.Sprintf("cannot %s %s (%s): %v", e.verb, e.Address, at, e.Err)
}

func (e *FetchError) Unwrap() error { return e.Err }

// stoppedBelow completes the place in a FetchError with the folder of the template.
func stoppedBelow(dir string, err error) {
	var e *FetchError
	if errors.As(err, &e) && e.Template == "" {
		e.Template, e.file = dir, filepath.Join(dir, e.file)
	}
}

// stop notes that something elsewhere cannot be had.
func (l *loader) stop(verb, address string, n *yaml.Node, err error) bool {
	l.stopped = err
	if inner := (*FetchError)(nil); !errors.As(err, &inner) { // the innermost says most
		l.stopped = &FetchError{Address: address, Err: err, verb: verb, file: yamlFile, line: n.Line, col: n.Column}
	}
	return false
}

// elsewhere is the template at an address.
func (in lineage) elsewhere(ref string) (ancestor, *refusal) {
	switch {
	case in.closed && strings.HasPrefix(ref, "git+file:") && !strings.HasPrefix(in.place, "git+file:"):
		return ancestor{}, &refusal{"a template from elsewhere must not name a repository of this machine", "an address that others can reach"}
	case len(in.chain) >= maxChain: // before anything is fetched
		why, better := tooLong(in.names(ref))
		return ancestor{}, &refusal{why, better}
	}
	f, ok, err := fetch(ref, in.sources, in.beside)
	switch {
	case err != nil:
		return ancestor{err: err}, nil
	case !ok:
		return ancestor{}, &refusal{"its address is not known", "one of git+https, git+ssh, git+file and https"}
	}
	id := lineage{place: f.Resolved}.rootID(".")
	return ancestor{link: link{id, f.Name}, fsys: os.DirFS(f.Dir), load: f.load}, nil
}

func tooLong(names string) (why, better string) {
	return fmt.Sprintf("at most %d templates extend one another: %s", maxChain, names), "put two of them together"
}

// pins are the templates with an address that the loaded one extends.
func (l *loader) pins() []Pin {
	p := l.parent
	if p == nil {
		return nil
	}
	if p.Resolved == "" {
		return p.Fetched
	}
	return append([]Pin{{p.Path, p.Resolved, p.Digest, p.loose}}, p.Fetched...)
}
