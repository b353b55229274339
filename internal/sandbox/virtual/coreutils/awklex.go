package coreutils

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// awkTok is a token: its text and its kind.
type awkTok struct {
	kind byte // 'n' number, 's' string, 'w' name, 'k' keyword, 'f' function, 'o' operator, '\n' newline, 0 end
	text string
	glue bool // a ( follows a name at once
}

var (
	awkKeywords  = strings.Fields("BEGIN END if else while for do in print printf next exit break continue delete")
	awkFunctions = strings.Fields("length substr index split sub gsub match sprintf tolower toupper int fflush")
	awkRefused   = strings.Fields("function func return getline nextfile system close rand srand sqrt exp log sin cos atan2 " +
		"systime strftime mktime gensub asort asorti strtonum ARGV ARGC CONVFMT OFMT IGNORECASE RT FPAT FIELDWIDTHS PROCINFO")
	awkOperators = []string{"**=", "||", "&&", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", ">>", "**",
		"{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~", "$", "="}
)

// awkLexer reads tokens; whether a slash divides or begins an expression only
// the parser knows, which then asks for regex.
type awkLexer struct {
	s   string
	at  int
	tok awkTok
	err error
}

func (l *awkLexer) refuse(what string) {
	if l.err == nil {
		l.err = fmt.Errorf("sandbox: %s"+kernel.NotHere, what)
	}
	l.tok, l.at = awkTok{}, len(l.s)
}

func (l *awkLexer) bad() {
	if l.err == nil {
		near := l.tok.text
		if l.tok.kind == 0 {
			near = "end of program"
		}
		l.err = fmt.Errorf("line %d: syntax error at or near %s", strings.Count(l.s[:min(l.at, len(l.s))], "\n")+1, near)
	}
	l.tok, l.at = awkTok{}, len(l.s)
}

func (l *awkLexer) blank() {
	for l.at < len(l.s) {
		switch c := l.s[l.at]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case strings.HasPrefix(l.s[l.at:], "\\\n"):
			l.at += 2
		case c == '#':
			for l.at < len(l.s) && l.s[l.at] != '\n' {
				l.at++
			}
		default:
			return
		}
	}
}

func (l *awkLexer) next() {
	l.blank()
	rest := l.s[l.at:]
	if rest == "" {
		l.tok = awkTok{}
		return
	}
	c := rest[0]
	switch {
	case c == '\n':
		l.take('\n', 1)
	case c >= '0' && c <= '9' || c == '.':
		n := len(leadFloat().FindString(rest))
		if n == 0 {
			l.tok.text = rest[:1]
			l.bad()
			return
		}
		l.take('n', n)
	case c == '"':
		if end := l.until('"'); end > 0 {
			l.take('s', end)
			l.tok.text = awkEscapes(l.tok.text[1 : end-1])
		}
	case awkName(rest[:1]):
		n := 1
		for n < len(rest) && awkName(rest[:n+1]) {
			n++
		}
		l.word(n)
	default:
		for _, op := range awkOperators {
			if strings.HasPrefix(rest, op) {
				l.take('o', len(op))
				return
			}
		}
		l.tok.text = rest[:1]
		l.bad()
	}
}

func (l *awkLexer) word(n int) {
	l.take('w', n)
	l.tok.glue = l.at < len(l.s) && l.s[l.at] == '('
	switch {
	case slices.Contains(awkRefused, l.tok.text):
		l.refuse(l.tok.text)
	case slices.Contains(awkKeywords, l.tok.text):
		l.tok.kind = 'k'
	case slices.Contains(awkFunctions, l.tok.text):
		l.tok.kind = 'f'
	}
}

func (l *awkLexer) take(kind byte, n int) {
	l.tok = awkTok{kind: kind, text: l.s[l.at : l.at+n]}
	l.at += n
}

// until is the length of a constant up to its end, backslashes heeded.
func (l *awkLexer) until(end byte) int {
	for i := l.at + 1; i < len(l.s) && l.s[i] != '\n'; i++ {
		switch l.s[i] {
		case '\\':
			i++
		case end:
			return i + 1 - l.at
		}
	}
	l.tok.text = l.s[l.at:min(l.at+10, len(l.s))]
	l.bad()
	return 0
}

// regex reads an expression whose first slash is the present token.
func (l *awkLexer) regex() string {
	l.at-- // back on the slash
	if l.tok.text == "/=" {
		l.at--
	}
	n := l.until('/')
	if n == 0 {
		return ""
	}
	s := l.s[l.at+1 : l.at+n-1]
	l.at += n
	l.next()
	return strings.ReplaceAll(s, `\/`, "/")
}

func awkName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}
