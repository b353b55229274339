package template

import (
	"fmt"
	"strings"
)

// Strict is another YAML file that is read as template.yaml is: into a struct whose tags say
// what is allowed, with the place of each problem.
type Strict struct{ d *decoder }

// ReadStrict reads the only document in data into v, a pointer to a struct that holds the
// defaults. A field that is a pointer stays nil if the file does not have it.
func ReadStrict(file string, data []byte, v any) *Strict {
	d := newDecoder(file)
	d.parse(data, v)
	return &Strict{d}
}

// Bad records a problem of the value at a path, such as containers.web.count.
func (s *Strict) Bad(path, suggestion, format string, args ...any) {
	s.d.bad(path, suggestion, format, args...)
}

// Problems are all of them, in the order of the file.
func (s *Strict) Problems() []Problem { return s.d.problems }

// Where is file:line:column of the value at a path, or of the nearest one around it.
func (s *Strict) Where(path string) string {
	n := s.d.keys[path]
	if n == nil {
		n = s.d.node(path)
	}
	if n == nil {
		return s.d.file
	}
	return Problem{File: s.d.file, Line: n.Line, Col: n.Column}.Where()
}

// Ordered are the keys of the mapping at a path, in the order of the file.
func Ordered[T any](s *Strict, path string, m map[string]T) []string { return inOrder(s.d, path, m) }

// Summary is the text of several problems, one a line.
func Summary(problems []Problem) string {
	if len(problems) == 1 {
		return problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d problems", len(problems))
	for _, p := range problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}
