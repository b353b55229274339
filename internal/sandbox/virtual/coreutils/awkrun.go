package coreutils

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// leadFloat returns the number at the beginning of a text, as strtod reads it.
var leadFloat = lazy.Regexp(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?`)

type (
	awkExpr func(*awkRun) awkVal
	awkStmt func(*awkRun) awkFlow
	awkFlow int
)

// How a statement ends.
const (
	awkGo awkFlow = iota
	awkBreak
	awkContinue
	awkNext
	awkExit
)

// awkRun is a running program.
type awkRun struct {
	p      *proc
	vars   map[string]awkVal
	arrays map[string]map[string]awkVal
	line   string
	fields []string
	res    map[string]*regexp.Regexp
	status int
	err    error
}

func newAwkRun(p *proc) *awkRun {
	r := &awkRun{p: p, arrays: map[string]map[string]awkVal{}, res: map[string]*regexp.Regexp{}}
	r.vars = map[string]awkVal{"FS": awkStr(" "), "OFS": awkStr(" "), "ORS": awkStr("\n"), "RS": awkStr("\n"), "SUBSEP": awkStr("\x1c"), "NR": awkNum(0), "FNR": awkNum(0)}
	env := r.array("ENVIRON")
	for _, e := range p.Env() {
		k, v, _ := strings.Cut(e, "=")
		env[k] = awkInput(v)
	}
	return r
}

func (r *awkRun) fail(format string, a ...any) awkVal {
	if r.err == nil {
		r.err = fmt.Errorf(format, a...)
	}
	return awkVal{}
}

// stopped says that a loop must end: an error, or the process was killed.
func (r *awkRun) stopped() bool { return r.err != nil || r.p.Context().Err() != nil }

func (r *awkRun) array(name string) map[string]awkVal {
	if r.arrays[name] == nil {
		r.arrays[name] = map[string]awkVal{}
	}
	return r.arrays[name]
}

func (r *awkRun) get(name string) awkVal {
	if name == "NF" {
		return awkNum(float64(len(r.fields)))
	}
	return r.vars[name]
}

func (r *awkRun) assign(name string, v awkVal) {
	switch name {
	case "NF":
		n := min(max(0, int(v.num())), 1<<16)
		for len(r.fields) < n {
			r.fields = append(r.fields, "")
		}
		r.fields = r.fields[:n]
		r.join()
		return
	case "RS":
		if v.String() != "\n" {
			r.fail("sandbox: RS" + kernel.NotHere)
		}
	}
	if v.kind == 0 {
		v = awkVal{kind: 'i'}
	}
	r.vars[name] = v
}

func (r *awkRun) setLine(s string) {
	r.line = s
	r.fields = r.cut(s, r.vars["FS"].String(), nil)
}

func (r *awkRun) join() { r.line = strings.Join(r.fields, r.vars["OFS"].String()) }

// cut splits as FS says: runs of blanks, one character, or an expression.
func (r *awkRun) cut(s, fs string, re *regexp.Regexp) []string {
	switch {
	case re == nil && fs == " ":
		return strings.Fields(s)
	case s == "":
		return nil
	case re == nil && fs == "":
		return strings.Split(s, "")
	case re == nil && len(fs) == 1:
		return strings.Split(s, fs)
	case re == nil:
		re = r.compile(fs)
	}
	return re.Split(s, -1)
}

func (r *awkRun) field(n int) awkVal {
	switch {
	case n == 0:
		return awkInput(r.line)
	case n < 0:
		return r.fail("negative field index $%d", n)
	case n <= len(r.fields):
		return awkInput(r.fields[n-1])
	}
	return awkVal{}
}

func (r *awkRun) setField(n int, v awkVal) {
	switch {
	case n == 0:
		r.setLine(v.String())
		return
	case n < 0 || n > 1<<16:
		r.fail("bad field index $%d", n)
		return
	}
	for len(r.fields) < n {
		r.fields = append(r.fields, "")
	}
	r.fields[n-1] = v.String()
	r.join()
}

// compile keeps expressions; one that is wrong ends the program.
func (r *awkRun) compile(s string) *regexp.Regexp {
	if re := r.res[s]; re != nil {
		return re
	}
	re, err := compileAwk(s)
	if err != nil {
		r.fail("%v", err)
		re = regexp.MustCompile(`\z.`)
	}
	r.res[s] = re
	return re
}

func compileAwk(s string) (*regexp.Regexp, error) {
	return compilePOSIX("", s, true)
}

// print writes to stdout or stderr; there is no other place in the sandbox's awk.
func (r *awkRun) print(s, to string) {
	var err error
	switch to {
	case "", "/dev/stdout":
		_, err = r.p.Stdout.Write([]byte(s))
	case "/dev/stderr":
		_, err = r.p.Stderr.Write([]byte(s))
	default:
		r.fail("sandbox: redirection of print to %s"+kernel.NotHere, to)
	}
	if err != nil {
		r.fail("write failure: %v", err)
	}
}

func awkConvert(spec string, verb byte, next func() awkVal) string {
	switch verb {
	case '%':
		return "%"
	case 'd', 'i':
		return fmt.Sprintf(spec+"d", int64(next().num()))
	case 'o', 'x', 'X', 'u':
		return fmt.Sprintf(spec+strings.Replace(string(verb), "u", "d", 1), uint64(int64(next().num())))
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if (verb == 'g' || verb == 'G') && !strings.Contains(spec, ".") {
			spec += ".6"
		}
		return fmt.Sprintf(spec+string(verb), next().num())
	case 'c':
		v := next()
		s := v.String()
		if v.kind == 'n' {
			s = string(rune(int(v.n)))
		} else if s != "" {
			s = s[:1]
		}
		return fmt.Sprintf(spec+"s", s)
	case 's':
		return fmt.Sprintf(spec+"s", next().String())
	}
	return spec + string(verb)
}

// index is the key of an array's element.
func (r *awkRun) index(subs []awkExpr) string {
	keys := make([]string, len(subs))
	for i, e := range subs {
		keys[i] = e(r).String()
	}
	return strings.Join(keys, r.vars["SUBSEP"].String())
}

// replace is sub and gsub: & stands for the match, \& for an ampersand.
func (r *awkRun) replace(re *regexp.Regexp, with, s string, all bool) (string, int) {
	var b strings.Builder
	n, at := 0, 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		b.WriteString(s[at:m[0]])
		for i := 0; i < len(with); i++ {
			switch {
			case with[i] == '\\' && i+1 < len(with) && (with[i+1] == '&' || with[i+1] == '\\'):
				i++
				b.WriteByte(with[i])
			case with[i] == '&':
				b.WriteString(s[m[0]:m[1]])
			default:
				b.WriteByte(with[i])
			}
		}
		at = m[1]
		if n++; !all {
			break
		}
	}
	return b.String() + s[at:], n
}

// substr counts from 1, takes the part inside the string, and rounds as POSIX says.
func substr(s string, from, n float64) string {
	round := func(f float64) int {
		i, _ := strconv.Atoi(fmt.Sprintf("%.0f", min(max(f, -1e6), 1e9)))
		return i
	}
	a := round(from)
	e := a + round(n)
	a, e = max(a, 1), min(e, len(s)+1)
	if a >= e {
		return ""
	}
	return s[a-1 : e-1]
}
