package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The calls that rewriting puts in.
const (
	callPrefix     = "__vg_"
	callFork       = callPrefix + "fork"
	callBack       = callPrefix + "back"
	callSubst      = callPrefix + "subst"
	callProcIn     = callPrefix + "procin"
	callProcOut    = callPrefix + "procout"
	callFd         = callPrefix + "fd"
	callKeepFds    = callPrefix + "keepfds"
	callBackFds    = callPrefix + "backfds"
	callPipe       = callPrefix + "pipe"
	callNumber     = callPrefix + "number"
	callReadonly   = callPrefix + "readonly"
	callIsReadonly = callPrefix + "isreadonly"
	callReturn     = callPrefix + "return"
	callQuote      = callPrefix + "quote"
	callSlurp      = callPrefix + "slurp"
	callErr        = callPrefix + "err"
	callErrDone    = callPrefix + "errdone"
	varDivisor     = callPrefix + "divisor"
	varPid         = callPrefix + "pid"
	varPpid        = callPrefix + "ppid"
	varBang        = callPrefix + "bang"
	varFlags       = callPrefix + "flags"
	varZero        = callPrefix + "zero"
	bodyFunction   = callPrefix + "body"
)

type rewriter struct {
	prog   *program
	posix  bool // a shell without bash's extensions
	name   string
	home   func(user string) (string, bool)
	depth  int // of functions
	seen   differs
	scopes []string // labels of the commands with descriptors of their own around this one, see scoped
	quoted bool     // between double quotes, or in a here-document
	err    error
	whole  bool // err is a refusal: no part of the script may run
}

func (w *rewriter) refuse(pos syntax.Pos, what string) {
	if w.err == nil {
		w.err, w.whole = fmt.Errorf("%s: %d: sandbox: %s"+NotHere, w.name, pos.Line(), what), true
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

// typed rewrites statements that run as soon as they are read.
func (w *rewriter) typed(list []*syntax.Stmt) {
	w.names(list)
	for _, st := range list {
		w.differ(st)
	}
	if w.err == nil {
		w.stmts(list)
	}
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
	defer func(was bool) { w.quoted = was }(w.quoted)
	w.quoted = false
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
		once(&inner)
		w.stmt(&inner)
		*st = syntax.Stmt{Position: st.Position, Cmd: callOf(callBack, w.body([]*syntax.Stmt{&inner}), keep)}
		return
	}
	negate(st)
	if !w.redirs(st) {
		w.command(st)
	}
}

// once keeps a ( ) that has a process of its own from getting a second one. A signal for the
// first, which knows nothing of the traps inside, would take away its redirections.
func once(st *syntax.Stmt) {
	if b, ok := st.Cmd.(*syntax.Subshell); ok && !st.Negated {
		st.Cmd = &syntax.Block{Lbrace: b.Lparen, Rbrace: b.Rparen, Stmts: b.Stmts, Last: b.Last}
	}
}

func (w *rewriter) command(st *syntax.Stmt) {
	if w.posix {
		st.Cmd = w.posixCommand(st.Cmd)
	}
	switch c := st.Cmd.(type) {
	case *syntax.Subshell:
		w.stmts(c.Stmts)
		st.Cmd = callOf(callFork, w.body(c.Stmts))
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			if w.posix {
				w.posixNode(c)
			}
			st.Cmd = callOf(callPipe, w.sides(st.Cmd, nil)...)
			return
		}
		w.stmt(c.X)
		w.stmt(c.Y)
	case *syntax.FuncDecl:
		if w.posix {
			w.posixNode(c)
		}
		outer := w.scopes
		w.depth, w.scopes = w.depth+1, nil
		w.stmt(c.Body)
		w.depth, w.scopes = w.depth-1, outer
	case *syntax.CoprocClause:
		w.refuse(c.Pos(), "a coprocess")
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			w.stmts(c.Cond)
			w.stmts(c.Then)
		}
	case *syntax.WhileClause:
		w.stmts(c.Cond)
		w.stmts(c.Do)
	case nil:
	default:
		guarded := w.guardReadonly(w.returns(st.Cmd))
		w.walk(c)
		st.Cmd = guarded
	}
}

// walk goes through everything that is no statement with a process of its own.
func (w *rewriter) walk(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if w.posix && n != nil {
			w.posixNode(n)
		}
		switch n := n.(type) {
		case *syntax.Stmt:
			w.stmt(n)
			return false
		case *syntax.CallExpr:
			w.splitDefaults(n.Args)
		case *syntax.WordIter:
			w.splitDefaults(n.Items)
		case *syntax.DeclClause:
			w.associative(n)
		case *syntax.Word:
			w.word(n)
			return false
		case *syntax.ArrayExpr:
			if w.posix {
				w.syntaxError(n.Pos(), `"(" unexpected`)
			}
		case *syntax.ArithmCmd:
			n.X = w.arithmetic(n.X)
			return false
		case *syntax.LetClause:
			for i := range n.Exprs {
				n.Exprs[i] = w.arithmetic(n.Exprs[i])
			}
			return false
		case *syntax.CStyleLoop:
			n.Init, n.Cond, n.Post = w.arithmetic(n.Init), w.arithmetic(n.Cond), w.arithmetic(n.Post)
			return false
		case *syntax.TimeClause:
			w.refuse(n.Pos(), "the keyword time")
		case *syntax.Assign:
			arithNames(n.Index)
			bareEscapes(n.Value)
		case *syntax.CaseClause:
			bareEscapes(n.Word)
		case *syntax.UnaryTest:
			w.unaryTest(n)
		case *syntax.BinaryTest:
			switch n.Op {
			case syntax.TsDevIno:
				w.refuse(n.Pos(), "-ef in [[ ]]")
			case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
				w.comparison(n)
				return false
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

// parse reads a script and rewrites it. With a syntax error it also returns the
// statements before the error, because a shell runs line by line. If the script has a
// construct that the virtual guest does not support, it returns no statement.
func (w *rewriter) parse(src io.Reader) (*syntax.File, error) {
	f := &syntax.File{Name: w.name}
	var stmts []*syntax.Stmt
	var bad error
	for st, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).StmtsSeq(src) {
		if err != nil {
			bad = w.parseError(err)
			break
		}
		stmts = append(stmts, st)
	}
	w.names(stmts)
	for _, st := range stmts {
		if w.differ(st); w.err == nil {
			w.stmt(st)
		}
		if w.whole {
			f.Stmts = nil
		}
		if w.err != nil {
			return f, w.err
		}
		f.Stmts = append(f.Stmts, st)
	}
	return f, bad
}

func (w *rewriter) parseError(err error) error {
	if e, ok := errors.AsType[syntax.ParseError](err); ok {
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
