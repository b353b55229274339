package discover

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// The keys of a file that is one value: of a single line, or of several.
const (
	KeyPassword = lxc.PasswordKey
	KeyContent  = lxc.ContentKey
)

// Limits of a file that is read as assignments; one that has more is one value.
const (
	maxKeys      = 500
	maxKeyLength = 128 // bytes
)

// ReadCredential reads the text of one credentials file: key → value. Where every
// line but comments and blanks is an assignment that dash and bash read alike, each
// is a pair: KEY=VALUE or export KEY=VALUE, quoted or not, a comment behind it or
// not; of a key that comes twice the last counts, as in a shell.
//
// Everything else is one value, byte for byte, under KeyPassword (a single line, its
// line end included) or KeyContent: a URL, a PEM key, JSON, base64 whose padding
// looks like an assignment, what needs expansion, what is not text. Nothing inside
// such a value is ever a name. A file of nothing but white space holds nothing: nil.
func ReadCredential(body []byte) map[string]string {
	text := string(body)
	if strings.Trim(text, " \t\r\n") == "" {
		return nil
	}
	if pairs, ok := assignments(text); ok {
		return pairs
	}
	if strings.Contains(strings.TrimSuffix(text, "\n"), "\n") {
		return map[string]string{KeyContent: text}
	}
	return map[string]string{KeyPassword: text}
}

// assignments reads text as a shell would, and reports false as soon as something
// is no plain assignment, or is one that not every shell reads alike.
func assignments(text string) (map[string]string, bool) {
	if strings.Contains(text, "\x00") {
		return nil, false
	}
	s := shellText{text: text}
	pairs, empty := map[string]string{}, 0
	for {
		s.blanks()
		switch s.peek() {
		case 0:
			// A file of empty values is likelier the padding of base64.
			return pairs, empty < len(pairs)
		case '\n':
			s.at++
			continue
		case '#':
			s.comment()
			continue
		}
		export := s.export()
		key := s.name()
		if key == "" || len(key) > maxKeyLength || len(pairs) >= maxKeys {
			return nil, false
		}
		if s.peek() == '=' {
			s.at++
			from := s.at
			value, ok := s.word(export)
			written := text[from:s.at]
			// One = alone, or several, is the padding of base64.
			if !ok || written != "" && strings.Trim(written, "=") == "" {
				return nil, false
			}
			if _, again := pairs[key]; written == "" && !again {
				empty++
			}
			pairs[key] = value
		} else if !export {
			return nil, false
		}
		if !s.lineEnd() {
			return nil, false
		}
	}
}

// shellText is a shell's text and how far it has been read.
type shellText struct {
	text string
	at   int
}

// peek is the next byte, 0 at the end.
func (s *shellText) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *shellText) blanks() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.at++
	}
}

func (s *shellText) comment() {
	for s.peek() != '\n' && s.peek() != 0 {
		s.at++
	}
}

// export passes over the word export and what parts it from a name.
func (s *shellText) export() bool {
	rest, ok := strings.CutPrefix(s.text[s.at:], "export")
	if !ok || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return false
	}
	s.at += len("export")
	s.blanks()
	return true
}

// name reads a name that a shell can assign to; "" where there is none.
func (s *shellText) name() string {
	from := s.at
	for c := s.peek(); c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || s.at > from && c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.text[from:s.at]
}

// lineEnd passes over blanks and a comment, and reports whether the line ends there.
func (s *shellText) lineEnd() bool {
	before := s.at
	s.blanks()
	if s.peek() == '#' && s.at > before {
		s.comment()
	}
	return s.peek() == '\n' || s.peek() == 0
}

// word reads a value up to a blank or the line's end. As an argument of export it
// may hold nothing that an older shell expands there.
func (s *shellText) word(export bool) (string, bool) {
	var value strings.Builder
	for {
		var ok bool
		switch s.peek() {
		case 0, '\n', ' ', '\t':
			return value.String(), true
		case '\'':
			ok = s.singleQuoted(&value)
		case '"':
			ok = s.doubleQuoted(&value)
		case '\\':
			// 'it'\''s' and no other: people write a\b for what a shell reads as ab.
			if ok = strings.HasPrefix(s.text[s.at:], `\'`); ok {
				value.WriteByte('\'')
				s.at += 2
			}
		default:
			ok = s.bare(&value, export)
		}
		if !ok {
			return "", false
		}
	}
}

func (s *shellText) singleQuoted(value *strings.Builder) bool {
	inside, _, ok := strings.Cut(s.text[s.at+1:], "'")
	if ok {
		value.WriteString(inside)
		s.at += len(inside) + 2
	}
	return ok
}

// doubleQuoted takes the four escapes that need no expansion; any other backslash
// means one thing to a shell and another to most people.
func (s *shellText) doubleQuoted(value *strings.Builder) bool {
	for s.at++; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		switch c {
		case '"':
			s.at++
			return true
		case '$', '`':
			return false
		case '\\':
			s.at++
			if c = s.peek(); c == 0 || strings.IndexByte("\"\\$`", c) < 0 {
				return false
			}
		}
		value.WriteByte(c)
	}
	return false
}

// bare takes one character outside of quotes that means itself.
func (s *shellText) bare(value *strings.Builder, export bool) bool {
	r, size := utf8.DecodeRuneInString(s.text[s.at:])
	switch {
	case r == utf8.RuneError, r < utf8.RuneSelf && !unicode.IsPrint(r), r >= utf8.RuneSelf && !unicode.IsGraphic(r), unicode.IsSpace(r):
		return false
	case strings.ContainsRune("$`;&|<>()", r):
		return false
	case export && strings.ContainsRune("*?[{~", r):
		return false
	case r == '~' && strings.IndexByte("=:'\"", s.text[s.at-1]) >= 0: // a home folder
		return false
	}
	value.WriteString(s.text[s.at : s.at+size])
	s.at += size
	return true
}
