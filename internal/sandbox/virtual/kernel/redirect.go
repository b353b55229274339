package kernel

import (
	"strconv"

	"mvdan.cc/sh/v3/syntax"
)

// redirs turns what the interpreter has no place for (descriptors from 3 up)
// into paths under /dev/fd and calls that open them. It reports whether the
// statement's command is done with too.
func (w *rewriter) redirs(st *syntax.Stmt) bool {
	var before []*syntax.Stmt
	kept := st.Redirs[:0:0]
	for _, r := range st.Redirs {
		if w.posix {
			w.posixRedirect(r)
		}
		w.word(r.Word)
		if r.Hdoc != nil {
			w.quoted = true
			w.word(r.Hdoc)
			w.quoted = false
		}
		n := ""
		if r.N != nil {
			n = r.N.Value
		}
		if fd, err := strconv.Atoi(n); err == nil && fd > 2 {
			if r.Hdoc != nil {
				w.refuse(r.Pos(), "a here-document on descriptor "+n)
			}
			c := callOf(callFd, n, r.Op.String())
			c.Args = append(c.Args, r.Word)
			before = append(before, &syntax.Stmt{Position: r.Pos(), Cmd: c})
			continue
		}
		if w.lowRedir(r) {
			kept = append(kept, r)
		}
	}
	st.Redirs = kept
	if len(before) == 0 {
		return false
	}
	inner := *st
	if c, ok := inner.Cmd.(*syntax.CallExpr); ok && len(c.Args) == 1 && c.Args[0].Lit() == "exec" && len(inner.Redirs) == 0 {
		inner.Cmd = callOf(":")
	}
	w.command(&inner)
	*st = syntax.Stmt{Position: st.Position, Cmd: &syntax.Block{Stmts: append(before, &inner)}}
	return true
}

// lowRedir mends a redirection of stdin, stdout or stderr; false: drop it.
func (w *rewriter) lowRedir(r *syntax.Redirect) bool {
	switch r.Op {
	case syntax.RdrClob:
		r.Op = syntax.RdrOut
	case syntax.DplIn, syntax.DplOut:
		arg := r.Word.Lit()
		fd, err := strconv.Atoi(arg)
		switch {
		case err != nil:
			return true
		case fd > 2 && r.Op == syntax.DplIn:
			r.Op, r.Word = syntax.RdrIn, lit("/dev/fd/"+arg)
		case fd > 2:
			r.Op, r.Word = syntax.AppOut, lit("/dev/fd/"+arg)
		case fd == 0 && r.Op == syntax.DplIn:
			return false
		}
	}
	return true
}
