package kernel

import "mvdan.cc/sh/v3/syntax"

// Where a command's status is asked for (before && and ||, after !, as a condition)
// set -e has no effect in it, subshells included. The library knows that of the
// commands of one process; subshells are processes here, and ! is forgotten.

// negate makes the command behind ! the condition of an if, where the library does
// not end the shell in the middle of it.
func negate(st *syntax.Stmt) {
	if c, ok := st.Cmd.(*syntax.CallExpr); !st.Negated || ok && len(c.Args) == 1 && c.Args[0].Lit() == ":" {
		return
	}
	inner := *st
	inner.Negated, inner.Redirs, inner.Comments = false, nil, nil
	st.Cmd = &syntax.IfClause{
		Cond: []*syntax.Stmt{&inner},
		Then: []*syntax.Stmt{{Cmd: callOf(":")}},
		Else: &syntax.IfClause{Then: []*syntax.Stmt{{Negated: true, Cmd: callOf(":")}}},
	}
}

// asked runs f for statements whose status is asked for.
func (w *rewriter) asked(f func()) {
	was := w.condition
	w.condition = true
	f()
	w.condition = was
}

// unasked is asked for statements that begin anew, as a function's do.
func (w *rewriter) unasked(f func()) {
	was := w.condition
	w.condition = false
	f()
	w.condition = was
}

// subshell files the statements of ( ) away.
func (w *rewriter) subshell(stmts []*syntax.Stmt) string {
	w.stmts(stmts)
	if w.condition {
		stmts = append([]*syntax.Stmt{{Cmd: callOf("set", "+e")}}, stmts...)
	}
	return w.body(stmts)
}
