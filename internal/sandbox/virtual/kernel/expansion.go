package kernel

import (
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

func (w *rewriter) word(n *syntax.Word) {
	if n == nil {
		return
	}
	w.tilde(n)
	if w.posix {
		n.Parts = posixParts(n.Parts)
	}
	for i, part := range n.Parts {
		n.Parts[i] = w.part(part)
	}
}

func (w *rewriter) tilde(n *syntax.Word) {
	if len(n.Parts) == 0 {
		return
	}
	l, ok := n.Parts[0].(*syntax.Lit)
	if !ok || len(l.Value) < 2 || l.Value[0] != '~' || l.Value[1] == '/' {
		return
	}
	name, rest, _ := strings.Cut(l.Value[1:], "/")
	first := lit("~" + name)
	if home, ok := w.home(name); ok {
		first = lit(home)
	}
	parts := []syntax.WordPart{first.Parts[0]}
	if len(l.Value) > 1+len(name) {
		parts = append(parts, &syntax.Lit{Value: "/" + rest})
	}
	n.Parts = append(parts, n.Parts[1:]...)
}

// bareEscapes quotes each character of an assigned value that has a backslash before it.
// The library keeps the backslash in an assignment, where a shell drops it.
func bareEscapes(n *syntax.Word) {
	if n == nil {
		return
	}
	var parts []syntax.WordPart
	for _, part := range n.Parts {
		l, ok := part.(*syntax.Lit)
		if !ok {
			parts = append(parts, part)
			continue
		}
		for rest := l.Value; rest != ""; {
			before, after, found := strings.Cut(rest, `\`)
			if before != "" {
				parts = append(parts, &syntax.Lit{ValuePos: l.ValuePos, ValueEnd: l.ValueEnd, Value: before})
			}
			if !found {
				break
			}
			_, size := utf8.DecodeRuneInString(after)
			if after[:size] == "'" { // the parsed text may be printed again
				parts = append(parts, &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.Lit{Value: "'"}}})
			} else {
				parts = append(parts, &syntax.SglQuoted{Value: after[:size]})
			}
			rest = after[size:]
		}
	}
	n.Parts = parts
}

func (w *rewriter) part(part syntax.WordPart) syntax.WordPart {
	switch x := part.(type) {
	case *syntax.DblQuoted:
		was := w.quoted
		w.quoted = true
		for i, q := range x.Parts {
			x.Parts[i] = w.part(q)
		}
		w.quoted = was
	case *syntax.CmdSubst:
		w.subst(x)
	case *syntax.ProcSubst:
		if w.posix {
			w.syntaxError(x.Pos(), `"(" unexpected`)
		}
		w.stmts(x.Stmts)
		op := callProcIn
		if x.Op == syntax.CmdOut {
			op = callProcOut
		}
		return &syntax.CmdSubst{Stmts: []*syntax.Stmt{{Cmd: callOf(op, w.body(x.Stmts))}}}
	case *syntax.ParamExp:
		if w.param(x); isOp(x, "Q") {
			return quoted(x)
		}
	case *syntax.ArithmExp:
		x.X = w.arithmetic(x.X)
	case *syntax.ExtGlob, *syntax.Lit, *syntax.SglQuoted:
	default:
		w.walk(x)
	}
	return part
}

func (w *rewriter) subst(x *syntax.CmdSubst) {
	if len(x.Stmts) == 1 && x.Stmts[0].Cmd == nil && len(x.Stmts[0].Redirs) == 1 && x.Stmts[0].Redirs[0].Op == syntax.RdrIn {
		w.word(x.Stmts[0].Redirs[0].Word)
		x.Stmts[0].Cmd = callOf(callSlurp) // $(<file): the library drops the whole command if it cannot open the file
		if w.posix {
			x.Stmts[0].Cmd = callOf(":")
		}
		return
	}
	if len(x.Stmts) == 0 {
		return
	}
	w.stmts(x.Stmts)
	x.Stmts = []*syntax.Stmt{{Cmd: callOf(callSubst, w.body(x.Stmts))}}
}

func (w *rewriter) param(x *syntax.ParamExp) {
	if w.posix {
		w.posixParam(x)
	}
	if x.Param != nil {
		switch x.Param.Value {
		case "$", "BASHPID":
			x.Param, x.Short = &syntax.Lit{Value: varPid}, false
		case "!":
			x.Param, x.Short = &syntax.Lit{Value: varBang}, false
		case "0":
			x.Param, x.Short = &syntax.Lit{Value: varZero}, false
		case "-":
			x.Param, x.Short = &syntax.Lit{Value: varFlags}, false
		case "PPID":
			x.Param, x.Short = &syntax.Lit{Value: varPpid}, false
		case "BASH_SOURCE":
			if !w.posix {
				x.Param, x.Index = &syntax.Lit{Value: varZero}, nil
				x.Short = false
			}
		case "PIPESTATUS", "COPROC", "SECONDS", "FUNCNAME", "BASH_VERSINFO", "EPOCHREALTIME":
			if !w.posix {
				w.refuse(x.Pos(), "$"+x.Param.Value)
			}
		}
	}
	laterArgument(x)
	if x.NestedParam != nil {
		x.NestedParam = w.part(x.NestedParam)
	}
	if x.Index != nil {
		arithNames(x.Index)
		w.walk(x.Index)
	}
	if x.Slice != nil {
		x.Slice.Offset, x.Slice.Length = w.arithmetic(x.Slice.Offset), w.arithmetic(x.Slice.Length)
	}
	if x.Repl != nil {
		w.word(x.Repl.Orig)
		w.word(x.Repl.With)
	}
	if i, ok := x.Index.(*syntax.Word); ok && x.Length && w.prog.isAssociative(x.Param.Value) && (i.Lit() == "@" || i.Lit() == "*") {
		w.refuse(x.Pos(), "the number of elements of an associative array")
	}
	if w.quoted && hasDefault(x) {
		w.quotedDefault(x)
	}
	if x.Exp != nil {
		w.word(x.Exp.Word)
	}
}

// laterArgument puts a slice of $* for ${10} and above. The library knows the first nine
// arguments by name, and takes the others for variables that are not set.
func laterArgument(x *syntax.ParamExp) {
	if isLater(x) {
		x.Slice = &syntax.Slice{Offset: plain(x.Param.Value), Length: plain("1")}
		x.Param = &syntax.Lit{Value: "*"}
	}
}

// isLater reports whether an expansion is of the tenth argument or one after it.
func isLater(x *syntax.ParamExp) bool {
	return x.Param != nil && len(x.Param.Value) > 1 && strings.Trim(x.Param.Value, "0123456789") == ""
}

// isOp reports whether an expansion is ${x@op}.
func isOp(x *syntax.ParamExp, op string) bool {
	return x.Exp != nil && x.Exp.Op == syntax.OtherParamOps && x.Exp.Word.Lit() == op
}

// quoted stands for ${x@Q}, which the library quotes in another way than bash.
func quoted(x *syntax.ParamExp) syntax.WordPart {
	word := func(exp *syntax.Expansion) *syntax.Word {
		return &syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.ParamExp{Param: x.Param, Index: x.Index, Exp: exp}}}}}
	}
	c := callOf(callQuote)
	c.Args = append(c.Args, word(&syntax.Expansion{Op: syntax.AlternateUnset, Word: plain("set")}), word(nil))
	return &syntax.CmdSubst{Stmts: []*syntax.Stmt{{Cmd: c}}}
}

// arithNames puts the guest's own parent where arithmetic names PPID without a
// dollar: the library would answer with the host's.
func arithNames(n syntax.Node) {
	if e, ok := n.(syntax.ArithmExpr); n == nil || ok && e == nil {
		return
	}
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ParamExp, *syntax.ProcSubst:
			return false
		case *syntax.Lit:
			if n.Value == "PPID" {
				n.Value = varPpid
			}
		}
		return true
	})
}
