package coreutils

import (
	"slices"
	"strconv"
	"strings"
)

// simple is a statement without a body.
func (p *awkParser) simple() awkStmt {
	flows := map[string]awkFlow{"next": awkNext, "break": awkBreak, "continue": awkContinue}
	switch {
	case p.is("next", "break", "continue"):
		flow := flows[p.tok.text]
		p.next()
		return func(*awkRun) awkFlow { return flow }
	case p.accept("exit"):
		return p.exitStmt()
	case p.accept("delete"):
		return p.deleteStmt()
	case p.is("print", "printf"):
		return p.printStmt()
	}
	e := p.expr().get
	return func(r *awkRun) awkFlow { e(r); return awkGo }
}

func (p *awkParser) exitStmt() awkStmt {
	var code awkExpr
	if p.tok.kind != 0 && p.tok.kind != '\n' && !p.is(";", "}") {
		code = p.expr().get
	}
	return func(r *awkRun) awkFlow {
		if code != nil {
			r.status = int(code(r).num()) & 0xff
		}
		return awkExit
	}
}

func (p *awkParser) deleteStmt() awkStmt {
	name := p.tok
	if p.next(); name.kind != 'w' {
		p.bad()
	}
	if !p.is("[") {
		return func(r *awkRun) awkFlow { clear(r.array(name.text)); return awkGo }
	}
	subs := p.subscripts()
	return func(r *awkRun) awkFlow { delete(r.array(name.text), r.index(subs)); return awkGo }
}

func (p *awkParser) subscripts() []awkExpr {
	p.want("[")
	subs := p.list("]")
	p.want("]")
	return subs
}

// list is expressions up to one of the ends.
func (p *awkParser) list(ends ...string) []awkExpr {
	var out []awkExpr
	for p.err == nil && p.tok.kind != 0 && p.tok.kind != '\n' && !p.is(ends...) {
		out = append(out, p.expr().get)
		if !p.accept(",") {
			break
		}
		p.newlines()
	}
	return out
}

func (p *awkParser) printStmt() awkStmt {
	format := p.tok.text == "printf"
	p.next()
	ends := []string{">", ">>", "|", ";", "}"}
	var args []awkExpr
	back := p.awkLexer
	if p.accept("(") { // print (a, b) > "f", but also print (a) b
		args = p.list(")")
		p.want(")")
		if p.err != nil || p.tok.kind != 0 && p.tok.kind != '\n' && !p.is(ends...) {
			args, p.awkLexer = nil, back
		}
	}
	if args == nil {
		p.noGT = true
		args = p.list(ends...)
		p.noGT = false
	}
	var to awkExpr
	switch {
	case p.is("|"):
		p.refuse("print into a pipe")
	case p.accept(">") || p.accept(">>"):
		to = p.concat().get
	}
	if !format {
		return awkPrint(args, to)
	}
	if len(args) == 0 {
		p.bad()
	}
	return func(r *awkRun) awkFlow {
		vals := awkAll(r, args)
		r.print(awkFormat(vals[0].String(), vals[1:]), awkTo(r, to))
		return awkGo
	}
}

func awkTo(r *awkRun, to awkExpr) string {
	if to == nil {
		return ""
	}
	return to(r).String()
}

func awkAll(r *awkRun, args []awkExpr) []awkVal {
	out := make([]awkVal, len(args))
	for i, e := range args {
		out[i] = e(r)
	}
	return out
}

func awkPrint(args []awkExpr, to awkExpr) awkStmt {
	return func(r *awkRun) awkFlow {
		words := []string{r.line}
		if len(args) > 0 {
			words = words[:0]
			for _, v := range awkAll(r, args) {
				words = append(words, v.String())
			}
		}
		r.print(strings.Join(words, r.vars["OFS"].String())+r.vars["ORS"].String(), awkTo(r, to))
		return awkGo
	}
}

// awkEach is for (name in arr): no order is promised, so numbers come first, in
// order, and then words.
func awkEach(name, arr string, body awkStmt) awkStmt {
	return func(r *awkRun) awkFlow {
		var keys []string
		for k := range r.array(arr) {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b string) int {
			x, e1 := strconv.Atoi(a)
			y, e2 := strconv.Atoi(b)
			if e1 == nil && e2 == nil {
				return x - y
			}
			return strings.Compare(a, b)
		})
		for _, k := range keys {
			r.assign(name, awkInput(k))
			flow := body(r)
			if flow == awkBreak || r.stopped() {
				break
			}
			if flow == awkNext || flow == awkExit {
				return flow
			}
		}
		return awkGo
	}
}
