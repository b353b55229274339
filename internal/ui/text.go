package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Clean makes a name or a message from outside safe for one line of a screen. Nothing in
// it can move the cursor, hide text or imitate other text: Clean removes colours, turns a
// tab into spaces, and every other control, escape or invisible character into a middle
// dot. The content of an escape sequence (a title, a link's address) stays readable,
// because a message may have our own words after it.
func Clean(text string) string { return clean(strings.TrimRight(text, "\r\n"), false) }

// CleanOutput is Clean for a line that a program printed, without words of ours. It
// removes whole escape sequences with their content, and keeps only the last state of a
// progress bar (text between carriage returns).
func CleanOutput(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	return clean(line, true)
}

func clean(text string, output bool) string {
	if isPlain(text) {
		return text
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	var b strings.Builder
	column, before := 0, rune(0)
	for len(text) > 0 {
		if n := sequence(text, output); n > 0 {
			text = text[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if r == '\t' {
			n := 8 - column%8
			b.WriteString(strings.Repeat(" ", n))
			column, before = column+n, ' '
			continue
		}
		if unicode.IsControl(r) || invisible(r) && !joins(before, r, text) {
			r = '·'
		}
		b.WriteRune(r)
		column, before = column+1, r
	}
	return b.String()
}

// sequence is the length of the complete escape sequence at the start of text. It is 0 if
// there is none or its end is missing; then its bytes are shown. Unless text is output,
// only colours and cursor movements count, which contain no text.
func sequence(text string, output bool) int {
	if len(text) < 2 || text[0] != 0x1b {
		return 0
	}
	switch c := text[1]; {
	case c == '[':
		return control(text, output)
	case !output:
		return 0
	case strings.IndexByte("]PX^_", c) >= 0:
		return str(text)
	}
	i := 1
	for i < len(text) && text[i] >= 0x20 && text[i] <= 0x2f {
		i++
	}
	if i < len(text) && text[i] >= 0x30 && text[i] <= 0x7e {
		return i + 1
	}
	return 0
}

// control measures a CSI sequence: parameters, intermediates and a final byte.
func control(text string, intermediates bool) int {
	i := 2
	for i < len(text) && text[i] >= 0x30 && text[i] <= 0x3f {
		i++
	}
	for intermediates && i < len(text) && text[i] >= 0x20 && text[i] <= 0x2f {
		i++
	}
	if i < len(text) && text[i] >= 0x40 && text[i] <= 0x7e {
		return i + 1
	}
	return 0
}

// str measures a control string (OSC, DCS, SOS, PM, APC) up to BEL or ST. Another ESC
// ends it.
func str(text string) int {
	for i := 2; i < len(text); i++ {
		switch {
		case text[i] == '\a':
			return i + 1
		case text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\':
			return i + 2
		case text[i] == 0x1b:
			return 0
		}
	}
	return 0
}

// invisible reports whether a character has no width or changes the direction of the text
// after it: bidi controls, zero-width spaces, tags, fillers. Two names that differ only
// in these look the same.
func invisible(r rune) bool {
	if r < 0x80 {
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// Invisible characters that real text needs: joiners between the letters of some scripts
// and the parts of an emoji, and the emoji form of a symbol.
const (
	nonJoiner = '\u200c'
	joiner    = '\u200d'
	emojiLook = '\ufe0f'
)

func joins(before, r rune, after string) bool {
	switch r {
	case emojiLook:
		return unicode.Is(unicode.So, before)
	case joiner, nonJoiner:
		next, _ := utf8.DecodeRuneInString(after)
		return (before == emojiLook || joinable(before)) && joinable(next)
	}
	return false
}

func joinable(r rune) bool {
	return r >= 0x80 && r != utf8.RuneError && !invisible(r) && unicode.In(r, unicode.L, unicode.M, unicode.So, unicode.Sk)
}

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

// cut shortens text, which may have our own colours, to width columns.
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
