package coreutils

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func reason(err error) string { return kernel.Reason(err) }

type sedAddr struct {
	line int // 0: none
	last bool
	re   *regexp.Regexp
	plus int
}

type sedCmd struct {
	a, b   *sedAddr
	not    bool
	active bool
	end    int
	op     byte
	re     *regexp.Regexp
	text   string
	global bool
	print  bool
	nth    int
	file   string
	label  string
	block  []*sedCmd
	from   string
	to     string
}

type sedParser struct {
	s        string
	i        int
	ext      bool
	err      error
	lastExpr string
}

func sed(p *proc, args []string) int {
	norm := append([]string{}, args...)
	suffix := ""
	inPlace := false
	for i, a := range norm {
		if i > 0 && (a == "--in-place" || strings.HasPrefix(a, "-i") || strings.HasPrefix(a, "--in-place=")) {
			inPlace = true
			suffix = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(a, "--in-place"), "="), "-i")
			norm[i] = "-s"
			if suffix == "e" { // -ie is -i with the suffix e; nobody means that
				suffix = ""
			}
		}
	}
	o, ok := parse(p, norm, "nrEe:f:szu", "quiet silent regexp-extended expression= file= null-data separate")
	if !ok {
		return 1
	}
	script := strings.Join(append(o.all["e"], o.all["expression"]...), "\n")
	if f, has := o.get("f", "file"); has {
		b, st := readAll(p, []string{f})
		if st != 0 {
			return 1
		}
		script += "\n" + string(b)
	} else if script == "" {
		if len(o.args) == 0 {
			p.Errorf("no script specified")
			return 1
		}
		script, o.args = o.args[0], o.args[1:]
	}
	sp := &sedParser{s: script, ext: o.has("r", "E", "regexp-extended")}
	cmds := sp.commands(false)
	if sp.err != nil {
		p.Errorf("-e expression #1, char %d: %v", sp.i, sp.err)
		return 1
	}
	quiet := o.has("n", "quiet", "silent")
	if !inPlace {
		b, st := readAll(p, o.args)
		out, code := sedRun(cmds, b, quiet)
		p.Stdout.Write(out)
		return max(st, code)
	}
	st := 0
	for _, f := range o.args {
		i, err := p.View().Stat(f)
		var b []byte
		if err == nil {
			b, err = p.View().ReadFile(f)
		}
		if err != nil {
			p.Errorf("can't read %s: %s", f, reason(err))
			st = 2
			continue
		}
		cs := sp.again(script)
		out, _ := sedRun(cs, b, quiet)
		if suffix != "" {
			p.View().WriteFile(f+suffix, b, i.Mode().Perm())
		}
		if err := p.View().WriteFile(f, out, i.Mode().Perm()); err != nil {
			return fail(p, "couldn't write "+f, err)
		}
	}
	return st
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
			sp.fail("sandbox: the command `%c' is not supported by the virtual guest", c.op)
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

type sedState struct {
	out                      bytes.Buffer
	lines                    []string
	n                        int
	ps, hold                 string
	after                    string
	quiet, del, quit, subbed bool
	restart, noEnd           bool
	code                     int
	branch                   *string
}

func sedRun(cmds []*sedCmd, in []byte, quiet bool) ([]byte, int) {
	s := &sedState{lines: lines(in), quiet: quiet, noEnd: len(in) > 0 && in[len(in)-1] != '\n'}
	for s.n < len(s.lines) && !s.quit {
		s.ps = s.lines[s.n]
		s.n++
		s.cycle(cmds)
	}
	b := s.out.Bytes()
	if s.noEnd && len(b) > 0 && s.n == len(s.lines) {
		b = bytes.TrimSuffix(b, []byte("\n"))
	}
	return b, s.code
}

func (s *sedState) cycle(cmds []*sedCmd) {
	s.del, s.subbed = false, false
	for round := 0; round < 10000; round++ {
		s.branch = nil
		start := cmds
		if round > 0 {
			break
		}
		s.run(start)
		for s.branch != nil && *s.branch != "" {
			rest := after(cmds, *s.branch)
			s.branch = nil
			if rest == nil {
				break
			}
			s.run(rest)
			if round++; round > 10000 {
				break
			}
		}
	}
	if !s.quiet && !s.del {
		s.out.WriteString(s.ps + "\n")
	}
	s.out.WriteString(s.after)
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
		s.del = true
	case 'p':
		s.out.WriteString(s.ps + "\n")
	case 'P':
		l, _, _ := strings.Cut(s.ps, "\n")
		s.out.WriteString(l + "\n")
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
		s.out.WriteString(c.text)
	case 'c':
		if c.b == nil || !c.active {
			s.out.WriteString(c.text)
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
		fmt.Fprintf(&s.out, "%d\n", s.n)
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
			s.out.WriteString(s.ps + "\n")
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
		s.out.WriteString(s.ps + "\n")
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
			default:
				b.WriteByte(c)
			}
		default:
			b.WriteByte(repl[i])
		}
	}
}
