package coreutils

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

type sedParser struct {
	s        string
	i        int
	ext      bool
	err      error
	lastExpr string
}

func (sp *sedParser) again(script string) []*sedCmd {
	n := &sedParser{s: script, ext: sp.ext}
	return n.commands(false)
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
		src := sp.until(d)
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
	re, err := regexp.Compile(flags + bre(src, sp.ext))
	if err != nil {
		sp.fail("%v", err)
		return regexp.MustCompile("^$")
	}
	return re
}

// until reads to the delimiter, outside of brackets.
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
		c.from, c.to = sp.until(d), sp.until(d)
	case 'a', 'i', 'c':
		c.text = sp.text()
	case 'd', 'D', 'p', 'P', 'n', 'N', 'q', 'Q', 'g', 'G', 'h', 'H', 'x', '=', 'l':
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
	default:
		sp.fail("unknown command: `%c'", c.op)
	}
	return c
}

func (sp *sedParser) text() string {
	sp.space("")
	if sp.i < len(sp.s) && sp.s[sp.i] == '\\' {
		sp.i++
		sp.space("")
		if sp.i < len(sp.s) && sp.s[sp.i] == '\n' {
			sp.i++
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
	src := sp.until(d)
	j := sp.i
	sp.until(d)
	if sp.err != nil {
		return
	}
	c.text = strings.ReplaceAll(sp.s[j:sp.i-1], `\`+string(d), string(d))
	if d == '&' || d == '\\' {
		sp.fail("unsupported delimiter")
	}
	flags := ""
	for sp.i < len(sp.s) {
		switch x := sp.s[sp.i]; {
		case x == 'g':
			c.global = true
		case x == 'p':
			c.print = true
		case x == 'I' || x == 'i':
			flags = "(?i)"
		case x == 'm' || x == 'M':
			flags = "(?m)"
		case x >= '0' && x <= '9':
			c.nth = sp.number()
			continue
		case x == ';' || x == '\n' || x == '}' || x == ' ' || x == '#':
			c.re = sp.compile(src, flags)
			return
		default:
			sp.fail("unknown option to `s'")
			return
		}
		sp.i++
	}
	c.re = sp.compile(src, flags)
}
