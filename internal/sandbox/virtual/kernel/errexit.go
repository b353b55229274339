package kernel

import "mvdan.cc/sh/v3/syntax"

// set -e has no effect on a command whose status is tested (before && and ||, after !, as
// a condition), nor in subshells of it. The library applies this only within one process,
// but subshells are processes here. It also does not apply it after !.

// negate makes the command after ! the condition of an if, because the library does not
// end the shell in the middle of a condition.
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

// asked runs f for statements whose status is tested.
func (w *rewriter) asked(f func()) {
	was := w.condition
	w.condition = true
	f()
	w.condition = was
}

// unasked runs f for statements with a fresh start, such as the body of a function.
func (w *rewriter) unasked(f func()) {
	was := w.condition
	w.condition = false
	f()
	w.condition = was
}

// subshell stores the statements of ( ).
func (w *rewriter) subshell(stmts []*syntax.Stmt) string {
	w.stmts(stmts)
	if w.condition {
		stmts = append([]*syntax.Stmt{{Cmd: callOf("set", "+e")}}, stmts...)
	}
	return w.body(stmts)
}
