package kernel

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// program holds the pieces of scripts that run as processes of their own:
// subshells, both sides of a pipe, background jobs and substitutions. The
// interpreter runs those as goroutines of one shell; rewritten, they become
// calls by number, which the kernel answers with a new process.
type program struct {
	mu     sync.Mutex
	bodies []*syntax.File
}

func (g *program) add(f *syntax.File) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bodies = append(g.bodies, f)
	return strconv.Itoa(len(g.bodies) - 1)
}

func (g *program) body(id string) *syntax.File {
	n, err := strconv.Atoi(id)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil || n < 0 || n >= len(g.bodies) {
		return nil
	}
	return g.bodies[n]
}

// The calls that rewriting puts in.
const (
	callPrefix   = "__vg_"
	callFork     = callPrefix + "fork"
	callBack     = callPrefix + "back"
	callSubst    = callPrefix + "subst"
	callProcIn   = callPrefix + "procin"
	callProcOut  = callPrefix + "procout"
	callFd       = callPrefix + "fd"
	callPipe     = callPrefix + "pipe"
	varPid       = callPrefix + "pid"
	varPpid      = callPrefix + "ppid"
	varBang      = callPrefix + "bang"
	bodyFunction = callPrefix + "body"
)

type rewriter struct {
	prog  *program
	posix bool // a shell without bash's extensions
	name  string
	home  func(user string) (string, bool)
	depth int // of functions
	err   error
}

func (w *rewriter) file(f *syntax.File) error {
	w.stmts(f.Stmts)
	return w.err
}

func (w *rewriter) refuse(pos syntax.Pos, what string) {
	if w.err == nil {
		w.err = fmt.Errorf("%s: %d: sandbox: %s is not supported by the virtual guest", w.name, pos.Line(), what)
	}
}

func (w *rewriter) syntaxError(pos syntax.Pos, what string) {
	if w.err == nil {
		w.err = fmt.Errorf("%s: %d: Syntax error: %s", w.name, pos.Line(), what)
	}
}

func lit(s string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: s}}}
}

func plain(s string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: s}}}
}

func callOf(name string, args ...string) *syntax.CallExpr {
	c := &syntax.CallExpr{Args: []*syntax.Word{plain(name)}}
	for _, a := range args {
		c.Args = append(c.Args, lit(a))
	}
	return c
}

// body files statements away; inside a function they stay in one, so that
// return and local go on working.
func (w *rewriter) body(stmts []*syntax.Stmt) string {
	f := &syntax.File{Name: w.name, Stmts: stmts}
	if w.depth > 0 {
		all := &syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Parts: []syntax.WordPart{
			&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "@"}}}}}}
		f.Stmts = []*syntax.Stmt{
			{Cmd: &syntax.FuncDecl{Parens: true, Name: &syntax.Lit{Value: bodyFunction},
				Body: &syntax.Stmt{Cmd: &syntax.Block{Stmts: stmts}}}},
			{Cmd: &syntax.CallExpr{Args: []*syntax.Word{plain(bodyFunction), all}}},
		}
	}
	return w.prog.add(f)
}

func (w *rewriter) stmts(list []*syntax.Stmt) {
	for _, s := range list {
		w.stmt(s)
	}
}

func (w *rewriter) stmt(st *syntax.Stmt) {
	if st == nil {
		return
	}
	if st.Coprocess {
		w.refuse(st.Pos(), "a coprocess")
	}
	if st.Background || st.Disown {
		inner := *st
		inner.Background, inner.Disown = false, false
		keep := "null"
		for _, r := range inner.Redirs {
			if r.Op == syntax.RdrIn || r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc || r.Op == syntax.WordHdoc || r.Op == syntax.DplIn {
				keep = "keep"
			}
		}
		if b, ok := inner.Cmd.(*syntax.Subshell); ok && len(inner.Redirs) == 0 && !inner.Negated {
			w.stmts(b.Stmts) // one process is enough
			*st = syntax.Stmt{Position: st.Position, Cmd: callOf(callBack, w.body(b.Stmts), keep)}
			return
		}
		w.stmt(&inner)
		*st = syntax.Stmt{Position: st.Position, Cmd: callOf(callBack, w.body([]*syntax.Stmt{&inner}), keep)}
		return
	}
	if !w.redirs(st) {
		w.command(st)
	}
}

func (w *rewriter) command(st *syntax.Stmt) {
	switch c := st.Cmd.(type) {
	case *syntax.Subshell:
		w.stmts(c.Stmts)
		st.Cmd = callOf(callFork, w.body(c.Stmts))
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			st.Cmd = callOf(callPipe, w.sides(st.Cmd, nil)...)
			return
		}
		w.stmt(c.X)
		w.stmt(c.Y)
	case *syntax.FuncDecl:
		w.depth++
		w.stmt(c.Body)
		w.depth--
	case *syntax.TestClause:
		if w.posix {
			st.Cmd = callOf("[[")
			return
		}
		w.walk(c)
	case *syntax.CoprocClause:
		w.refuse(c.Pos(), "a coprocess")
	case nil:
	default:
		w.walk(c)
	}
}

// sides files the parts of a pipe away, each a process of its own: their ids
// with the operators between them.
func (w *rewriter) sides(cmd syntax.Command, out []string) []string {
	b := cmd.(*syntax.BinaryCmd)
	one := func(st *syntax.Stmt) {
		switch c := st.Cmd.(type) {
		case *syntax.BinaryCmd:
			if (c.Op == syntax.Pipe || c.Op == syntax.PipeAll) && len(st.Redirs) == 0 && !st.Negated {
				out = w.sides(c, out)
				return
			}
		case *syntax.Subshell:
			if len(st.Redirs) == 0 && !st.Negated {
				w.stmts(c.Stmts)
				out = append(out, w.body(c.Stmts))
				return
			}
		}
		w.stmt(st)
		out = append(out, w.body([]*syntax.Stmt{st}))
	}
	one(b.X)
	out = append(out, b.Op.String())
	one(b.Y)
	return out
}

// walk goes through everything that is no statement with a process of its own.
func (w *rewriter) walk(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			w.stmt(n)
			return false
		case *syntax.Word:
			w.word(n)
			return false
		case *syntax.ArrayExpr:
			if w.posix {
				w.syntaxError(n.Pos(), `"(" unexpected`)
			}
		case *syntax.UnaryTest:
			w.unaryTest(n)
		case *syntax.BinaryTest:
			if n.Op == syntax.TsDevIno {
				w.refuse(n.Pos(), "-ef in [[ ]]")
			}
		}
		return true
	})
}

// unaryTest answers what the library would ask the host.
func (w *rewriter) unaryTest(n *syntax.UnaryTest) {
	switch n.Op {
	case syntax.TsFdTerm: // there is no terminal
		n.Op, n.X = syntax.TsEmpStr, lit("x")
	case syntax.TsUsrOwn, syntax.TsGrpOwn:
		w.refuse(n.Pos(), n.Op.String()+" in [[ ]]")
	}
}

func (w *rewriter) word(n *syntax.Word) {
	if n == nil {
		return
	}
	w.tilde(n)
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

func (w *rewriter) part(part syntax.WordPart) syntax.WordPart {
	switch x := part.(type) {
	case *syntax.DblQuoted:
		for i, q := range x.Parts {
			x.Parts[i] = w.part(q)
		}
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
		w.param(x)
	case *syntax.ArithmExp:
		w.walk(x)
	case *syntax.ExtGlob, *syntax.Lit, *syntax.SglQuoted:
	default:
		w.walk(x)
	}
	return part
}

func (w *rewriter) subst(x *syntax.CmdSubst) {
	if len(x.Stmts) == 1 && x.Stmts[0].Cmd == nil && len(x.Stmts[0].Redirs) == 1 && x.Stmts[0].Redirs[0].Op == syntax.RdrIn {
		w.word(x.Stmts[0].Redirs[0].Word) // $(<file)
		return
	}
	if len(x.Stmts) == 0 {
		return
	}
	w.stmts(x.Stmts)
	x.Stmts = []*syntax.Stmt{{Cmd: callOf(callSubst, w.body(x.Stmts))}}
}

func (w *rewriter) param(x *syntax.ParamExp) {
	if x.Param != nil {
		switch x.Param.Value {
		case "$", "BASHPID":
			x.Param, x.Short = &syntax.Lit{Value: varPid}, false
		case "!":
			x.Param, x.Short = &syntax.Lit{Value: varBang}, false
		case "PPID":
			x.Param, x.Short = &syntax.Lit{Value: varPpid}, false
		case "BASH_SOURCE":
			if !w.posix {
				x.Param, x.Index = &syntax.Lit{Value: "0"}, nil
			}
		case "PIPESTATUS", "COPROC", "SECONDS", "FUNCNAME", "BASH_VERSINFO", "EPOCHREALTIME":
			if !w.posix {
				w.refuse(x.Pos(), "$"+x.Param.Value)
			}
		}
	}
	if x.NestedParam != nil {
		x.NestedParam = w.part(x.NestedParam)
	}
	if x.Index != nil {
		w.walk(x.Index)
	}
	if x.Slice != nil {
		if x.Slice.Offset != nil {
			w.walk(x.Slice.Offset)
		}
		if x.Slice.Length != nil {
			w.walk(x.Slice.Length)
		}
	}
	if x.Repl != nil {
		w.word(x.Repl.Orig)
		w.word(x.Repl.With)
	}
	if x.Exp != nil {
		w.word(x.Exp.Word)
	}
}

// redirs turns what the interpreter has no place for (descriptors from 3 up)
// into paths under /dev/fd and calls that open them. It reports whether the
// statement's command is done with too.
func (w *rewriter) redirs(st *syntax.Stmt) bool {
	var before []*syntax.Stmt
	kept := st.Redirs[:0:0]
	for _, r := range st.Redirs {
		w.word(r.Word)
		if r.Hdoc != nil {
			w.word(r.Hdoc)
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

// parse reads a script and rewrites it. What was read before a syntax error is
// returned with it, as a shell runs line by line.
func (w *rewriter) parse(src io.Reader) (*syntax.File, error) {
	f := &syntax.File{Name: w.name}
	for st, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).StmtsSeq(src) {
		if err != nil {
			return f, w.parseError(err)
		}
		w.stmt(st)
		if w.err != nil {
			return f, w.err
		}
		f.Stmts = append(f.Stmts, st)
	}
	return f, nil
}

func (w *rewriter) parseError(err error) error {
	if e, ok := err.(syntax.ParseError); ok {
		return fmt.Errorf("%s: %d: Syntax error: %s", w.name, e.Pos.Line(), e.Text)
	}
	return fmt.Errorf("%s: %w", w.name, err)
}

// text is a rewritten script as text, for eval, trap and source.
func (w *rewriter) text(src string) (string, error) {
	f, err := w.parse(strings.NewReader(src))
	if err != nil && len(f.Stmts) == 0 {
		return "", err
	}
	var b bytes.Buffer
	if perr := syntax.NewPrinter().Print(&b, f); perr != nil {
		return "", perr
	}
	return b.String(), err
}
