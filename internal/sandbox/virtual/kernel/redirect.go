package kernel

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// redirs turns redirections of descriptors from 3 up into paths under /dev/fd and calls
// that open them, because the interpreter knows only 0, 1 and 2. It reports whether the
// statement's command is rewritten, too.
func (w *rewriter) redirs(st *syntax.Stmt) bool {
	high := false
	kept := st.Redirs[:0:0]
	for _, r := range st.Redirs {
		w.redir(r)
		if isHigh(r) {
			high = true
		} else if !w.lowRedir(r) {
			continue
		}
		kept = append(kept, r)
	}
	st.Redirs = kept
	if !high {
		return w.exitOnRedirect(st)
	}
	inner := *st
	inner.Redirs, inner.Negated = nil, false
	if is, command := isExec(inner.Cmd); is {
		st.Redirs, st.Cmd = nil, &syntax.Block{Stmts: w.execRedirs(kept, command)}
		return true
	}
	label := w.prog.label()
	w.scopes = append(w.scopes, label)
	w.command(&inner)
	w.scopes = w.scopes[:len(w.scopes)-1]
	body := &inner
	for i := len(kept) - 1; i >= 0; i-- {
		r := kept[i]
		switch {
		case isHigh(r):
			body = &syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: syntax.AndStmt, X: openCall(r), Y: body}}
		default:
			if _, and := body.Cmd.(*syntax.BinaryCmd); and {
				body = &syntax.Stmt{Cmd: &syntax.Block{Stmts: []*syntax.Stmt{body}}}
			}
			body.Redirs = append([]*syntax.Redirect{r}, body.Redirs...)
		}
	}
	st.Redirs, st.Cmd = nil, scoped(label, body, st.Negated)
	return true
}

// scoped restores the descriptors after a command. If the command is negated, its status is
// tested, so that set -e does not act on it.
func scoped(label string, body *syntax.Stmt, negated bool) *syntax.Block {
	keep, back := &syntax.Stmt{Cmd: callOf(callKeepFds, label)}, &syntax.Stmt{Cmd: callOf(callBackFds, label)}
	if !negated {
		return &syntax.Block{Stmts: []*syntax.Stmt{keep, body, back}}
	}
	back.Cmd = callOf(callBackFds, label, "tested")
	failed := &syntax.IfClause{Then: []*syntax.Stmt{back, {Cmd: callOf(":")}}}
	return &syntax.Block{Stmts: []*syntax.Stmt{keep, {Negated: true, Cmd: &syntax.IfClause{
		Cond: []*syntax.Stmt{body}, Then: []*syntax.Stmt{back, {Negated: true, Cmd: callOf(":")}}, Else: failed}}}}
}

// returns makes a return out of commands with descriptors of their own restore them.
func (w *rewriter) returns(cmd syntax.Command) syntax.Command {
	if c, ok := cmd.(*syntax.CallExpr); ok && len(w.scopes) > 0 && len(c.Args) > 0 && c.Args[0].Lit() == "return" {
		c.Args = append([]*syntax.Word{plain(callReturn), lit(w.scopes[0])}, c.Args[1:]...)
	}
	return cmd
}

func (w *rewriter) redir(r *syntax.Redirect) {
	if w.posix {
		w.posixRedirect(r)
	}
	if r.N != nil && strings.HasPrefix(r.N.Value, "{") {
		w.refuse(r.Pos(), "a redirection with "+r.N.Value)
	}
	w.word(r.Word)
	if r.Hdoc != nil {
		w.quoted = true
		w.word(r.Hdoc)
		w.quoted = false
	}
	if r.Hdoc != nil && isHigh(r) {
		w.refuse(r.Pos(), "a here-document on descriptor "+r.N.Value)
	}
}

// isHigh reports whether a redirection is of a descriptor from 3 up.
func isHigh(r *syntax.Redirect) bool {
	if r.N == nil {
		return false
	}
	fd, err := strconv.Atoi(r.N.Value)
	return err == nil && fd > 2
}

func openCall(r *syntax.Redirect) *syntax.Stmt {
	c := callOf(callFd, r.N.Value, r.Op.String())
	c.Args = append(c.Args, r.Word)
	return &syntax.Stmt{Position: r.Pos(), Cmd: c}
}

// isExec reports whether a command is exec without a program, and whether it has the word
// command before it.
func isExec(cmd syntax.Command) (is, command bool) {
	c, ok := cmd.(*syntax.CallExpr)
	if !ok || len(c.Args) == 0 {
		return false, false
	}
	command = c.Args[0].Lit() == "command"
	return c.Args[len(c.Args)-1].Lit() == "exec" && (len(c.Args) == 1 || command && len(c.Args) == 2), command
}

// execRedirs are the redirections of an exec without a program, one after the other. If
// one fails, dash ends, unless the word command is before exec.
func (w *rewriter) execRedirs(redirs []*syntax.Redirect, command bool) []*syntax.Stmt {
	var out []*syntax.Stmt
	for _, r := range redirs {
		one := &syntax.Stmt{Cmd: callOf("exec"), Redirs: []*syntax.Redirect{r}}
		if isHigh(r) {
			one = openCall(r)
		}
		if w.posix && !command {
			one = orExit(one)
		}
		out = append(out, one)
	}
	return out
}

func orExit(st *syntax.Stmt) *syntax.Stmt {
	return &syntax.Stmt{Position: st.Position, Cmd: &syntax.BinaryCmd{Op: syntax.OrStmt, X: st, Y: &syntax.Stmt{Cmd: callOf("exit", "2")}}}
}

// exitOnRedirect ends dash if a redirection of a special builtin fails: the library goes
// on with the next command. It knows exec and :, which cannot fail otherwise.
func (w *rewriter) exitOnRedirect(st *syntax.Stmt) bool {
	c, ok := st.Cmd.(*syntax.CallExpr)
	if !w.posix || !ok || len(st.Redirs) == 0 || len(c.Args) == 0 || st.Negated {
		return false
	}
	if name := c.Args[0].Lit(); name != ":" && (name != "exec" || len(c.Args) > 1) {
		return false
	}
	inner := *st
	w.command(&inner)
	*st = *orExit(&inner)
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
