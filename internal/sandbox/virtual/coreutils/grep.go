package coreutils

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// bre turns a POSIX basic or extended expression into Go's syntax. The error names what
// Go's expressions lack, such as references to a group.
func bre(s string, extended bool) (string, error) {
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
			case strings.IndexByte("wWsSbBnt", n) >= 0:
				b.WriteByte('\\')
				b.WriteByte(n)
			case n < 0x80 && !(n >= '0' && n <= '9' || n|0x20 >= 'a' && n|0x20 <= 'z'):
				b.WriteString(regexp.QuoteMeta(string(n)))
			default:
				return "", fmt.Errorf(`sandbox: \%c in a regular expression`+kernel.NotHere, n)
			}
		case c == '[':
			set, n, err := breSet(s[i:])
			if err != nil {
				return "", err
			}
			b.WriteString(set)
			i += n - 1
		case !extended && strings.IndexByte("(){}|+?", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case !extended && c == '*' && (i == 0 || i == 1 && s[0] == '^' || strings.HasSuffix(s[:i], `\(`) || strings.HasSuffix(s[:i], `\|`)):
			b.WriteString(`\*`)
		case !extended && c == '^' && i > 0 && !strings.HasSuffix(s[:i], `\(`) && !strings.HasSuffix(s[:i], `\|`):
			b.WriteString(`\^`)
		case !extended && c == '$' && i < len(s)-1 && !strings.HasPrefix(s[i+1:], `\)`) && !strings.HasPrefix(s[i+1:], `\|`):
			b.WriteString(`\$`)
		case c == '\\':
			return "", errors.New("Trailing backslash") //nolint:staticcheck // grep's own words
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// breSet turns the bracket expression that s begins with, and says how long it is.
func breSet(s string) (set string, n int, err error) {
	j := 1
	if j < len(s) && s[j] == '^' {
		j++
	}
	if j < len(s) && s[j] == ']' {
		j++
	}
	for j < len(s) && s[j] != ']' {
		if s[j] == '[' && j+1 < len(s) && strings.IndexByte(":.=", s[j+1]) >= 0 {
			if s[j+1] != ':' {
				return "", 0, errors.New("sandbox: " + s[j:j+2] + " in a regular expression" + kernel.NotHere)
			}
			if e := strings.Index(s[j:], ":]"); e > 0 {
				j += e + 1
			}
		}
		j++
	}
	if j >= len(s) {
		return "", 0, errors.New("unterminated address regex or unmatched [")
	}
	set = strings.ReplaceAll(s[1:j], `\`, `\\`)
	set = strings.ReplaceAll(set, `\\n`, `\n`)
	neg := strings.HasPrefix(set, "^")
	set = strings.TrimPrefix(set, "^")
	if strings.HasPrefix(set, "]") {
		set = `\]` + set[1:]
	}
	set = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(set, "[:", "\x00"), "[", `\[`), "\x00", "[:")
	if neg {
		set = "^" + set
	}
	return "[" + set + "]", j + 1, nil
}

// compilePOSIX compiles an expression of a program. As in POSIX the longest match wins.
func compilePOSIX(flags, src string, extended bool) (*regexp.Regexp, error) {
	text, err := bre(src, extended)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(flags + text)
	if err != nil {
		return nil, fmt.Errorf("sandbox: the regular expression %s"+kernel.NotHere, src)
	}
	re.Longest()
	return re, nil
}

type grepper struct {
	p       *proc
	o       *options
	re      *regexp.Regexp
	hits    int
	names   bool
	quiet   bool
	stop    bool
	printed bool // a line, so that -- stands before the next group
}

func grep(p *proc, args []string) int {
	o, ok := parse(p, args, "EFGPivnclLqsowxrhHe:f:m:A:B:C:aUI", "extended-regexp fixed-strings ignore-case invert-match line-number count files-with-matches quiet silent no-messages only-matching word-regexp line-regexp recursive regexp= file= max-count= color? include= no-filename with-filename text basic-regexp perl-regexp after-context= before-context= context=")
	if !ok {
		return 2
	}
	if color, has := o.get("color"); has && color == "always" {
		return refuse(p, "--color=always") + 1
	}
	for _, n := range []string{"m", "max-count", "A", "B", "C", "after-context", "before-context", "context"} {
		if v, has := o.get(n); has {
			if i, err := strconv.Atoi(v); err != nil || i < 0 {
				return refuse(p, "the number "+q(v)) + 1
			}
		}
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
		if pat == "" && o.has("w", "word-regexp") {
			return refuse(p, "-w with an empty pattern") + 1
		}
		switch {
		case o.has("F", "fixed-strings") || name == "fgrep":
			pat = regexp.QuoteMeta(pat)
		case o.has("P", "perl-regexp"):
		default:
			var err error
			if pat, err = bre(pat, o.has("E", "extended-regexp") || name == "egrep"); err != nil {
				p.Errorf("%v", err)
				return 2
			}
			pat = "(?:" + pat + ")"
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
		return refuse(p, "the regular expression "+strings.Join(pats, " ")) + 1
	}
	if !o.has("P", "perl-regexp") {
		re.Longest()
	}
	g := &grepper{p: p, o: o, re: re, quiet: o.has("q", "quiet", "silent")}
	return g.run()
}

func (g *grepper) run() int {
	o, files := g.o, g.o.args
	st := 0
	if o.has("r", "recursive") {
		bare := len(files) == 0
		if bare {
			files = []string{"."}
		}
		var all []string
		for _, f := range files {
			err := walk(g.p.View(), f, func(n string, i *fsys.Info) error {
				inc := o.all["include"]
				if i.Mode().IsRegular() && (len(inc) == 0 || slices.ContainsFunc(inc, func(pat string) bool { return globPath(pat, path.Base(n)) })) {
					if !bare && strings.HasPrefix(f, "./") || f == "." && !bare {
						n = "./" + n
					}
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
				g.p.Errorf("%s: %s", f, kernel.Reason(err))
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
	binary := !o.has("a", "text") && bytes.IndexByte(b, 0) >= 0
	if binary && o.has("I") {
		b = nil
	}
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
	if limited && limit == 0 {
		return
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
		case binary:
			g.p.Errorf("%s: binary file matches", name)
			return
		case o.has("o", "only-matching"):
			for _, m := range g.re.FindAllString(l, -1) {
				if m != "" {
					g.p.Printf("%s%s\n", pre(n, ":"), m)
				}
			}
		default:
			if from := max(shown+1, n-before); from > shown+1 && g.printed && before+after > 0 {
				g.p.Printf("--\n")
			}
			g.printed = true
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
