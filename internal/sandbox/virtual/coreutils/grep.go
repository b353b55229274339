package coreutils

import (
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// bre turns a POSIX basic or extended expression into Go's syntax.
func bre(s string, extended bool) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			i++
			n := s[i]
			switch {
			case !extended && strings.IndexByte("(){}|+?", n) >= 0:
				b.WriteByte(n)
			case n == '<' || n == '>':
				b.WriteString(`\b`)
			case n == '/' || n == '\n' || n == '"' || n == '\'' || n == ' ' || n == '-' || n == '%' || n == '#' || n == '@' || n == ':' || n == '=' || n == ',' || n == '!' || n == '&' || n == '~' || n == ';' || n == '_':
				b.WriteString(regexp.QuoteMeta(string(n)))
			default:
				b.WriteByte('\\')
				b.WriteByte(n)
			}
		case c == '[':
			j := i + 1
			if j < len(s) && s[j] == '^' {
				j++
			}
			if j < len(s) && s[j] == ']' {
				j++
			}
			for j < len(s) && s[j] != ']' {
				if s[j] == '[' && j+1 < len(s) && s[j+1] == ':' {
					if e := strings.Index(s[j:], ":]"); e > 0 {
						j += e + 1
					}
				}
				j++
			}
			if j >= len(s) {
				b.WriteString(`\[`)
				continue
			}
			set := strings.ReplaceAll(s[i+1:j], `\`, `\\`)
			set = strings.ReplaceAll(set, `\\n`, `\n`)
			neg := strings.HasPrefix(set, "^")
			set = strings.TrimPrefix(set, "^")
			if strings.HasPrefix(set, "]") {
				set = `\]` + set[1:]
			}
			set = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(set, "[:", "\x00"), "[", `\[`), "\x00", "[:")
			b.WriteByte('[')
			if neg {
				b.WriteByte('^')
			}
			b.WriteString(set + "]")
			i = j
		case !extended && strings.IndexByte("(){}|+?", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case !extended && c == '*' && (i == 0 || i == 1 && s[0] == '^'):
			b.WriteString(`\*`)
		case !extended && c == '^' && i > 0 && !strings.HasSuffix(s[:i], `\(`) && !strings.HasSuffix(s[:i], `\|`):
			b.WriteString(`\^`)
		case !extended && c == '$' && i < len(s)-1 && !strings.HasPrefix(s[i+1:], `\)`) && !strings.HasPrefix(s[i+1:], `\|`):
			b.WriteString(`\$`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

type grepper struct {
	p     *proc
	o     *options
	re    *regexp.Regexp
	hits  int
	names bool
	quiet bool
	stop  bool
}

func grep(p *proc, args []string) int {
	o, ok := parse(p, args, "EFGPivnclLqsowxrRhHe:f:m:A:B:C:azUI", "extended-regexp fixed-strings ignore-case invert-match line-number count files-with-matches quiet silent no-messages only-matching word-regexp line-regexp recursive regexp= file= max-count= color? include= exclude= exclude-dir= no-filename with-filename text null basic-regexp perl-regexp after-context= before-context= context=")
	if !ok {
		return 2
	}
	var pats []string
	for _, e := range append(o.all["e"], o.all["regexp"]...) {
		pats = append(pats, strings.Split(e, "\n")...)
	}
	if f, has := o.get("f", "file"); has {
		b, st := readAll(p, []string{f})
		if st != 0 {
			return 2
		}
		pats = append(pats, lines(b)...)
	} else if len(pats) == 0 {
		if len(o.args) == 0 {
			p.Errorf("usage: grep [OPTION]... PATTERNS [FILE]...")
			return 2
		}
		pats, o.args = strings.Split(o.args[0], "\n"), o.args[1:]
	}
	name := path.Base(args[0])
	var alts []string
	for _, pat := range pats {
		switch {
		case o.has("F", "fixed-strings") || name == "fgrep":
			pat = regexp.QuoteMeta(pat)
		case o.has("P", "perl-regexp"):
		default:
			pat = bre(pat, o.has("E", "extended-regexp") || name == "egrep")
		}
		if o.has("w", "word-regexp") {
			pat = `\b(?:` + pat + `)\b`
		}
		if o.has("x", "line-regexp") {
			pat = "^(?:" + pat + ")$"
		}
		alts = append(alts, pat)
	}
	expr := strings.Join(alts, "|")
	if len(alts) == 0 {
		expr = `[^\x00-\x{10FFFF}]`
	}
	if o.has("i", "ignore-case") {
		expr = "(?i)" + expr
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		p.Errorf("%v", err)
		return 2
	}
	g := &grepper{p: p, o: o, re: re, quiet: o.has("q", "quiet", "silent")}
	return g.run()
}

func (g *grepper) run() int {
	o, files := g.o, g.o.args
	st := 0
	if o.has("r", "R", "recursive") {
		if len(files) == 0 {
			files = []string{"."}
		}
		var all []string
		for _, f := range files {
			err := walk(g.p.View(), f, func(n string, i *fsys.Info) error {
				inc, has := o.get("include")
				if i.Mode().IsRegular() && (!has || globPath(inc, path.Base(n))) {
					all = append(all, n)
				}
				return nil
			})
			if err != nil {
				st = fail(g.p, f, err) + 1
			}
		}
		files, g.names = all, true
		if len(all) == 0 {
			return max(st, 1)
		}
	}
	g.names = (g.names || len(files) > 1 || o.has("H", "with-filename")) && !o.has("h", "no-filename")
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, f := range files {
		r, err := open(g.p, f)
		if err != nil {
			if !o.has("s", "no-messages") {
				g.p.Errorf("%s: %s", f, reason(err))
			}
			st = 2
			continue
		}
		g.file(f, r)
		r.Close()
		if g.stop {
			return 0
		}
	}
	if st == 2 && !(g.quiet && g.hits > 0) {
		return 2
	}
	if g.hits == 0 {
		return 1
	}
	return 0
}

func (g *grepper) num(names ...string) int {
	s, ok := g.o.get(names...)
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(s)
	return n
}

func (g *grepper) file(name string, r io.Reader) {
	o := g.o
	b, _ := io.ReadAll(r)
	ls := lines(b)
	most, limited := o.get("m", "max-count")
	limit, _ := strconv.Atoi(most)
	before, after := max(g.num("B", "before-context"), g.num("C", "context")), max(g.num("A", "after-context"), g.num("C", "context"))
	count, show, shown := 0, 0, -1
	pre := func(n int, sep string) string {
		s := ""
		if g.names {
			if name == "-" {
				name = "(standard input)"
			}
			s = name + sep
		}
		if o.has("n", "line-number") {
			s += strconv.Itoa(n+1) + sep
		}
		return s
	}
	for n, l := range ls {
		if g.re.MatchString(l) == o.has("v", "invert-match") {
			if show > 0 {
				show--
				shown = n
				g.p.Printf("%s%s\n", pre(n, "-"), l)
			}
			continue
		}
		count++
		g.hits++
		switch {
		case g.quiet:
			g.stop = true
			return
		case o.has("l", "files-with-matches"):
			g.p.Printf("%s\n", name)
			return
		case o.has("c", "count") || o.has("L"):
		case o.has("o", "only-matching"):
			for _, m := range g.re.FindAllString(l, -1) {
				if m != "" {
					g.p.Printf("%s%s\n", pre(n, ":"), m)
				}
			}
		default:
			for k := max(shown+1, n-before); k < n; k++ {
				g.p.Printf("%s%s\n", pre(k, "-"), ls[k])
			}
			g.p.Printf("%s%s\n", pre(n, ":"), l)
			shown, show = n, after
		}
		if limited && count >= limit {
			break
		}
	}
	if o.has("c", "count") {
		g.p.Printf("%s%d\n", strings.TrimSuffix(pre(0, ":"), "1:"), count)
	}
	if o.has("L") && count == 0 {
		g.p.Printf("%s\n", name)
	}
}
