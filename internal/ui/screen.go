package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The escape sequences of the live display; no others move the cursor.
const (
	beginSync  = "\x1b[?2026h" // a terminal that knows it shows the frame at once
	endSync    = "\x1b[?2026l"
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseRight = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// screen knows the lines that are on the terminal. The cursor is at the start of the line
// below them. screen only makes bytes; it does not write them.
type screen struct {
	lines  []string
	width  int
	hidden bool
}

// frame returns the bytes that replace the lines on the terminal by lines, none wider
// than width, with above printed permanently before them. It returns nil if nothing
// changed.
func (s *screen) frame(above, lines []string, width int) []byte {
	resized := s.width != 0 && s.width != width
	if len(above) == 0 && !resized && slices.Equal(lines, s.lines) {
		return nil
	}
	var b strings.Builder
	b.WriteString(beginSync)
	if !s.hidden {
		b.WriteString(hideCursor)
		s.hidden = true
	}
	if resized {
		s.forget(&b, width)
	}
	s.width = width
	from := 0
	if len(above) > 0 {
		s.up(&b, len(s.lines))
		for _, text := range above {
			for _, line := range strings.Split(ansi.Wrap(text, max(1, width-1), ""), "\n") {
				b.WriteString(line + eraseRight + "\r\n")
			}
		}
		s.lines = nil
	} else {
		for from < len(lines) && from < len(s.lines) && lines[from] == s.lines[from] {
			from++
		}
		s.up(&b, len(s.lines)-from)
	}
	for i := from; i < len(lines); i++ {
		if i >= len(s.lines) || lines[i] != s.lines[i] {
			b.WriteString(lines[i] + eraseRight)
		}
		b.WriteString("\r\n")
	}
	if len(above) > 0 || len(lines) < len(s.lines) {
		b.WriteString(eraseBelow)
	}
	s.lines = slices.Clone(lines)
	b.WriteString(endSync)
	return []byte(b.String())
}

// forget erases the lines on the terminal after the window's width has changed. A
// terminal that becomes narrower breaks long lines into more rows, and the cursor moves
// with them.
func (s *screen) forget(b *strings.Builder, width int) {
	rows := 0
	for _, line := range s.lines {
		rows += max(1, (ansi.StringWidth(line)+width-1)/width)
	}
	s.up(b, rows)
	b.WriteString(eraseBelow)
	s.lines = nil
}

func (s *screen) up(b *strings.Builder, n int) {
	b.WriteByte('\r')
	if n > 0 {
		fmt.Fprintf(b, "\x1b[%dA", n)
	}
}

// end shows the cursor again.
func (s *screen) end() []byte {
	if !s.hidden {
		return nil
	}
	s.hidden = false
	return []byte(showCursor)
}
