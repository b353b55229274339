package coreutils

import (
	"bytes"
	"strconv"
	"strings"
)

type sedState struct {
	out                      bytes.Buffer
	lines                    []string
	n                        int
	ps, hold                 string
	after                    string
	quiet, del, quit, subbed bool
	lastIsLine               bool // the last output was a line
	again                    bool // D: the next cycle reads no line
	code                     int
	branch                   *string
}

// sedRun edits a text. A last line without an end stays the last without one.
func sedRun(cmds []*sedCmd, in []byte, quiet bool) ([]byte, int) {
	s := &sedState{lines: lines(in), quiet: quiet}
	for (s.n < len(s.lines) || s.again) && !s.quit {
		if !s.again {
			s.ps = s.lines[s.n]
			s.n++
		}
		s.again = false
		s.cycle(cmds)
	}
	b := s.out.Bytes()
	noEnd := len(in) > 0 && in[len(in)-1] != '\n'
	if noEnd && s.n == len(s.lines) && s.lastIsLine {
		b = bytes.TrimSuffix(b, []byte("\n"))
	}
	return b, s.code
}

// line prints a line of the input, as opposed to a text of the script, which always ends
// with a newline.
func (s *sedState) line(text string) {
	s.out.WriteString(text + "\n")
	s.lastIsLine = true
}

// words prints a text of the script.
func (s *sedState) words(text string) {
	if text != "" {
		s.out.WriteString(text)
		s.lastIsLine = false
	}
}

func (s *sedState) cycle(cmds []*sedCmd) {
	s.del, s.subbed, s.branch = false, false, nil
	s.run(cmds)
	for round := 0; s.branch != nil && *s.branch != ""; round++ {
		rest := after(cmds, *s.branch)
		s.branch = nil
		if rest == nil || round > 100_000 {
			break
		}
		s.run(rest)
	}
	if !s.quiet && !s.del {
		s.line(s.ps)
	}
	s.words(s.after)
	s.after = ""
}

func after(cmds []*sedCmd, label string) []*sedCmd {
	for i, c := range cmds {
		if c.op == ':' && c.label == label {
			return cmds[i+1:]
		}
	}
	return nil
}

func (s *sedState) match(a *sedAddr) bool {
	switch {
	case a.last:
		return s.n == len(s.lines)
	case a.re != nil:
		return a.re.MatchString(s.ps)
	}
	return a.line == s.n
}

func (s *sedState) selected(c *sedCmd) bool {
	if c.a == nil {
		return true
	}
	if c.b == nil {
		return s.match(c.a)
	}
	if c.active {
		switch {
		case c.b.re != nil:
			c.active = !c.b.re.MatchString(s.ps)
		case c.b.last:
			c.active = s.n < len(s.lines)
		case c.b.line > 0 || c.b.plus > 0:
			end := c.b.line
			if c.b.plus > 0 {
				end = c.end
			}
			if s.n > end {
				c.active = false
				return false
			}
			c.active = s.n < end
		}
		return true
	}
	if s.match(c.a) || c.a.line == -1 && s.n == 1 {
		c.active = true
		c.end = s.n + c.b.plus
		if c.b.line > 0 && c.b.line <= s.n || c.b.last && s.n == len(s.lines) {
			c.active = false
		}
		if c.a.line == -1 && c.b.re != nil && c.b.re.MatchString(s.ps) {
			c.active = false
		}
		return true
	}
	return false
}

func (s *sedState) run(cmds []*sedCmd) {
	for _, c := range cmds {
		if s.selected(c) == c.not {
			continue
		}
		if s.do(c); s.del || s.quit || s.branch != nil {
			return
		}
	}
}

func (s *sedState) do(c *sedCmd) {
	switch c.op {
	case '{':
		s.run(c.block)
	case 's':
		s.subst(c)
	case 'y':
		f, t := []rune(c.from), []rune(c.to)
		s.ps = strings.Map(func(r rune) rune {
			for i, x := range f {
				if x == r && i < len(t) {
					return t[i]
				}
			}
			return r
		}, s.ps)
	case 'd':
		s.del = true
	case 'D':
		_, rest, more := strings.Cut(s.ps, "\n")
		s.del, s.again = true, more
		if more {
			s.ps = rest
		}
	case 'p':
		s.line(s.ps)
	case 'P':
		l, _, _ := strings.Cut(s.ps, "\n")
		s.line(l)
	case 'n', 'N':
		s.next(c.op)
	case 'q', 'Q':
		s.quit, s.code = true, c.nth
		if c.op == 'Q' {
			s.del = true
		}
	case 'a':
		s.after += c.text
	case 'i':
		s.words(c.text)
	case 'c':
		if c.b == nil || !c.active {
			s.words(c.text)
		}
		s.del = true
	case 'g':
		s.ps = s.hold
	case 'G':
		s.ps += "\n" + s.hold
	case 'h':
		s.hold = s.ps
	case 'H':
		s.hold += "\n" + s.ps
	case 'x':
		s.ps, s.hold = s.hold, s.ps
	case '=':
		s.words(strconv.Itoa(s.n) + "\n")
	case 'b':
		s.branch = &c.label
	case 't':
		if s.subbed {
			s.subbed = false
			s.branch = &c.label
		}
	case 'T':
		if !s.subbed {
			s.branch = &c.label
		}
		s.subbed = false
	}
}

func (s *sedState) next(op byte) {
	if s.n >= len(s.lines) {
		s.quit = true
		return
	}
	if op == 'n' {
		if !s.quiet {
			s.line(s.ps)
		}
		s.ps = s.lines[s.n]
	} else {
		s.ps += "\n" + s.lines[s.n]
	}
	s.n++
}

func (s *sedState) subst(c *sedCmd) {
	var b strings.Builder
	last, n, done := 0, 0, false
	for _, m := range c.re.FindAllStringSubmatchIndex(s.ps, -1) {
		n++
		if c.nth > 0 && n < c.nth || done {
			continue
		}
		b.WriteString(s.ps[last:m[0]])
		expandRepl(&b, c.text, s.ps, m)
		last = m[1]
		s.subbed = true
		done = !c.global
	}
	if last == 0 && n == 0 || !s.subbed && b.Len() == 0 {
		return
	}
	s.ps = b.String() + s.ps[last:]
	if c.print {
		s.line(s.ps)
	}
}

func expandRepl(b *strings.Builder, repl, src string, m []int) {
	group := func(k int) string {
		if 2*k+1 < len(m) && m[2*k] >= 0 {
			return src[m[2*k]:m[2*k+1]]
		}
		return ""
	}
	for i := 0; i < len(repl); i++ {
		switch {
		case repl[i] == '&':
			b.WriteString(group(0))
		case repl[i] == '\\' && i+1 < len(repl):
			i++
			switch c := repl[i]; {
			case c >= '0' && c <= '9':
				b.WriteString(group(int(c - '0')))
			case c == 'n':
				b.WriteByte('\n')
			case c == 't':
				b.WriteByte('\t')
			case c == 'r':
				b.WriteByte('\r')
			default:
				b.WriteByte(c)
			}
		default:
			b.WriteByte(repl[i])
		}
	}
}
