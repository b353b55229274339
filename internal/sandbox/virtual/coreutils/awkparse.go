package coreutils

import "slices"

// awkParser turns a program into functions.
type awkParser struct {
	awkLexer
	noGT bool // in print: > is no comparison
}

func parseAwk(src string) ([]*awkRule, error) {
	p := &awkParser{awkLexer: awkLexer{s: src}}
	p.next()
	var rules []*awkRule
	for p.lines(); p.tok.kind != 0; p.lines() {
		rules = append(rules, p.rule())
	}
	return rules, p.err
}

func (p *awkParser) is(texts ...string) bool {
	return (p.tok.kind == 'o' || p.tok.kind == 'k') && slices.Contains(texts, p.tok.text)
}

func (p *awkParser) accept(text string) bool {
	ok := p.is(text)
	if ok {
		p.next()
	}
	return ok
}

func (p *awkParser) want(text string) {
	if !p.accept(text) {
		p.bad()
	}
}

// newlines skips newlines; lines skips semicolons too.
func (p *awkParser) newlines() {
	for p.tok.kind == '\n' {
		p.next()
	}
}

func (p *awkParser) lines() {
	for p.tok.kind == '\n' || p.is(";") {
		p.next()
	}
}

func (p *awkParser) rule() *awkRule {
	u := &awkRule{}
	switch {
	case p.accept("BEGIN"):
		u.begin = true
	case p.accept("END"):
		u.end = true
	case !p.is("{"):
		u.from = p.expr().get
		if p.accept(",") {
			p.newlines()
			u.to = p.expr().get
		}
	}
	switch {
	case p.is("{"):
		u.do = p.block()
	case u.begin || u.end:
		p.bad()
	default:
		u.do = awkPrint(nil, nil)
	}
	return u
}

func (p *awkParser) block() awkStmt {
	p.want("{")
	var list []awkStmt
	for p.lines(); !p.is("}") && p.tok.kind != 0; p.lines() {
		list = append(list, p.stmt())
	}
	p.want("}")
	return func(r *awkRun) awkFlow {
		for _, s := range list {
			if flow := s(r); flow != awkGo {
				return flow
			}
			if r.stopped() {
				return awkExit
			}
		}
		return awkGo
	}
}

// body is the statement under if, else or a loop.
func (p *awkParser) body() awkStmt {
	p.newlines()
	if p.accept(";") {
		return func(*awkRun) awkFlow { return awkGo }
	}
	return p.stmt()
}

// end wants the end of a simple statement.
func (p *awkParser) end() {
	switch {
	case p.tok.kind == '\n' || p.is(";"):
		p.next()
	case p.tok.kind != 0 && !p.is("}"):
		p.bad()
	}
}

func (p *awkParser) stmt() awkStmt {
	switch {
	case p.is("{"):
		return p.block()
	case p.accept("if"):
		return p.ifStmt()
	case p.accept("while"):
		cond := p.paren()
		return awkLoop(cond, nil, p.body(), false)
	case p.accept("do"):
		body := p.body()
		p.lines()
		p.want("while")
		cond := p.paren()
		p.end()
		return awkLoop(cond, nil, body, true)
	case p.accept("for"):
		return p.forStmt()
	}
	s := p.simple()
	p.end()
	return s
}

func (p *awkParser) paren() awkExpr {
	p.want("(")
	e := p.expr()
	p.want(")")
	return e.get
}

func (p *awkParser) ifStmt() awkStmt {
	cond := p.paren()
	yes := p.body()
	no := awkStmt(func(*awkRun) awkFlow { return awkGo })
	back := p.awkLexer
	p.lines()
	if p.accept("else") {
		no = p.body()
	} else if p.err == nil {
		p.awkLexer = back
	}
	return func(r *awkRun) awkFlow {
		if cond(r).truth() {
			return yes(r)
		}
		return no(r)
	}
}

// awkLoop runs body while cond holds; after is the third part of a for.
func awkLoop(cond awkExpr, after, body awkStmt, first bool) awkStmt {
	return func(r *awkRun) awkFlow {
		for first || cond == nil || cond(r).truth() {
			flow := body(r)
			if flow == awkBreak || r.stopped() {
				break
			}
			if flow == awkNext || flow == awkExit {
				return flow
			}
			if after != nil {
				after(r)
			}
			if first && !cond(r).truth() {
				break
			}
		}
		return awkGo
	}
}

func (p *awkParser) forStmt() awkStmt {
	p.want("(")
	back := p.awkLexer
	if name := p.tok; name.kind == 'w' {
		p.next()
		if p.accept("in") && p.tok.kind == 'w' {
			arr := p.tok.text
			p.next()
			if p.accept(")") {
				return awkEach(name.text, arr, p.body())
			}
		}
		if p.err == nil {
			p.awkLexer = back
		}
	}
	var first, after awkStmt
	var cond awkExpr
	if !p.is(";") {
		first = p.simple()
	}
	p.want(";")
	p.newlines()
	if !p.is(";") {
		cond = p.expr().get
	}
	p.want(";")
	p.newlines()
	if !p.is(")") {
		after = p.simple()
	}
	p.want(")")
	loop := awkLoop(cond, after, p.body(), false)
	return func(r *awkRun) awkFlow {
		if first != nil {
			first(r)
		}
		return loop(r)
	}
}
