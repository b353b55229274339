package kernel

import (
	"strings"

	"mvdan.cc/sh/v3/expand"
)

// separators are the characters of IFS.
type separators struct{ blank, other string }

func separatorsOf(env expand.Environ) separators {
	ifs := " \t\n"
	if v := env.Get("IFS"); v.IsSet() {
		ifs = v.String()
	}
	var s separators
	for _, r := range ifs {
		if strings.ContainsRune(" \t\n", r) {
			s.blank += string(r)
		} else {
			s.other += string(r)
		}
	}
	return s
}

// lineRune is one character of a line for the builtin read.
type lineRune struct {
	r      rune
	quoted bool // after a backslash: it separates nothing
}

func (c lineRune) in(set string) bool { return !c.quoted && strings.ContainsRune(set, c.r) }

// lineRunes removes the backslashes from a line that was read without -r.
func lineRunes(line string, raw bool) []lineRune {
	var out []lineRune
	quoted := false
	for _, r := range line {
		if r == '\\' && !raw && !quoted {
			quoted = true
			continue
		}
		out = append(out, lineRune{r, quoted})
		quoted = false
	}
	return out
}

func textOf(runes []lineRune) string {
	var b strings.Builder
	for _, c := range runes {
		b.WriteRune(c.r)
	}
	return b.String()
}

// fields splits a line as read does, into n fields (-1: any number); the last takes the
// rest. Each IFS character that is not a blank ends a field, even an empty one. The
// library joins such fields.
func (s separators) fields(line []lineRune, n int) []string {
	line = s.trimLeft(line)
	var out []string
	for len(line) > 0 {
		field, rest := s.cut(line)
		if n > 0 && len(out) == n-1 && len(rest) > 0 {
			for len(line) > 0 && line[len(line)-1].in(s.blank) {
				line = line[:len(line)-1]
			}
			field, rest = line, nil
		}
		out = append(out, textOf(field))
		line = rest
	}
	return out
}

// cut returns the first field, and the rest after its separator.
func (s separators) cut(line []lineRune) (field, rest []lineRune) {
	end := 0
	for end < len(line) && !line[end].in(s.blank) && !line[end].in(s.other) {
		end++
	}
	rest = s.trimLeft(line[end:])
	if len(rest) > 0 && rest[0].in(s.other) {
		rest = s.trimLeft(rest[1:])
	}
	return line[:end], rest
}

func (s separators) trimLeft(line []lineRune) []lineRune {
	for len(line) > 0 && line[0].in(s.blank) {
		line = line[1:]
	}
	return line
}
