package coreutils

import (
	"strconv"
	"strings"
)

type exprParser struct {
	a   []string
	err string
}

func expr(p *proc, args []string) int {
	e := &exprParser{a: args[1:]}
	v := e.or()
	if e.err == "" && len(e.a) > 0 {
		e.err = "syntax error: unexpected argument ‘" + e.a[0] + "’"
	}
	if e.err != "" {
		p.Errorf("%s", e.err)
		return 2
	}
	p.Printf("%s\n", v)
	if v == "" || v == "0" {
		return 1
	}
	return 0
}

func (e *exprParser) peek() string {
	if len(e.a) == 0 {
		return ""
	}
	return e.a[0]
}

func (e *exprParser) next() string {
	if len(e.a) == 0 {
		e.err = "syntax error: missing argument"
		return ""
	}
	s := e.a[0]
	e.a = e.a[1:]
	return s
}

func truth(s string) bool { return s != "" && s != "0" }

func (e *exprParser) or() string {
	l := e.and()
	for e.peek() == "|" {
		e.next()
		if r := e.and(); !truth(l) {
			l = r
		}
	}
	return l
}

func (e *exprParser) and() string {
	l := e.cmp()
	for e.peek() == "&" {
		e.next()
		if r := e.cmp(); !truth(l) || !truth(r) {
			l = "0"
		}
	}
	return l
}

func (e *exprParser) cmp() string {
	l := e.sum()
	for strings.Contains(" = == != < <= > >= ", " "+e.peek()+" ") && e.peek() != "" {
		op, c := e.next(), 0
		r := e.sum()
		x, e1 := strconv.Atoi(l)
		y, e2 := strconv.Atoi(r)
		if e1 == nil && e2 == nil {
			c = x - y
		} else {
			c = strings.Compare(l, r)
		}
		l = map[bool]string{true: "1", false: "0"}[map[string]bool{"=": c == 0, "==": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]]
	}
	return l
}

func (e *exprParser) arith(l, op, r string) string {
	x, e1 := strconv.ParseInt(l, 10, 64)
	y, e2 := strconv.ParseInt(r, 10, 64)
	if e1 != nil || e2 != nil {
		e.err = "non-integer argument"
		return ""
	}
	switch op {
	case "+":
		x += y
	case "-":
		x -= y
	case "*":
		x *= y
	default:
		if y == 0 {
			e.err = "division by zero"
			return ""
		}
		if op == "/" {
			x /= y
		} else {
			x %= y
		}
	}
	return strconv.FormatInt(x, 10)
}

func (e *exprParser) sum() string {
	l := e.product()
	for e.peek() == "+" || e.peek() == "-" {
		op := e.next()
		l = e.arith(l, op, e.product())
	}
	return l
}

func (e *exprParser) product() string {
	l := e.match()
	for e.peek() == "*" || e.peek() == "/" || e.peek() == "%" {
		op := e.next()
		l = e.arith(l, op, e.match())
	}
	return l
}

func (e *exprParser) match() string {
	l := e.primary()
	for e.peek() == ":" {
		e.next()
		l = e.anchored(l, e.primary())
	}
	return l
}

func (e *exprParser) anchored(s, pat string) string {
	re, err := compilePOSIX("^", `\(`+pat+`\)`, false)
	if err != nil {
		e.err = err.Error()
		return ""
	}
	m := re.FindStringSubmatch(s)
	if re.NumSubexp() > 1 {
		if m == nil {
			return ""
		}
		return m[2]
	}
	if m == nil {
		return "0"
	}
	return strconv.Itoa(len([]rune(m[0])))
}

func (e *exprParser) primary() string {
	switch s := e.next(); s {
	case "(":
		v := e.or()
		if e.next() != ")" {
			e.err = "syntax error: expecting ')'"
		}
		return v
	case "length":
		return strconv.Itoa(len([]rune(e.next())))
	case "match":
		return e.anchored(e.next(), e.next())
	case "substr":
		str := []rune(e.next())
		i, _ := strconv.Atoi(e.next())
		n, _ := strconv.Atoi(e.next())
		if i < 1 || i > len(str) || n < 1 {
			return ""
		}
		return string(str[i-1 : min(len(str), i-1+n)])
	case "index":
		return strconv.Itoa(strings.IndexAny(e.next(), e.next()) + 1)
	default:
		return s
	}
}
