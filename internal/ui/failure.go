package ui

import (
	"io"
	"strings"
)

// tailLines is how many of the last lines of a failed program are shown.
const tailLines = 10

// Failure is an error as the user sees it.
type Failure struct {
	Message string   // "cannot …", lower case, without a full stop
	Tail    []string // the last lines of the failed program
	Hints   []string // each has the next command
}

// WriteFailure writes the failure block to stderr.
func WriteFailure(s *Streams, f Failure) error {
	st := newStyles(s.ErrColor)
	width := 0
	if s.ErrTTY {
		width, _ = s.size()
	}
	var b strings.Builder
	b.WriteString(st.bad.Render("infrahaus:") + " " + safeLines(f.Message) + "\n")
	tail := f.Tail
	if len(tail) > tailLines {
		tail = tail[len(tail)-tailLines:]
	}
	for _, line := range tail {
		line = "  | " + CleanOutput(line)
		if width > 0 {
			line = cut(line, width)
		}
		b.WriteString(st.dim.Render(line) + "\n")
	}
	for _, h := range f.Hints {
		b.WriteString(st.accent.Render("hint:") + " " + oneLine(h) + "\n")
	}
	_, err := io.WriteString(s.Err, b.String())
	return err
}

// WriteWarning writes one warning outside of a run to stderr. hint may be "".
func WriteWarning(s *Streams, message, hint string) error {
	st := newStyles(s.ErrColor)
	text := st.warn.Render("warning:") + " " + safeLines(message) + "\n"
	if hint != "" {
		text += st.accent.Render("hint:") + " " + oneLine(hint) + "\n"
	}
	_, err := io.WriteString(s.Err, text)
	return err
}

// WriteLines writes lines to stderr, each made safe.
func WriteLines(s *Streams, lines ...string) error {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(oneLine(line) + "\n")
	}
	_, err := io.WriteString(s.Err, b.String())
	return err
}

// safeLines keeps the line breaks of a message and makes each line safe.
func safeLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n  ")
}
