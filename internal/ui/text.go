package ui

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// Clean makes text from outside safe for a screen, on one line: escape sequences
// are taken out, a tab becomes spaces, of a progress bar (text between carriage
// returns) the last state stays, and every other control or invisible
// direction-changing character becomes a middle dot.
func Clean(text string) string {
	text = strings.TrimRight(text, "\r\n")
	if isPlain(text) {
		return text
	}
	text = ansi.Strip(strings.ToValidUTF8(text, "\uFFFD"))
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	var b strings.Builder
	column := 0
	for _, r := range text {
		switch {
		case r == '\t':
			n := 8 - column%8
			b.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			r = '·'
		}
		b.WriteRune(r)
		column++
	}
	return b.String()
}

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

// cut shortens text that may hold our own colours to width columns.
func cut(text string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(text, width, "…")
}

// pad fills text with spaces up to width columns.
func pad(text string, width int) string {
	if n := width - ansi.StringWidth(text); n > 0 {
		return text + strings.Repeat(" ", n)
	}
	return text
}

func padLeft(text string, width int) string {
	if n := width - ansi.StringWidth(text); n > 0 {
		return strings.Repeat(" ", n) + text
	}
	return text
}
