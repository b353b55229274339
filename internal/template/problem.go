package template

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// Problem is one fault of a template. Line and Col start at 1; 0 is unknown.
type Problem struct {
	File       string `json:"file,omitempty"` // below the folder as the user named it, otherwise relative to the folder
	Line       int    `json:"line,omitempty"`
	Col        int    `json:"col,omitempty"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
	Doubt      bool   `json:"-"` // create continues with it, but the guest will most likely fail

	placed bool // File is complete: it is of the template's parent
}

// below puts the folder before the files of problems, so that these paths can be opened.
func below(dir string, problems []Problem) {
	for i, p := range problems {
		if !p.placed {
			problems[i].File = filepath.Join(dir, p.File)
		}
	}
}

// Where is file:line:col, as far as it is known.
func (p Problem) Where() string {
	switch {
	case p.File == "" || p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

func (p Problem) String() string {
	s := p.Message
	if w := p.Where(); w != "" {
		s = w + ": " + s
	}
	if p.Suggestion != "" {
		s += " (" + p.Suggestion + ")"
	}
	return s
}

// Error is a template that cannot be used, with all its problems.
type Error struct {
	Template string // its name or path
	Problems []Problem

	unread   bool // the folder itself cannot be read
	warnings []Problem
	review   func() []Problem
}

// Review returns the warnings, and what a review finds in the part of the template that could
// be read; see Template.Review.
func (e *Error) Review() []Problem {
	if e.review == nil {
		return nil
	}
	return append(slices.Clone(e.warnings), e.review()...)
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cannot use template %s: ", e.Template)
	if len(e.Problems) == 1 {
		b.WriteString(e.Problems[0].String())
		return b.String()
	}
	fmt.Fprintf(&b, "%d problems", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// ExitStatus is that of a template that is wrong.
func (e *Error) ExitStatus() int { return exit.Usage }

// NextSteps is empty: the next step is a command.
func (e *Error) NextSteps() []string { return nil }

// Commands shows every problem. Of a folder that cannot be read there is no more to show.
func (e *Error) Commands(command func(words ...string) string) []string {
	if e.unread {
		return nil
	}
	return []string{command("template", "validate", e.Template)}
}

// VariableError is a set of values that a template cannot take.
type VariableError struct {
	Template string
	Problems []Problem // without places, because the values came from outside
}

func (e *VariableError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return fmt.Sprintf("cannot fill in the variables of template %s: %s", e.Template, strings.Join(texts, "; "))
}

// ExitStatus is that of a command line that is wrong.
func (e *VariableError) ExitStatus() int { return exit.Usage }

// NextSteps is empty: the next step is a command.
func (e *VariableError) NextSteps() []string { return nil }

// Commands shows what the variables may be.
func (e *VariableError) Commands(command func(words ...string) string) []string {
	return []string{command("template", "show", e.Template)}
}

// NotFoundError is the error for a template that no source has.
type NotFoundError struct {
	Ref     string
	Nearest string   // "" if no name is similar
	Names   []string // all possible names
	Reason  string   // for a path: the reason
}

func (e *NotFoundError) Error() string {
	s := fmt.Sprintf("cannot find template %q", e.Ref)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Nearest != "" {
		s += fmt.Sprintf(", did you mean %q?", e.Nearest)
	}
	return s
}

// ExitStatus is that of a command line that is wrong.
func (e *NotFoundError) ExitStatus() int { return exit.Usage }

// NextSteps is empty: the next step is a command.
func (e *NotFoundError) NextSteps() []string { return nil }

// Commands lists the names that exist.
func (e *NotFoundError) Commands(command func(words ...string) string) []string {
	return []string{command("template", "list")}
}
