package coreutils

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

type sedParser struct {
	s        string
	i        int
	ext      bool
	quiet    bool // the script begins with #n
	err      error
	lastExpr string
}

func (sp *sedParser) fail(format string, a ...any) {
	if sp.err == nil {
		sp.err = fmt.Errorf(format, a...)
	}
}

func (sp *sedParser) space(more string) {
	for sp.i < len(sp.s) && strings.IndexByte(" \t"+more, sp.s[sp.i]) >= 0 {
		sp.i++
	}
}

func (sp *sedParser) commands(inBlock bool) []*sedCmd {
	var out []*sedCmd
	for sp.err == nil {
		sp.space("\n;")
		if sp.i >= len(sp.s) {
			if inBlock {
				sp.fail("unmatched `{'")
			}
			return out
		}
		if sp.s[sp.i] == '}' {
			sp.i++
			if !inBlock {
				sp.fail("unexpected `}'")
			}
			return out
		}
		if sp.s[sp.i] == '#' {
			if sp.i == 0 && (sp.s == "#n" || strings.HasPrefix(sp.s, "#n\n")) {
				sp.quiet = true
			}
			for sp.i < len(sp.s) && sp.s[sp.i] != '\n' {
				sp.i++
			}
			continue
		}
		if c := sp.command(); c != nil {
			out = append(out, c)
		}
	}
	return out
}

func (sp *sedParser) addr() *sedAddr {
	if sp.i >= len(sp.s) {
		return nil
	}
	switch c := sp.s[sp.i]; {
	case c == '~' || strings.HasPrefix(strings.TrimLeft(sp.s[sp.i:], "0123456789"), "~"):
		sp.fail("sandbox: an address with ~" + kernel.NotHere)
	case c == '$':
		sp.i++
		return &sedAddr{last: true}
	case c == '+':
		sp.i++
		return &sedAddr{plus: sp.number()}
	case c >= '0' && c <= '9':
		n := sp.number()
		if n == 0 {
			n = -1
		}
		return &sedAddr{line: n}
	case c == '/' || c == '\\' && sp.i+1 < len(sp.s):
		if c == '\\' {
			sp.i++
		}
		d := sp.s[sp.i]
		sp.i++
		src := sp.pattern(d)
		flags := ""
		if sp.i < len(sp.s) && sp.s[sp.i] == 'I' {
			sp.i++
			flags = "(?i)"
		}
		return &sedAddr{re: sp.compile(src, flags)}
	}
	return nil
}

func (sp *sedParser) number() int {
	j := sp.i
	for sp.i < len(sp.s) && sp.s[sp.i] >= '0' && sp.s[sp.i] <= '9' {
		sp.i++
	}
	n, _ := strconv.Atoi(sp.s[j:sp.i])
	return n
}

func (sp *sedParser) compile(src, flags string) *regexp.Regexp {
	if src == "" {
		src = sp.lastExpr
	}
	sp.lastExpr = src
	re, err := compilePOSIX(flags, src, sp.ext)
	if err != nil {
		sp.fail("%w", err)
		return regexp.MustCompile("^$")
	}
	return re
}

// pattern reads a regular expression to the delimiter d; within brackets d is an ordinary
// character.
func (sp *sedParser) pattern(d byte) string {
	begin := sp.i
	for k := sp.i; k < len(sp.s) && sp.s[k] != d && sp.s[k] != '\n'; k++ {
		if sp.s[k] == '\\' {
			k++
			continue
		}
		if sp.s[k] != '[' {
			continue
		}
		_, n, err := breSet(sp.s[k:])
		if err != nil {
			break
		}
		if at := strings.IndexByte(sp.s[k:k+n], d); at >= 0 { // hide it from until
			set := strings.ReplaceAll(sp.s[k:k+n], string(d), "\x00")
			sp.s = sp.s[:k] + set + sp.s[k+n:]
		}
		k += n - 1
	}
	text := strings.ReplaceAll(sp.until(d), "\x00", string(d))
	sp.s = sp.s[:begin] + strings.ReplaceAll(sp.s[begin:], "\x00", string(d))
	return text
}

// until reads to the delimiter.
func (sp *sedParser) until(d byte) string {
	var b strings.Builder
	for sp.i < len(sp.s) {
		c := sp.s[sp.i]
		switch {
		case c == '\\' && sp.i+1 < len(sp.s):
			if sp.s[sp.i+1] == d {
				b.WriteByte(d)
			} else {
				b.WriteString(sp.s[sp.i : sp.i+2])
			}
			sp.i += 2
			continue
		case c == d:
			sp.i++
			return b.String()
		}
		b.WriteByte(c)
		sp.i++
	}
	sp.fail("unterminated command")
	return ""
}

func (sp *sedParser) command() *sedCmd {
	c := &sedCmd{a: sp.addr()}
	sp.space("")
	if c.a != nil && sp.i < len(sp.s) && sp.s[sp.i] == ',' {
		sp.i++
		sp.space("")
		if c.b = sp.addr(); c.b == nil {
			sp.fail("unexpected `,'")
		}
	}
	sp.space("")
	for sp.i < len(sp.s) && sp.s[sp.i] == '!' {
		c.not = true
		sp.i++
		sp.space("")
	}
	if sp.i >= len(sp.s) {
		sp.fail("missing command")
		return nil
	}
	c.op = sp.s[sp.i]
	sp.i++
	switch c.op {
	case '{':
		c.block = sp.commands(true)
	case 's':
		sp.subst(c)
	case 'y':
		d := sp.s[sp.i]
		sp.i++
		c.from, c.to = strings.ReplaceAll(sp.until(d), `\n`, "\n"), strings.ReplaceAll(sp.until(d), `\n`, "\n")
		if c.from, c.to = strings.ReplaceAll(c.from, `\\`, `\`), strings.ReplaceAll(c.to, `\\`, `\`); utf8.RuneCountInString(c.from) != utf8.RuneCountInString(c.to) {
			sp.fail("strings for `y' command are different lengths")
		}
	case 'a', 'i', 'c':
		c.text = sp.text()
	case 'd', 'D', 'p', 'P', 'n', 'N', 'q', 'Q', 'g', 'G', 'h', 'H', 'x', '=':
		if c.op == 'q' || c.op == 'Q' {
			sp.space("")
			c.nth = sp.number()
		}
	case ':', 'b', 't', 'T', 'r', 'w':
		sp.space("")
		j := sp.i
		for sp.i < len(sp.s) && sp.s[sp.i] != '\n' && (sp.s[sp.i] != ';' && sp.s[sp.i] != '}' || c.op == 'r' || c.op == 'w') {
			sp.i++
		}
		c.label = strings.TrimSpace(sp.s[j:sp.i])
		if c.op == 'r' || c.op == 'w' {
			sp.fail("sandbox: the command `%c'"+kernel.NotHere, c.op)
		}
	case 'e', 'F', 'l', 'R', 'v', 'W', 'z':
		sp.fail("sandbox: the command `%c'"+kernel.NotHere, c.op)
	default:
		sp.fail("unknown command: `%c'", c.op)
	}
	return c
}

// text reads the text of a, i and c: on the same line, or after a backslash on the next.
func (sp *sedParser) text() string {
	sp.space("")
	if sp.i >= len(sp.s) || sp.s[sp.i] == '\n' {
		sp.fail("expected \\ after `a', `c' or `i'")
		return ""
	}
	if sp.s[sp.i] == '\\' {
		sp.i++
		begin := sp.i
		sp.space("")
		if sp.i >= len(sp.s) {
			sp.fail("sandbox: an empty text" + kernel.NotHere)
			return ""
		}
		if sp.s[sp.i] == '\n' {
			sp.i++
		} else {
			sp.i = begin // the backslash keeps the blanks before the text
		}
	}
	var b strings.Builder
	for sp.i < len(sp.s) && sp.s[sp.i] != '\n' {
		if sp.s[sp.i] == '\\' && sp.i+1 < len(sp.s) {
			sp.i++
			if sp.s[sp.i] == 't' {
				b.WriteByte('\t')
				sp.i++
				continue
			}
		}
		b.WriteByte(sp.s[sp.i])
		sp.i++
	}
	return b.String() + "\n"
}

func (sp *sedParser) subst(c *sedCmd) {
	if sp.i >= len(sp.s) {
		sp.fail("unterminated `s' command")
		return
	}
	d := sp.s[sp.i]
	sp.i++
	src := sp.pattern(d)
	j := sp.i
	sp.until(d)
	if sp.err != nil {
		return
	}
	c.text = strings.ReplaceAll(sp.s[j:sp.i-1], `\`+string(d), string(d))
	if d == '&' || d == '\\' {
		sp.fail("unsupported delimiter")
	}
	if lacks := sedReplLacks(c.text); lacks != "" {
		sp.fail("sandbox: %s in a replacement"+kernel.NotHere, lacks)
		return
	}
	flags := ""
	for sp.i < len(sp.s) {
		switch x := sp.s[sp.i]; {
		case x == 'g' && c.global || x == 'p' && c.print || x == '0' && c.nth == 0:
			sp.fail("the option `%c' of `s' twice or zero", x)
			return
		case x == 'w' || x == 'e' || x == 'm' || x == 'M':
			sp.fail("sandbox: the option `%c' of `s'"+kernel.NotHere, x)
			return
		case x == 'g':
			c.global = true
		case x == 'p':
			c.print = true
		case x == 'I' || x == 'i':
			flags = "(?i)"
		case x >= '0' && x <= '9':
			c.nth = sp.number()
			continue
		case x == ';' || x == '\n' || x == '}' || x == ' ' || x == '#':
			sp.finish(c, src, flags)
			return
		default:
			sp.fail("unknown option to `s'")
			return
		}
		sp.i++
	}
	sp.finish(c, src, flags)
}

// finish compiles the expression of s and checks that its replacement names groups of it.
func (sp *sedParser) finish(c *sedCmd, src, flags string) {
	c.re = sp.compile(src, flags)
	for i := 0; i+1 < len(c.text) && sp.err == nil; i++ {
		if c.text[i] != '\\' {
			continue
		}
		i++
		if n := c.text[i]; n >= '1' && n <= '9' && int(n-'0') > c.re.NumSubexp() {
			sp.fail("invalid reference \\%c on `s' command's RHS", n)
		}
	}
}

// sedReplLacks names an escape of a replacement that sed has and the simulation lacks,
// such as \U.
func sedReplLacks(text string) string {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++
		if c := text[i]; c|0x20 >= 'a' && c|0x20 <= 'z' && strings.IndexByte("ntr", c) < 0 {
			return `\` + string(c)
		}
	}
	return ""
}
