package ui

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Mark is what stands before a check.
type Mark int

// The marks of a check that was passed, passed with a warning, failed, or not made.
const (
	MarkGood Mark = iota
	MarkCaution
	MarkBad
	MarkNone
)

var marks = [...]struct {
	sign  string
	shade Shade
}{{"✓", Good}, {"!", Caution}, {"✗", Bad}, {"-", Dim}}

// checkTitle is the width of the titles' column.
const checkTitle = 24

// WriteCheck writes one check to a terminal: a mark, a title, what was found, and below it
// the command that mends it, on a line of its own so that it can be copied.
// where says on which machine it runs, "" for this one.
func WriteCheck(s *Streams, m Mark, title, detail, where, fix string) error {
	st := newStyles(s.OutColor)
	width, _ := s.size()
	_, err := io.WriteString(s.Out, checkLines(st, width, m, title, detail, where, fix))
	return err
}

func checkLines(st styles, width int, m Mark, title, detail, where, fix string) string {
	title, detail, fix = oneLine(title), oneLine(detail), oneLine(fix)
	var b strings.Builder
	b.WriteString(st.shade(marks[m].shade, marks[m].sign) + " " + title)
	indent := 2 + checkTitle + gap
	if detail != "" {
		if wide := ansi.StringWidth(title); wide <= checkTitle {
			b.WriteString(strings.Repeat(" ", checkTitle+gap-wide))
		} else {
			b.WriteString("\n" + strings.Repeat(" ", indent))
		}
		room := max(width-indent, 20)
		shade := Plain
		if m == MarkNone {
			shade = Dim
		}
		for i, line := range strings.Split(ansi.Wrap(detail, room, ""), "\n") {
			if i > 0 {
				b.WriteString("\n" + strings.Repeat(" ", indent))
			}
			b.WriteString(st.shade(shade, line))
		}
	}
	b.WriteByte('\n')
	if fix != "" { // never wrapped: a line break in a command cannot be pasted
		arrow := "→ "
		if where != "" {
			arrow += where + ": "
		}
		b.WriteString("  " + st.dim.Render(arrow) + st.bold.Render(fix) + "\n")
	}
	return b.String()
}
