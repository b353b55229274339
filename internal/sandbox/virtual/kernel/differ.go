package kernel

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// NotHere ends every refusal, with the guests that have the real shell and programs.
const NotHere = " is not supported by the virtual guest; the real one is there with `sandbox serve --driver lxc` or on a Proxmox node"

// differs records parts of a script that differ from bash only in combination.
type differs struct {
	nounset   bool // set -u
	errTrap   bool // trap … ERR
	errtrace  bool // set -E
	errexit   bool // set -e
	functions bool
}

// differ refuses statements that the interpreter would silently run with another result
// than the shell: mvdan.cc/sh 3.14.1 has each of these differences. It examines a
// statement before it is rewritten.
func (w *rewriter) differ(st *syntax.Stmt) {
	syntax.Walk(st, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParamExp:
			w.differParam(n)
		case *syntax.CallExpr:
			w.differCall(n)
		case *syntax.DeclClause:
			w.differDeclare(n)
		case *syntax.FuncDecl:
			w.seen.functions = true
			w.differErr(n.Pos())
		case *syntax.ArithmExp:
			w.differOctal(n)
		case *syntax.ArithmCmd:
			w.differOctal(n)
		}
		return w.err == nil
	})
}

// differParam: the interpreter does not anchor an anchored pattern, it takes an unset
// element of an array as empty in spite of set -u, and it has no name for the tenth argument
// and those after it; see laterArgument.
func (w *rewriter) differParam(n *syntax.ParamExp) {
	if n.Repl != nil && n.Repl.Orig != nil && !n.Repl.All && len(n.Repl.Orig.Parts) > 0 {
		if l, ok := n.Repl.Orig.Parts[0].(*syntax.Lit); ok && (strings.HasPrefix(l.Value, "#") || strings.HasPrefix(l.Value, "%")) {
			w.refuse(n.Pos(), "${"+n.Param.Value+"/"+l.Value[:1]+"…}, a replacement at one end,")
		}
	}
	if isLater(n) && (w.seen.nounset || n.Exp != nil || n.Repl != nil || n.Slice != nil || n.Index != nil || n.Length || n.Excl) {
		w.refuse(n.Pos(), "an operation on ${"+n.Param.Value+"}, or set -u with it,")
	}
	every := n.Param != nil && (n.Param.Value == "@" || n.Param.Value == "*")
	if index, ok := n.Index.(*syntax.Word); ok && (index.Lit() == "@" || index.Lit() == "*") {
		every = true
	}
	if n.Exp != nil && every && (n.Exp.Op == syntax.OtherParamOps || hasDefault(n) && n.Index == nil || hasDefault(n) && n.Exp.Op != syntax.AlternateUnset && n.Exp.Op != syntax.AlternateUnsetOrNull) {
		w.refuse(n.Pos(), "${"+n.Param.Value+"[@]"+n.Exp.Op.String()+"…}, an operation on every element,")
	}
	if index, ok := n.Index.(*syntax.Word); n.Index != nil && w.seen.nounset && n.Exp == nil && !n.Length {
		if text := ""; ok {
			if text = index.Lit(); text == "@" || text == "*" {
				return
			}
		}
		w.refuse(n.Pos(), "set -u with an element of an array, ${"+n.Param.Value+"[…]},")
	}
}

func (w *rewriter) differCall(n *syntax.CallExpr) {
	var words []string
	for _, a := range n.Args {
		words = append(words, quotedLit(a))
	}
	if len(words) == 0 {
		return
	}
	switch words[0] {
	case "set":
		w.differSet(n, words[1:])
	case "printf":
		if format := slices.IndexFunc(words[1:], func(s string) bool { return timeFormat().MatchString(strings.ReplaceAll(s, "%%", "")) }); format >= 0 {
			w.refuse(n.Pos(), "printf '%(…)T'")
		}
	case "trap":
		for _, s := range words[1:] {
			if s == "DEBUG" || s == "RETURN" {
				w.refuse(n.Pos(), "trap … "+s)
			}
		}
		w.seen.errTrap = w.seen.errTrap || len(words) > 2 && words[1] != "-" && words[1] != "" && slices.Contains(words[2:], "ERR")
		w.differErr(n.Pos())
	}
}

func (w *rewriter) differSet(n *syntax.CallExpr, words []string) {
	for i, s := range words {
		if s == "--" || len(s) < 2 || s[0] != '-' && s[0] != '+' {
			return
		}
		on := s[0] == '-'
		long := ""
		if strings.HasSuffix(s, "o") && i+1 < len(words) {
			long = words[i+1]
		}
		if strings.Contains(s, "u") || long == "nounset" {
			w.seen.nounset = on
		}
		w.seen.errexit = w.seen.errexit || on && (strings.Contains(s, "e") && long == "" || long == "errexit" || strings.Contains(strings.TrimSuffix(s, "o"), "e"))
		w.seen.errtrace = w.seen.errtrace || on && (strings.Contains(s, "E") || long == "errtrace")
		if on && (strings.Contains(s, "C") || long == "noclobber") {
			w.refuse(n.Pos(), "set -C (noclobber)")
		}
		if long != "" {
			w.differSet(n, words[min(i+2, len(words)):])
			return
		}
	}
}

// differErr: without set -E a trap on ERR applies only outside of functions, but the
// interpreter runs it in functions, too. Without set -e it runs for the call as well.
func (w *rewriter) differErr(pos syntax.Pos) {
	if !w.posix && w.seen.errTrap && w.seen.functions && !(w.seen.errtrace && w.seen.errexit) {
		w.refuse(pos, "trap … ERR beside functions, without set -eE before it,")
	}
}

// differDeclare: the interpreter ignores attributes that it does not know, and under set
// -u it takes an associative array without elements as unset.
func (w *rewriter) differDeclare(n *syntax.DeclClause) {
	for _, a := range n.Args {
		if !a.Naked || a.Value == nil {
			continue
		}
		flags := a.Value.Lit()
		switch {
		case !strings.HasPrefix(flags, "-"):
		case strings.ContainsAny(flags, "ilutc"):
			w.refuse(n.Pos(), n.Variant.Value+" "+flags)
		case strings.Contains(flags, "A") && w.seen.nounset:
			w.refuse(n.Pos(), "set -u with an associative array ("+n.Variant.Value+" -A)")
		}
	}
}

var timeFormat = lazy.Regexp(`%[-0-9.]*\([^)]*\)T`)

var badOctal = lazy.Regexp(`^0[0-7]*[89]`)

// differOctal: a number with a leading 0 and a digit 8 or 9 is an error in a shell, and 0
// in the interpreter.
func (w *rewriter) differOctal(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if x, ok := n.(*syntax.Word); ok && badOctal().MatchString(x.Lit()) {
			w.refuse(x.Pos(), "the number "+x.Lit()+", which is octal and has an 8 or 9,")
		}
		return true
	})
}

// quotedLit returns the text of a word that is one literal, quoted or not; "" for any
// other.
func quotedLit(word *syntax.Word) string {
	if len(word.Parts) != 1 {
		return word.Lit()
	}
	switch x := word.Parts[0].(type) {
	case *syntax.SglQuoted:
		return x.Value
	case *syntax.DblQuoted:
		return (&syntax.Word{Parts: x.Parts}).Lit()
	}
	return word.Lit()
}
