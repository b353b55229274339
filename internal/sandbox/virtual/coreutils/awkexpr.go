package coreutils

import (
	"math"
	"regexp"
	"strconv"
)

// awkNode is a parsed expression; set is there if it can be assigned to.
type awkNode struct {
	get  awkExpr
	set  func(*awkRun, awkVal)
	name string         // of a plain variable, which may be an array
	re   *regexp.Regexp // of an expression constant
}

func awkConst(v awkVal) awkNode { return awkNode{get: func(*awkRun) awkVal { return v }} }

func (p *awkParser) expr() awkNode {
	left := p.ternary()
	if left.set == nil || !p.is("=", "+=", "-=", "*=", "/=", "%=", "^=", "**=") {
		return left
	}
	op := p.tok.text
	p.next()
	p.newlines()
	right := p.expr().get
	return awkNode{get: func(r *awkRun) awkVal {
		v := right(r)
		if op != "=" {
			v = r.arith(op[:1], left.get(r), v, op == "**=")
		}
		left.set(r, v)
		return v
	}}
}

func (r *awkRun) arith(op string, a, b awkVal, pow bool) awkVal {
	x, y := a.num(), b.num()
	if pow {
		op = "^"
	}
	if (op == "/" || op == "%") && y == 0 {
		return r.fail("division by zero")
	}
	switch op {
	case "+":
		x += y
	case "-":
		x -= y
	case "*":
		x *= y
	case "/":
		x /= y
	case "%":
		x = math.Mod(x, y)
	case "^":
		x = math.Pow(x, y)
	}
	return awkNum(x)
}

func (p *awkParser) ternary() awkNode {
	cond := p.or()
	if !p.accept("?") {
		return cond
	}
	p.newlines()
	yes := p.expr().get
	p.newlines()
	p.want(":")
	p.newlines()
	no := p.expr().get
	return awkNode{get: func(r *awkRun) awkVal {
		if cond.get(r).truth() {
			return yes(r)
		}
		return no(r)
	}}
}

func (p *awkParser) or() awkNode {
	a := p.and()
	for p.accept("||") {
		p.newlines()
		x, y := a.get, p.and().get
		a = awkNode{get: func(r *awkRun) awkVal { return awkBool(x(r).truth() || y(r).truth()) }}
	}
	return a
}

func (p *awkParser) and() awkNode {
	a := p.in()
	for p.accept("&&") {
		p.newlines()
		x, y := a.get, p.in().get
		a = awkNode{get: func(r *awkRun) awkVal { return awkBool(x(r).truth() && y(r).truth()) }}
	}
	return a
}

func (p *awkParser) in() awkNode {
	a := p.match()
	for p.accept("in") {
		x, arr := a.get, p.tok
		if p.next(); arr.kind != 'w' {
			p.bad()
		}
		a = awkNode{get: func(r *awkRun) awkVal {
			_, ok := r.array(arr.text)[x(r).String()]
			return awkBool(ok)
		}}
	}
	return a
}

func (p *awkParser) match() awkNode {
	a := p.compare()
	for p.is("~", "!") {
		not := p.tok.text == "!"
		p.next()
		if not && !p.accept("~") {
			p.bad()
		}
		x, re := a.get, p.pattern(p.compare())
		a = awkNode{get: func(r *awkRun) awkVal { return awkBool(re(r).MatchString(x(r).String()) != not) }}
	}
	return a
}

// pattern is an operand that is used as a regular expression.
func (p *awkParser) pattern(n awkNode) func(*awkRun) *regexp.Regexp {
	if n.re != nil || n.get == nil {
		return func(*awkRun) *regexp.Regexp { return n.re }
	}
	return func(r *awkRun) *regexp.Regexp { return r.compile(n.get(r).String()) }
}

func (p *awkParser) compare() awkNode {
	a := p.concat()
	if !p.is("<", "<=", "==", "!=", ">=") && (p.noGT || !p.is(">")) {
		return a
	}
	op := p.tok.text
	p.next()
	x, y := a.get, p.concat().get
	return awkNode{get: func(r *awkRun) awkVal {
		c := compareAwk(x(r), y(r))
		return awkBool(c < 0 && (op == "<" || op == "<=" || op == "!=") || c == 0 && (op == "<=" || op == "==" || op == ">=") || c > 0 && (op == ">" || op == ">=" || op == "!="))
	}}
}

func (p *awkParser) concat() awkNode {
	a := p.binary(0)
	for p.tok.kind == 'n' || p.tok.kind == 's' || p.tok.kind == 'w' || p.tok.kind == 'f' || p.is("$", "(", "++", "--") {
		x, y := a.get, p.binary(0).get
		a = awkNode{get: func(r *awkRun) awkVal { s := x(r).String(); return awkStr(s + y(r).String()) }}
	}
	return a
}

// binary is sums (0) and products (1).
func (p *awkParser) binary(level int) awkNode {
	ops := [][]string{{"+", "-"}, {"*", "/", "%"}}[level]
	operand := func() awkNode {
		if level == 0 {
			return p.binary(1)
		}
		return p.unary()
	}
	a := operand()
	for p.is(ops...) {
		op := p.tok.text
		p.next()
		x, y := a.get, operand().get
		a = awkNode{get: func(r *awkRun) awkVal { v := x(r); return r.arith(op, v, y(r), false) }}
	}
	return a
}

func (p *awkParser) unary() awkNode {
	switch {
	case p.accept("!"):
		x := p.unary().get
		return awkNode{get: func(r *awkRun) awkVal { return awkBool(!x(r).truth()) }}
	case p.accept("-"):
		x := p.unary().get
		return awkNode{get: func(r *awkRun) awkVal { return awkNum(-x(r).num()) }}
	case p.accept("+"):
		x := p.unary().get
		return awkNode{get: func(r *awkRun) awkVal { return awkNum(x(r).num()) }}
	}
	a := p.postfix()
	if !p.accept("^") && !p.accept("**") {
		return a
	}
	x, y := a.get, p.unary().get // to the right first
	return awkNode{get: func(r *awkRun) awkVal { return r.arith("^", x(r), y(r), true) }}
}

func (p *awkParser) postfix() awkNode {
	if p.is("++", "--") {
		op := p.tok.text
		p.next()
		return p.step(p.primary(), op, false)
	}
	a := p.primary()
	if a.set != nil && p.is("++", "--") {
		op := p.tok.text
		p.next()
		return p.step(a, op, true)
	}
	return a
}

// step is ++ and --; after gives the value from before.
func (p *awkParser) step(a awkNode, op string, after bool) awkNode {
	if a.set == nil {
		p.bad()
		return awkConst(awkVal{})
	}
	return awkNode{get: func(r *awkRun) awkVal {
		old := awkNum(a.get(r).num())
		v := r.arith(op[:1], old, awkNum(1), false)
		a.set(r, v)
		if after {
			return old
		}
		return v
	}}
}

func (p *awkParser) primary() awkNode {
	t := p.tok
	switch {
	case t.kind == 'n':
		p.next()
		f, _ := strconv.ParseFloat(t.text, 64)
		return awkConst(awkNum(f))
	case t.kind == 's':
		p.next()
		return awkConst(awkStr(t.text))
	case t.kind == 'w':
		p.next()
		return p.variable(t)
	case t.kind == 'f':
		p.next()
		return p.call(t.text)
	case p.is("/", "/="):
		return p.constant()
	case p.accept("$"):
		return p.fieldRef()
	case p.accept("("):
		return p.group()
	case p.is("-", "+", "!"):
		return p.unary()
	}
	p.bad()
	return awkConst(awkVal{})
}

func (p *awkParser) constant() awkNode {
	src := p.regex()
	re, err := compileAwk(src)
	if err != nil && p.err == nil {
		p.err = err
	}
	return awkNode{re: re, get: func(r *awkRun) awkVal { return awkBool(re.MatchString(r.line)) }}
}

func (p *awkParser) fieldRef() awkNode {
	n := p.primary
	if p.is("++", "--") {
		n = p.postfix
	}
	x := n().get
	return awkNode{get: func(r *awkRun) awkVal { return r.field(int(x(r).num())) },
		set: func(r *awkRun, v awkVal) { r.setField(int(x(r).num()), v) }}
}

// group is (a), or the (i, j) of (i, j) in a.
func (p *awkParser) group() awkNode {
	gt := p.noGT
	p.noGT = false
	list := p.list(")")
	p.noGT = gt
	p.want(")")
	switch {
	case len(list) == 1:
		return awkNode{get: list[0]}
	case len(list) > 1 && p.is("in"):
		return awkNode{get: func(r *awkRun) awkVal { return awkStr(r.index(list)) }}
	}
	p.bad()
	return awkConst(awkVal{})
}

func (p *awkParser) variable(t awkTok) awkNode {
	name := t.text
	if t.glue {
		p.refuse("the function " + name)
	}
	if !p.is("[") {
		return awkNode{name: name, get: func(r *awkRun) awkVal { return r.get(name) }, set: func(r *awkRun, v awkVal) { r.assign(name, v) }}
	}
	subs := p.subscripts()
	return awkNode{
		get: func(r *awkRun) awkVal {
			a, k := r.array(name), r.index(subs)
			if _, ok := a[k]; !ok {
				a[k] = awkVal{} // looking makes it, as POSIX says
			}
			return a[k]
		},
		set: func(r *awkRun, v awkVal) { r.array(name)[r.index(subs)] = v },
	}
}
