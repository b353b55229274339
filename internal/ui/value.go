package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// ValueCells are the last cells of a row that a program reads. A value of one line is
// written unchanged; the end of the row replaces its line end. A value that does not fit
// in a row is escaped so that `printf %b` reads it, and a second cell has "escaped" and
// the reason.
func ValueCells(value string) []string {
	line := strings.TrimSuffix(value, "\n")
	if utf8.ValidString(line) && !strings.ContainsAny(line, "\t\n\r\x00") {
		return []string{line}
	}
	var b strings.Builder
	for rest := value; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\0%03o`, rest[0])
		default:
			b.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return []string{b.String(), "escaped, " + ValueSize(value)}
}

// ValueSize describes the length of a value of several lines.
func ValueSize(value string) string {
	switch lines := strings.Count(strings.TrimSuffix(value, "\n"), "\n") + 1; {
	case !utf8.ValidString(value) || strings.Contains(value, "\x00"):
		return fmt.Sprintf("%d bytes that are no text", len(value))
	case lines > 1:
		return fmt.Sprintf("%d lines", lines)
	}
	return "1 line"
}

// Shown reports whether a screen shows a value, of one line or several, exactly.
func Shown(value string) bool {
	for line := range strings.SplitSeq(strings.TrimSuffix(value, "\n"), "\n") {
		if strings.Contains(line, "\t") || strings.HasSuffix(line, "\r") || Clean(line) != line {
			return false
		}
	}
	return true
}

// WriteValue writes a value to stdout: exactly its bytes to a program, and its lines made
// safe to a terminal.
func WriteValue(s *Streams, value string) error {
	if s.OutTTY {
		lines := strings.Split(strings.TrimSuffix(value, "\n"), "\n")
		for i := range lines {
			lines[i] = Clean(lines[i]) + "\n"
		}
		value = strings.Join(lines, "")
	}
	_, err := io.WriteString(s.Out, value)
	return err
}
