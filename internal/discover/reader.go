package discover

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// The keys for a file whose whole text is one value: a single line, or several lines.
const (
	KeyPassword = lxc.PasswordKey
	KeyContent  = lxc.ContentKey
)

// Limits for a file that is read as assignments. If a file exceeds one, its whole text
// becomes one value.
const (
	maxKeys      = 500
	maxKeyLength = 128 // bytes
)

// ReadCredential reads the text of one credentials file: key → value. If every line
// except comments and blank lines is an assignment that dash and bash read alike, each
// becomes a pair. An assignment is KEY=VALUE or export KEY=VALUE, quoted or not, with or
// without a comment after it. If a key occurs twice, the last one counts, as in a shell.
//
// Any other file becomes one value, byte for byte, under KeyPassword (a single line with
// its line end) or KeyContent: a URL, a PEM key, JSON, base64 whose padding looks like an
// assignment, text that a shell would expand, binary data. Nothing inside such a value
// becomes a name. A file of only white space holds nothing: nil.
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

// assignments reads text as a shell would. It reports false as soon as a line is not a
// plain assignment, or not every shell reads it alike.
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
			// If all values are empty, the text is more likely base64 with its padding.
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
			// A value of only = signs is the padding of base64.
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

// escaped are the characters that bash's printf %q puts a backslash before.
const escaped = " \t'\"\\$`|&;()<>!{}[]*?^,~#="

// shellText is a shell's text and the position up to which it was read.
type shellText struct {
	text string
	at   int
}

// peek returns the next byte, 0 at the end.
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

// export skips the word export and the blanks between it and a name.
func (s *shellText) export() bool {
	rest, ok := strings.CutPrefix(s.text[s.at:], "export")
	if !ok || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return false
	}
	s.at += len("export")
	s.blanks()
	return true
}

// name reads a name that a shell can assign to; "" if there is none.
func (s *shellText) name() string {
	from := s.at
	for c := s.peek(); c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || s.at > from && c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.text[from:s.at]
}

// lineEnd skips blanks and a comment, and reports whether the line ends there.
func (s *shellText) lineEnd() bool {
	before := s.at
	s.blanks()
	if s.peek() == '#' && s.at > before {
		s.comment()
	}
	return s.peek() == '\n' || s.peek() == 0
}

// word reads a value up to a blank or the end of the line. As an argument of export, it
// must not contain anything that an older shell expands there.
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
			// The form 'it'\''s', and what bash's printf %q writes. Any other backslash is
			// ambiguous: people write a\b, and a shell reads it as ab.
			if ok = s.at+1 < len(s.text) && strings.IndexByte(escaped, s.text[s.at+1]) >= 0; ok {
				value.WriteByte(s.text[s.at+1])
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

// doubleQuoted accepts the four escapes that need no expansion. Any other backslash means
// one thing to a shell and another to most people.
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

// bare reads one character outside of quotes that has no special meaning.
func (s *shellText) bare(value *strings.Builder, export bool) bool {
	r, size := utf8.DecodeRuneInString(s.text[s.at:])
	switch {
	case r == utf8.RuneError, r < utf8.RuneSelf && !unicode.IsPrint(r), r >= utf8.RuneSelf && !unicode.IsGraphic(r), unicode.IsSpace(r):
		return false
	case strings.ContainsRune("$`;&|<>()", r):
		return false
	case export && strings.ContainsRune("*?[{~", r):
		return false
	case r == '~' && strings.IndexByte("=:'\"", s.text[s.at-1]) >= 0: // ~ would become a home folder
		return false
	}
	value.WriteString(s.text[s.at : s.at+size])
	s.at += size
	return true
}
