package kernel

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// In arithmetic the library takes any text that is no number for 0, also 08, and goes on
// after a division by zero. A real shell ends the script, or at least the line.

// arithmetic rewrites an expression and everything in it.
func (w *rewriter) arithmetic(e syntax.ArithmExpr) syntax.ArithmExpr {
	if e == nil {
		return nil
	}
	arithNames(e)
	w.walk(e)
	return w.arith(e)
}

// arith guards the operands and divisors of an expression whose words are rewritten.
func (w *rewriter) arith(e syntax.ArithmExpr) syntax.ArithmExpr {
	switch x := e.(type) {
	case *syntax.ParenArithm:
		x.X = w.arith(x.X)
	case *syntax.UnaryArithm:
		if x.Op != syntax.Inc && x.Op != syntax.Dec {
			x.X = w.arith(x.X)
		} else if v, ok := x.X.(*syntax.Word); ok {
			w.assigned(x.Pos(), v.Lit())
		}
	case *syntax.BinaryArithm:
		w.binary(x)
	case *syntax.Word:
		w.operand(x)
	}
	return e
}

// comparison checks the numbers of [[ a -eq b ]].
func (w *rewriter) comparison(n *syntax.BinaryTest) {
	for _, side := range []syntax.TestExpr{n.X, n.Y} {
		if x, ok := side.(*syntax.Word); ok {
			w.differOctal(x)
			name := x.Lit()
			if w.word(x); syntax.ValidName(name) { // the library takes it for 0
				x.Parts = []syntax.WordPart{checkedNumber(name, nil)}
				continue
			}
			w.operand(x)
		}
	}
}

func (w *rewriter) binary(x *syntax.BinaryArithm) {
	switch x.Op {
	case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn,
		syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
		if v, ok := x.X.(*syntax.Word); ok {
			w.assigned(x.Pos(), v.Lit())
		}
	default:
		x.X = w.arith(x.X)
	}
	x.Y = w.arith(x.Y)
	switch x.Op {
	case syntax.Quo, syntax.Rem, syntax.QuoAssgn, syntax.RemAssgn:
		x.Y = divisor(x.Y)
	}
}

// divisor is an expression that ends the shell if its value is 0.
func divisor(y syntax.ArithmExpr) syntax.ArithmExpr {
	if v, ok := y.(*syntax.Word); ok && decimal().MatchString(v.Lit()) && v.Lit() != "0" {
		return y
	}
	set := &syntax.BinaryArithm{Op: syntax.Assgn, X: plain(varDivisor), Y: &syntax.ParenArithm{X: y}}
	end := &syntax.Word{Parts: []syntax.WordPart{&syntax.ParamExp{Param: &syntax.Lit{Value: varBadSubst},
		Exp: &syntax.Expansion{Op: syntax.ErrorUnset, Word: lit("division by zero")}}}}
	return &syntax.ParenArithm{X: &syntax.BinaryArithm{Op: syntax.TernQuest, X: &syntax.ParenArithm{X: set},
		Y: &syntax.BinaryArithm{Op: syntax.TernColon, X: plain(varDivisor), Y: end}}}
}

var (
	decimal   = lazy.Regexp(`^[1-9][0-9]*$|^0$`)
	wholeText = lazy.Regexp(`^[-+]?([1-9][0-9]*|0[0-7]*|0[xX][0-9a-fA-F]+)$`)
	based     = lazy.Regexp(`^[-+]?[1-9][0-9]*#[0-9a-zA-Z@_]+$`)
)

// operand checks a value at run time, unless the script only gives numbers to that name.
func (w *rewriter) operand(x *syntax.Word) {
	text := x.Lit()
	switch {
	case text != "" && !syntax.ValidName(text):
		return // a number
	case syntax.ValidName(text):
		if !strings.HasPrefix(text, callPrefix) && !w.prog.isNumeric(text) {
			x.Parts = []syntax.WordPart{checkedNumber(text, nil)}
		}
		return
	}
	if len(x.Parts) == 1 {
		p, ok := x.Parts[0].(*syntax.ParamExp)
		switch {
		case ok && (p.Length || p.Param.Value == "#" || p.Param.Value == "?" || strings.HasPrefix(p.Param.Value, callPrefix)):
			return
		case ok && p.Index == nil && p.Exp == nil && p.Repl == nil && p.Slice == nil && w.prog.isNumeric(p.Param.Value):
			return
		}
	}
	if l, ok := x.Parts[0].(*syntax.Lit); ok && strings.HasSuffix(l.Value, "#") {
		if w.posix {
			w.syntaxError(x.Pos(), "arithmetic expression: expecting EOF: "+l.Value)
		}
		return // 10#$x
	}
	value := &syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Parts: x.Parts}}}
	if d, ok := x.Parts[0].(*syntax.DblQuoted); ok && len(x.Parts) == 1 {
		value.Parts[0] = d
	}
	x.Parts = []syntax.WordPart{checkedNumber("", value)}
}

func checkedNumber(name string, value *syntax.Word) *syntax.CmdSubst {
	c := callOf(callNumber, name)
	if value != nil {
		c.Args = append(c.Args, value)
	}
	return &syntax.CmdSubst{Stmts: []*syntax.Stmt{{Cmd: c}}}
}

// number prints the value of a variable, or args[1], if arithmetic can use it. Otherwise
// the shell ends before its next command.
func (sh *shell) number(hc interp.HandlerContext, args []string) int {
	text := args[len(args)-1]
	if len(args) == 1 {
		for range 10 { // a variable may hold the name of another
			v := hc.Env.Get(text)
			if text = v.String(); !v.IsSet() && sh.kind == "bash" && sh.nounsetNow() {
				fmt.Fprintf(hc.Stderr, "%s: %s: unbound variable\n", sh.name, args[0])
				sh.end(2)
				return 2
			}
			if sh.kind != "bash" || !syntax.ValidName(strings.TrimSpace(text)) {
				break
			}
			text = strings.TrimSpace(text)
		}
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "" || wholeText().MatchString(text) || sh.kind == "bash" && (based().MatchString(text) || syntax.ValidName(text)):
		fmt.Fprint(hc.Stdout, text)
		return 0
	case badOctal().MatchString(text):
		fmt.Fprintf(hc.Stderr, "%s: %d: Illegal number: %s (octal, for its leading 0)\n", sh.name, max(1, hc.Pos.Line()), text)
	default:
		fmt.Fprintf(hc.Stderr, "%s: %d: sandbox: the value %q in an arithmetic expression"+NotHere+"\n", sh.name, max(1, hc.Pos.Line()), text)
	}
	sh.end(2)
	return 2
}

func isNumber(x *syntax.Word) bool {
	if decimal().MatchString(x.Lit()) {
		return true
	}
	if len(x.Parts) == 1 {
		switch p := x.Parts[0].(type) {
		case *syntax.ArithmExp:
			return true
		case *syntax.ParamExp:
			return p.Length || p.Param != nil && (p.Param.Value == "#" || p.Param.Value == "?")
		}
	}
	return false
}
